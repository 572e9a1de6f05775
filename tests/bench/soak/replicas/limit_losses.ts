/** When replicas counted by themselves, by their logs. */

import type { SoakedReplica } from "./replicas.ts";

/**
 * A time in which a replica could not reach the limits. Times are those of `performance.now`, in
 * milliseconds.
 */
export interface LimitLoss {
  readonly from: number;
  readonly to: number;
  /** Why, as the log says. */
  readonly reason: string;
}

const HOUR_MS = 3_600_000;
/** A request waits so long for the balances of the database, and longer while the process is busy. */
const READ_MS = 6_000;

/** The losses of a replica that has ended. */
export function limitLossesOf({ output, isAhead }: Pick<SoakedReplica, "output" | "isAhead">): LimitLoss[] {
  const losses: LimitLoss[] = [];
  let open: Omit<LimitLoss, "to"> | undefined;
  let last = 0;
  for (const text of output.split("\n")) {
    if (!text.startsWith("{")) continue;
    const line: Record<string, unknown> = JSON.parse(text);
    const at = Date.parse(String(line["time"])) - (isAhead ? HOUR_MS : 0) - performance.timeOrigin;
    // The next process after a kill.
    if (line["event"] === "started" && open !== undefined) {
      losses.push({ ...open, to: last });
      open = undefined;
    }
    last = at;
    // Requests that need earlier spending are then refused, as without the limits.
    const isUnread = line["event"] === "storage_failing" &&
      /spending could not be read/.test(String(line["detail"]));
    if (isUnread) losses.push({ from: at - READ_MS, to: at, reason: String(line["detail"]) });
    if (line["event"] === "limits_failing") open = { from: at, reason: String(line["detail"]) };
    if (line["event"] === "limits_recovered" && open !== undefined) {
      losses.push({ ...open, to: at });
      open = undefined;
    }
  }
  return open === undefined ? losses : [...losses, { ...open, to: Math.max(last, performance.now()) }];
}
