/** The spending of one ledger in shared counts: a balance of the database, and pages that it lacks. */

import { SpentHours } from "../spent_hours.ts";
import type { Cost, LedgerBalance } from "./shared_limits.ts";

interface PagedCost extends Omit<Cost, "key"> {
  readonly replica: string;
}

/** What a ledger has spent. */
export class PagedSpending {
  /** The balance of the database, and all costs on pages that the balance lacks. */
  readonly spent = new SpentHours({ totalMicros: 0, hours: [] });
  #baseMicros = 0;
  readonly #baseHours = new Map<number, number>();
  readonly #costs = new Map<string, PagedCost>();
  /** By replica: the last page that is in the balance. */
  readonly #pages = new Map<string, number>();

  /** Adds what it lacks of a cost of a replica. Returns whether it lacked something. */
  add(replica: string, { page, hour, micros }: Omit<Cost, "key">): boolean {
    if (page <= (this.#pages.get(replica) ?? 0)) return false;
    const name = `${replica} ${page} ${hour}`;
    const missing = micros - (this.#costs.get(name)?.micros ?? 0);
    if (missing <= 0) return false;
    this.#costs.set(name, { replica, page, hour, micros });
    this.#change(hour, missing);
    return true;
  }

  /**
   * Raises the balance of the database, and removes the pages that are in it. `keeps` says whether costs of a
   * replica can come later that are on these pages.
   */
  raise(
    { totalMicros, hours, hasMore }: Pick<LedgerBalance, "totalMicros" | "hours" | "hasMore">,
    pages: Readonly<Record<string, number>>,
    keeps: (replica: string) => boolean,
  ): void {
    for (const { start, micros } of hours) {
      const missing = micros - (this.#baseHours.get(start) ?? 0);
      if (missing <= 0) continue;
      this.#baseHours.set(start, micros);
      this.#changeHour(start, missing);
    }
    const missing = Math.max(0, totalMicros - this.#baseMicros);
    this.#baseMicros += missing;
    this.spent.totalMicros += missing;
    if (hasMore === true) return;
    for (const [replica, page] of Object.entries(pages)) {
      if (keeps(replica)) this.#pages.set(replica, Math.max(page, this.#pages.get(replica) ?? 0));
    }
    for (const replica of this.#pages.keys()) if (!keeps(replica)) this.#pages.delete(replica);
    for (const [name, { replica, page, hour, micros }] of this.#costs) {
      if (page > (pages[replica] ?? 0)) continue;
      this.#costs.delete(name);
      this.#change(hour, -micros);
    }
  }

  #change(hour: number, micros: number): void {
    this.spent.add(hour, { micros, isDated: true });
  }

  #changeHour(hour: number, micros: number): void {
    this.#change(hour, micros);
    this.spent.totalMicros -= micros;
  }
}
