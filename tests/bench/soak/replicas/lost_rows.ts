/**
 * Which requests the database may lack: a replica that is killed loses those that it runs, and those whose rows wait for
 * their batch or are being written. PostgreSQL notes when it kept each row, so that the rows of the run themselves say
 * how long that takes.
 */

import type { Seen } from "./clients.ts";

/** A batch waits for 250 ms, and its write takes a moment. In milliseconds. */
const UNWRITTEN_MS = 500;

/** How long rows of a run were in memory only. In milliseconds. */
export interface UnwrittenMs {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** The times of some rows. */
export function unwrittenOf(times: readonly number[]): UnwrittenMs {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

/** A time in which the database was away, by `performance.now`. */
export interface Away {
  readonly from: number;
  readonly to: number;
}

/** After a restart of the database, all waiting rows are written within this time. In milliseconds. */
const BACK_MS = 5_000;

/** Whether the database was away at a moment, or had just been. */
export function isWithoutDatabase(at: number, aways: readonly Away[]): boolean {
  return aways.some(({ from, to }) => at > from - BACK_MS && at < to + BACK_MS);
}

/**
 * Whether a kill explains that the database lacks a request, if other rows were in memory for so long. Rows that waited
 * for the database are lost too.
 */
export function isLostByKill(
  { life, endedAt }: Seen,
  { unwritten, aways }: { readonly unwritten: UnwrittenMs; readonly aways: readonly Away[] },
): boolean {
  const { killedAt } = life;
  if (killedAt === Infinity) return false;
  const starts = aways.filter(({ from, to }) => killedAt > from && killedAt < to + BACK_MS).map(({ from }) =>
    from
  );
  return endedAt > Math.min(killedAt, ...starts) - Math.max(UNWRITTEN_MS, unwritten.most);
}

/** How long before the kill a request had ended. `0` if it was running. In milliseconds. */
export function endedBeforeKillMs({ life, endedAt }: Seen): number {
  return Math.max(0, life.killedAt - endedAt);
}
