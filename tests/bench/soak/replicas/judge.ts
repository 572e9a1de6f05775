/**
 * Judges what clients saw and what the provider got, by the limits of the tokens and the faults of the run.
 */

import { REPLICA_LIFETIME_MS } from "../../../../src/limits/shared/shared_limits.ts";
import type { Seen } from "./clients.ts";
import type { Fault } from "./faults.ts";
import type { LimitLoss } from "./limit_losses.ts";
import { type Billed, costOf, MOST_OUTPUT } from "./provider.ts";
import type { Revocation } from "./revocations.ts";
import { BUDGETS, MOST_REQUESTS, RATE, SLOTS } from "./tokens.ts";

/** What is judged. */
export interface Run {
  readonly seen: readonly Seen[];
  readonly bill: ReadonlyMap<number, Billed>;
  /** On the bill and not in the database, because a replica was killed. */
  readonly lost: ReadonlySet<number>;
  /**
   * The most requests of the token `slots` at the same time at the provider, by the second of
   * `performance.now`.
   */
  readonly slots: ReadonlyMap<number, number>;
  readonly revocations: readonly Revocation[];
  readonly faults: readonly Fault[];
  readonly replicas: number;
  readonly from: number;
  readonly to: number;
  /** When replicas counted by themselves, by their logs. */
  readonly losses: readonly LimitLoss[];
  readonly isRedis: boolean;
  /**
   * How many versions of the shared limits ran. Each has its own counts, and allows a limit. One if it is
   * absent.
   */
  readonly countings?: number;
}

/** The verdict: what is wrong, and lines of figures. */
export interface Verdict {
  readonly problems: string[];
  readonly figures: string[];
}

/** After the limits are lost or away, all replicas have joined again. In milliseconds. */
const JOINED_MS = 5_000;
/** The longest time until a replica notices that the limits are away. In milliseconds. */
const ANSWER_MS = 2_500;
/** A minute as the limits count it: 61 whole seconds. In milliseconds. */
const WINDOW_MS = 61_000;
const MINUTE_MS = 60_000;
/**
 * After a restart of the database, a replica waits up to two seconds before it connects again. In
 * milliseconds.
 */
const DATABASE_BACK_MS = 3_500;
/** The longest time until all replicas have heard of a revocation. In milliseconds. */
const TOLD_MS = 1_000;
/**
 * The slots of a dead replica are free by then: its lifetime, and the time until another replica looks. In
 * milliseconds.
 */
const FREED_MS = REPLICA_LIFETIME_MS + 3_000;
/** Requests with these tokens are refused while the limits are away. */
const REFUSED: ReadonlySet<string> = new Set([...Object.keys(BUDGETS), "requests"]);
const LIMITED: ReadonlySet<string> = new Set([...Object.keys(BUDGETS), "requests", "rate", "slots"]);
const MOST_MICROS = Math.round(MOST_OUTPUT * 0.6);

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Judges a run. */
export function judge(run: Run): Verdict {
  const kinds = run.isRedis ? ["limits emptied", "limits restarted"] : ["database restarted"];
  const losses = run.faults.filter(({ kind }) => kinds.includes(kind))
    .map(({ from, to }) => ({ from, to: to + JOINED_MS }));
  // A busy machine can lose the limits too, if an answer takes too long.
  const own = run.losses.filter(({ from, to }) => !losses.some((loss) => loss.from < to && loss.to > from));
  losses.push(...run.losses.map(({ from, to }) => ({ from: from - ANSWER_MS, to: to + JOINED_MS })));
  const parts = [
    judgeFailures(run, losses),
    judgeBudgets(run),
    judgeRate(run, losses),
    judgeSlots(run, losses),
    judgeRevocations(run),
  ];
  return {
    problems: parts.flatMap(({ problems }) => problems),
    figures: [
      `at most ${mostAtOnce(run.seen)} requests in flight`,
      ...parts.flatMap(({ figures }) => figures),
      `limits: ${run.losses.length} losses of a replica, ${own.length} of them without a fault ` +
      `(${[...new Set(own.map(({ reason }) => reason))].join("; ")})`,
    ],
  };
}

