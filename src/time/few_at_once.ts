/**
 * Makes a function that runs at most `max` pieces of work at the same time. Others wait in the order of
 * arrival.
 */
export function fewAtOnce(max: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The next piece of work takes over the slot.
      if (next === undefined) running--;
      else next();
    }
  };
}
