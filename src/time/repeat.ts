import type { Clock } from "./clock.ts";

/**
 * Runs work again and again. The next run begins `everyMs` milliseconds after the end of the last one, and
 * the first one after the same time. The work must not reject. The returned function stops it.
 */
export function repeat(everyMs: number, clock: Pick<Clock, "after">, work: () => Promise<void>): () => void {
  let isStopped = false;
  let stopTimer = (): void => {};
  const wait = (): void => {
    stopTimer = clock.after(everyMs, () => void run());
  };
  const run = async (): Promise<void> => {
    await work();
    if (!isStopped) wait();
  };
  wait();
  return () => {
    isStopped = true;
    stopTimer();
  };
}
