/** What requests of this replica have cost, until the shared counts have it from the database. */

import type { Cost } from "./shared_limits.ts";

/** Sums of costs by ledger, page and hour. */
export class OwnCosts {
  readonly #sums = new Map<string, Cost>();

  /** Adds a cost to its sums, one for each ledger, and returns them. */
  add(
    keys: readonly string[],
    { page, hour, micros }: { readonly page: number; readonly hour: number; readonly micros: number },
  ): Cost[] {
    return [...new Set(keys)].map((key) => {
      const name = `${page} ${hour} ${key}`;
      const sum = { key, page, hour, micros: (this.#sums.get(name)?.micros ?? 0) + micros };
      this.#sums.set(name, sum);
      return sum;
    });
  }

  /** The sums that the shared counts do not have from the database yet. */
  all(): Cost[] {
    return [...this.#sums.values()];
  }

  /** The ledgers of all sums. */
  keys(): ReadonlySet<string> {
    return new Set(this.all().map(({ key }) => key));
  }

  /** Forgets the sums of some ledgers up to a page, which the shared counts have from the database. */
  forget(keys: ReadonlySet<string>, last: number): void {
    for (const [name, { key, page }] of this.#sums) {
      if (page <= last && keys.has(key)) this.#sums.delete(name);
    }
  }
}
