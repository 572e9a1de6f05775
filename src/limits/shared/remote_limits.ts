/**
 * Shared counts on a server, which runs each operation as one step. Its answers consist of words and numbers.
 */

import type { Period } from "../budget_calendar.ts";
import type { Rejection } from "../rejection.ts";
import type {
  GuessWait,
  MinuteCount,
  Raise,
  Renewal,
  RenewalResult,
  Settlement,
  SharedLimits,
  Take,
  TakeResult,
  Told,
} from "./shared_limits.ts";

/** An answer of the server: words and numbers. */
export type Answer = readonly unknown[];

/** A server that has the operations of shared limits. */
export interface LimitsServer {
  /** Runs an operation. `input` is plain data. Rejects if the server cannot be reached. */
  readonly call: (operation: keyof SharedLimits, input: unknown) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** Shared counts on a server. */
export class RemoteLimits implements SharedLimits {
  readonly #server: LimitsServer;

  constructor(server: LimitsServer) {
    this.#server = server;
  }

  async take(take: Take): Promise<TakeResult> {
    const [kind, ...rest] = await this.#server.call("take", take);
    switch (kind) {
      case "taken":
        return { kind };
      case "unknown_replica":
        return { kind };
      case "other_hour":
        return { kind, epochMs: Number(rest[0]) };
      case "telling":
        return { kind, waitMs: Number(rest[0]) };
      case "unseeded":
        return { kind, keys: rest.map(String) };
      case "rejected":
        return { kind, index: Number(rest[0]), rejection: rejectionOf(rest.slice(1)) };
      default:
        throw new Error(`the script answered ${String(kind)}`);
    }
  }

  async hold(told: Told): Promise<void> {
    await this.#server.call("hold", told);
  }

  async settle(settlement: Settlement): Promise<boolean> {
    const [kind] = await this.#server.call("settle", settlement);
    return kind === "settled";
  }

  async count(minute: MinuteCount): Promise<void> {
    await this.#server.call("count", minute);
  }

  async raise(raise: Raise): Promise<void> {
    await this.#server.call("raise", raise);
  }

  async renew(renewal: Renewal): Promise<RenewalResult> {
    const [isKnown, epochMs, waitsMark, waits, hasMore] = await this.#server.call("renew", renewal);
    return {
      isKnown: Number(isKnown) === 1,
      epochMs: Number(epochMs),
      waitsMark: Number(waitsMark),
      waits: waitsOf(Array.isArray(waits) ? waits : []),
      ...Number(hasMore) === 1 && { hasMore: true },
    };
  }

  async leave(replica: string): Promise<void> {
    await this.#server.call("leave", { replica });
  }

  async guess(group: string, guess: string): Promise<GuessWait> {
    const [waitMs] = await this.#server.call("guess", { group, guess });
    return { group, waitMs: Number(waitMs) };
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

function rejectionOf([kind, ...rest]: Answer): Rejection {
  switch (kind) {
    case "max_requests":
    case "concurrent_requests":
    case "optimistic":
      return { kind };
    case "requests_per_minute":
    case "tokens_per_minute":
      return { kind, resetMs: Number(rest[0]) };
    case "budget": {
      const [period, state, resetMs] = rest;
      return {
        kind,
        period: periodOf(period),
        isSpent: state === "spent",
        resetMs: resetMs === undefined ? undefined : Number(resetMs),
      };
    }
    default:
      throw new Error(`the script rejected with ${String(kind)}`);
  }
}

function periodOf(name: unknown): Period | "total" {
  return name === "day" || name === "week" || name === "month" ? name : "total";
}

/** Pairs of a group and the rest of its wait. */
function waitsOf(pairs: Answer): GuessWait[] {
  const waits: GuessWait[] = [];
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    waits.push({ group: String(pairs[at]), waitMs: Number(pairs[at + 1]) });
  }
  return waits;
}
