/** What the responses of a provider say of the quota that remains for one key of a pool. */

import type { Field } from "../http/fields.ts";
import { remainingLimits } from "./rate_limit_fields.ts";

/** Quotas are refilled within a minute, so an older reading says nothing. */
const FRESH_MS = 60_000;
/** How many models are kept for each key. The model that was read first is removed first. */
const MAX_MODELS = 50;
/** Shares that differ by less count as equal, so that the less busy key gets the request. */
const STEP = 0.05;

interface Reading {
  readonly at: number;
  /** The smallest share of a limit that remains, between 0 and 1. */
  readonly share: number;
  /** Until when no request fits. */
  readonly spentUntil: number;
}

/** The quota of one key, by model. */
export class KeyQuota {
  readonly #readings = new Map<string | undefined, Reading>();

  /** Reads the headers of a response. `now` is the time of the clock, and `epochMs` that since 1970. */
  read(
    fields: readonly Field[],
    { model, now, epochMs }: { model: string | undefined; now: number; epochMs: number },
  ): void {
    let share: number | undefined;
    let spentUntil = -Infinity;
    for (const { remaining, limit, resetMs } of remainingLimits(fields, epochMs)) {
      if (limit !== undefined && limit > 0) share = Math.min(share ?? 1, remaining / limit);
      if (remaining === 0 && resetMs !== undefined) spentUntil = Math.max(spentUntil, now + resetMs);
    }
    if (share === undefined && spentUntil === -Infinity) return;
    this.#readings.delete(model);
    this.#readings.set(model, { at: now, share: share ?? 1, spentUntil });
    if (this.#readings.size <= MAX_MODELS) return;
    for (const oldest of this.#readings.keys()) {
      this.#readings.delete(oldest);
      return;
    }
  }

  /** Whether the last response said that no request fits now. */
  isSpent(model: string | undefined, now: number): boolean {
    return (this.#readings.get(model)?.spentUntil ?? -Infinity) > now;
  }

  /** The share of the quota that remains, in steps. 1 if it is not known. */
  share(model: string | undefined, now: number): number {
    const reading = this.#readings.get(model);
    return reading === undefined || now - reading.at > FRESH_MS ? 1 : Math.round(reading.share / STEP) * STEP;
  }
}