/** The most requests at the same time, as clients saw them. */
function mostAtOnce(seen: readonly Seen[]): number {
  const steps = seen.flatMap(({ begunAt, endedAt }) => [{ at: begunAt, more: 1 }, { at: endedAt, more: -1 }]);
  steps.sort((one, other) => one.at - other.at || one.more - other.more);
  let [most, running] = [0, 0];
  for (const { more } of steps) most = Math.max(most, running += more);
  return most;
}

function judgeFailures({ seen }: Run, losses: readonly Span[]): Verdict {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const one of seen) {
    const reason = reasonOf(one, losses);
    if (reason === undefined) problems.push(`${one.serial} failed without a reason: ${JSON.stringify(one)}`);
    else counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return { problems, figures: [...counts].sort().map(([reason, count]) => `${count} ${reason}`) };
}

/** Why a request ended as it did. `undefined` if there is no reason. */
function reasonOf(one: Seen, losses: readonly Span[]): string | undefined {
  const { status, error, code, token, life, endedAt } = one;
  if (status === 200 && error === undefined) return "served";
  if (life.killedAt <= endedAt && (status === undefined || status === 200)) return "on a killed replica";
  if (status === 429 && LIMITED.has(token)) return `rejected: ${code}`;
  if (status === 401 && token.startsWith("revoked")) return "rejected: revoked";
  const isAway = losses.some(({ from, to }) => one.begunAt < to && endedAt > from);
  if (status === 503 && code === "overloaded" && REFUSED.has(token) && isAway) return "refused: limits away";
  // The load balancer noticed the end of the replica too late.
  if (one.begunAt > life.leftAt) return "sent to a replica that was stopped";
  return undefined;
}

function judgeBudgets({ bill, lost, countings = 1 }: Run): Verdict {
  const verdict: Verdict = { problems: [], figures: [] };
  const spent = new Map<string, { all: number; lost: number; count: number; lostCount: number }>();
  for (const { serial, token } of bill.values()) {
    const sum = spent.get(token) ?? { all: 0, lost: 0, count: 0, lostCount: 0 };
    spent.set(token, sum);
    sum.all += costOf(serial);
    sum.count++;
    if (!lost.has(serial)) continue;
    sum.lost += costOf(serial);
    sum.lostCount++;
  }
  for (const [token, budget] of Object.entries(BUDGETS)) {
    const sum = spent.get(token) ?? { all: 0, lost: 0 };
    const text = `${token}: ${sum.all} micro-dollars of ${budget}, ${sum.lost} of them lost by kills`;
    verdict.figures.push(text);
    if (sum.all - sum.lost > countings * (budget + MOST_MICROS)) verdict.problems.push(text);
  }
  const { count, lostCount } = spent.get("requests") ?? { count: 0, lostCount: 0 };
  const text = `requests: ${count} of ${MOST_REQUESTS}, ${lostCount} of them lost by kills`;
  verdict.figures.push(text);
  if (count - lostCount > countings * MOST_REQUESTS) verdict.problems.push(text);
  return verdict;
}

function judgeRate({ seen, bill, from, to, replicas, countings = 1 }: Run, losses: readonly Span[]): Verdict {
  const verdict: Verdict = { problems: [], figures: [] };
  // A request is counted at some moment between these two.
  const spans = seen.filter(({ token }) => token === "rate").flatMap(({ serial, begunAt }) => {
    const arrivedAt = bill.get(serial)?.arrivedAt;
    return arrivedAt === undefined ? [] : [{ from: begunAt, to: arrivedAt }];
  });
  let [most, mostWithLoss] = [0, 0];
  for (const first of spans) {
    const end = first.from + MINUTE_MS;
    const count = spans.filter((span) => span.from >= first.from && span.to <= end).length;
    if (losses.some((loss) => loss.from < end && loss.to > first.from)) {
      mostWithLoss = Math.max(mostWithLoss, count);
    } else most = Math.max(most, count);
  }
  verdict.figures.push(
    `rate: at most ${most} of ${RATE} in a minute; ${mostWithLoss} where limits were lost`,
  );
  if (most > countings * RATE) verdict.problems.push(`${most} requests of ${RATE} in a minute`);
  // While limits are away each replica counts by itself, and afterwards the count begins again.
  if (mostWithLoss > RATE * (replicas + 1)) {
    verdict.problems.push(`${mostWithLoss} requests after a loss`);
  }
  const whole = wholeWindow(losses, { from, to });
  if (whole === undefined) return verdict;
  const count = spans.filter((span) => span.to >= whole.from && span.to < whole.to).length;
  verdict.figures.push(`rate: ${count} of ${RATE} in ${WINDOW_MS / 1_000} s without a loss`);
  if (count < RATE * 0.99) verdict.problems.push(`only ${count} requests of ${RATE}`);
  return verdict;
}

