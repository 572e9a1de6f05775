/** Limits the requests with the token of a directory, so that they leave room for others. */

import type { Clock } from "../../time/clock.ts";
import { ScimError } from "./scim_error.ts";

/** The requests of a token at once, and those in each second after them. */
const BURST = 300;
const PER_SECOND = 30;
/** The most tokens that are counted. Each has been checked, so there are few. */
const MAX_TOKENS = 1_000;

interface Bucket {
  /** The requests that are left. */
  left: number;
  /** When they were counted, in milliseconds of the monotonic clock. */
  at: number;
}

/** Counts requests by token. */
export class RequestRate {
  readonly #clock: Pick<Clock, "now">;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Counts a request. Throws a `429` error beyond the limit. */
  count(tokenId: string): void {
    const now = this.#clock.now();
    const { left: before, at } = this.#buckets.get(tokenId) ?? { left: BURST, at: now };
    const left = Math.min(BURST, before + (now - at) / 1000 * PER_SECOND);
    if (left < 1) {
      throw new ScimError(429, `More than ${PER_SECOND} requests in each second: wait a second.`, {
        headers: { "retry-after": "1" },
      });
    }
    this.#buckets.delete(tokenId);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= MAX_TOKENS && oldest !== undefined) this.#buckets.delete(oldest);
    this.#buckets.set(tokenId, { left: left - 1, at: now });
  }
}
