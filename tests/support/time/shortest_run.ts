/**
 * The duration of the shortest of some runs, in milliseconds. Other tests and programs use the processors at
 * the same time, and can only make a run longer.
 */
export function shortestRun(work: () => unknown, { runs = 5 }: { readonly runs?: number } = {}): number {
  let shortest = Infinity;
  for (let run = 0; run < runs; run++) {
    const begin = performance.now();
    work();
    shortest = Math.min(shortest, performance.now() - begin);
  }
  return shortest;
}
