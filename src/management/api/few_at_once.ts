/** Runs work of which no more than so many pieces go on at the same time; the others wait, the first to come first. */
export function fewAtOnce(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // It takes the place over.
      if (next === undefined) running--;
      else next();
    }
  };
}
