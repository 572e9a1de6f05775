/** The holding of one request in the counts that replicas share. */

import type { Reservation } from "../ledger.ts";
import { excessOf } from "../limit_check.ts";
import type { Used } from "./settlements.ts";
import type { Holding } from "./shared_limits.ts";

/** The calls of a {@link Replica} that change the holding of a request. */
export interface HoldSender {
  readonly replace: (holding: Holding) => void;
  readonly settle: (used: Used) => number | undefined;
  readonly countTokens: (keys: readonly string[], tokens: number) => void;
}

/** The reservation of one running request in shared limits. */
export class SharedHold {
  readonly #replica: HoldSender;
  #holding: Holding;

  constructor(replica: HoldSender, holding: Holding) {
    this.#replica = replica;
    this.#holding = holding;
  }

  /** Adds to the reservation what earlier attempts of the request have used. */
  more({ tokens, micros }: { readonly tokens: number; readonly micros: number }): void {
    const before = this.#holding;
    this.#holding = { ...before, tokens: before.tokens + tokens, micros: before.micros + micros };
    this.#replica.replace(this.#holding);
  }

  /** Releases the reservation. An object holds its money from now on, and its tokens count as used. */
  handOver({ tokens, micros, mostMicros }: Reservation): void {
    const before = this.#holding;
    this.#holding = {
      ...before,
      tokens: before.tokens - tokens,
      micros: before.micros - micros,
      excessMicros: before.excessMicros - excessOf({ tokens, micros, mostMicros }),
    };
    this.#replica.replace(this.#holding);
    this.#replica.countTokens(before.keys, tokens);
  }

  /** Replaces the reservation by what the request used. Returns the page of its cost, if it is on one. */
  settle(used: Omit<Used, "id">): number | undefined {
    return this.#replica.settle({ ...used, id: this.#holding.id });
  }
}
