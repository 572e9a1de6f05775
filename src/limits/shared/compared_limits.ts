/** The limits whose shared counts a replica has compared with the database. */

import type { Limits } from "../../principal.ts";
import type { LimitedLedger } from "./shared_limits.ts";

/**
 * Remembers limits with their ledgers. A change of a token, a project or the configuration makes new limits,
 * so that their counts are compared again.
 */
export class ComparedLimits {
  /** The keys of ledgers by their limits. All people of a provider have the same limits. */
  readonly #keys = new WeakMap<Limits, Set<string>>();

  /** Returns the ledgers whose limits are new. */
  newOf<Of extends Pick<LimitedLedger, "key" | "limits">>(ledgers: readonly Of[]): readonly Of[] {
    return ledgers.filter(({ key, limits }) => this.#keys.get(limits)?.has(key) !== true);
  }

  /** Remembers limits whose counts have been compared, with their ledgers. */
  add(ledgers: readonly Pick<LimitedLedger, "key" | "limits">[]): void {
    for (const { key, limits } of ledgers) {
      const keys = this.#keys.get(limits);
      if (keys === undefined) this.#keys.set(limits, new Set([key]));
      else keys.add(key);
    }
  }
}