/** A minute without a loss. */
function wholeWindow(losses: readonly Span[], { from, to }: Span): Span | undefined {
  const starts = [from, ...losses.map((loss) => loss.to)];
  const start = starts.find((one) =>
    one + WINDOW_MS <= to && !losses.some((loss) => loss.from < one + WINDOW_MS && loss.to > one)
  );
  return start === undefined ? undefined : { from: start, to: start + WINDOW_MS };
}

function judgeSlots({ slots, replicas, faults, to, countings = 1 }: Run, losses: readonly Span[]): Verdict {
  const verdict: Verdict = { problems: [], figures: [] };
  let [most, mostWithLoss] = [0, 0];
  for (const [second, running] of slots) {
    const [from, until] = [second * 1_000, (second + 1) * 1_000];
    // What began during a loss may still run.
    if (losses.some((loss) => loss.from < until && loss.to > from)) {
      mostWithLoss = Math.max(mostWithLoss, running);
    } else most = Math.max(most, running);
  }
  verdict.figures.push(`slots: at most ${most} of ${SLOTS} at once; ${mostWithLoss} where limits were lost`);
  if (most > countings * SLOTS) verdict.problems.push(`${most} requests of ${SLOTS} at once`);
  if (mostWithLoss > SLOTS * replicas) verdict.problems.push(`${mostWithLoss} requests at once after a loss`);
  const kills = faults.filter(({ kind }) => kind === "replica killed");
  let judged = 0;
  for (const [index, { from }] of kills.entries()) {
    const span = { from: from + FREED_MS, to: Math.min(kills[index + 1]?.from ?? to, to) };
    if (span.to - span.from < 3_000) continue;
    judged++;
    const reached = Math.max(
      0,
      ...[...slots].filter(([second]) => second * 1_000 >= span.from && second * 1_000 < span.to)
        .map(([, running]) => running),
    );
    if (reached < SLOTS) {
      verdict.problems.push(`only ${reached} of ${SLOTS} slots are in use ${FREED_MS} ms after a kill`);
    }
  }
  verdict.figures.push(`slots: all in use again after ${judged} kills`);
  return verdict;
}

function judgeRevocations({ revocations, faults, from }: Run): Verdict {
  const problems: string[] = [];
  const restarts = faults.filter(({ kind }) => kind === "database restarted");
  let [most, mostAfterRestart] = [0, 0];
  for (const { at, replica, lateMs } of revocations) {
    // A restart can begin before all replicas have heard of the revocation.
    const isAfter = restarts.some(({ from, to }) => at > from - TOLD_MS && at < to + DATABASE_BACK_MS);
    if (isAfter) mostAfterRestart = Math.max(mostAfterRestart, lateMs);
    else most = Math.max(most, lateMs);
    const limit = isAfter ? DATABASE_BACK_MS : TOLD_MS;
    if (lateMs > limit) {
      const seconds = ((at - from) / 1_000).toFixed(1);
      problems.push(
        `replica ${replica} took a token ${Math.round(lateMs)} ms after its end, at ${seconds} s`,
      );
    }
  }
  const figure = `${revocations.length} revocations: the last use at most ${Math.round(most)} ms later, ` +
    `${Math.round(mostAfterRestart)} ms after a restart of the database`;
  return { problems, figures: [figure] };
}
