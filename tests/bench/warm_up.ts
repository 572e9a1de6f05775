/**
 * Warms a program up before it is measured. The compiler of the runtime needs tens of thousands of requests
 * until it has compiled the path of a request for good, and until then a request costs two to three times as
 * much.
 */

/** A load must be better than the best so far by this part, or it counts as no progress. */
const LEAST_PROGRESS = 0.04;
/** How many loads without progress end the warm-up. Other work on the machine can hide progress once. */
const LOADS_WITHOUT_PROGRESS = 2;
/** How many loads there are at most. */
const MOST_LOADS = 12;

/** Repeats a load until its cost has stopped falling. `load` returns its cost for each request. */
export async function warmedUp(load: () => Promise<number>): Promise<void> {
  let best = Infinity;
  let without = 0;
  for (let count = 0; count < MOST_LOADS && without < LOADS_WITHOUT_PROGRESS; count++) {
    const cost = await load();
    without = cost < best * (1 - LEAST_PROGRESS) ? 0 : without + 1;
    best = Math.min(best, cost);
  }
}
