/** The pages of the costs of a replica, and which of them the database has. */

import type { Clock } from "../../time/clock.ts";

/** A cost whose row does not come within this time has none. In milliseconds. */
const ROW_MS = 60_000;

/**
 * The most pages that the database lacks. While it fails, the present page goes on instead, so that there are
 * few sums.
 */
const MAX_OPEN = 50;

/** How many rows have their costs on each page. */
export type PageRows = ReadonlyMap<number, number>;

interface Page {
  /** Costs whose rows are not in the queue yet. */
  given: number;
  /** Rows in the queue. */
  queued: number;
  /** When the next page began, in milliseconds of the clock. */
  endedAt: number;
}

/**
 * Puts each cost on the present page. A page ends when rows are written, so that the database can say with
 * these rows up to which page it has all costs.
 */
export class CostPages {
  readonly #clock: Pick<Clock, "now">;
  #present = 1;
  /** The pages with costs that the database does not have, in their order. */
  readonly #open = new Map<number, Page>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Puts a cost on the present page, and returns the page. Its row follows. */
  give(): number {
    this.#pageOf(this.#present).given++;
    return this.#present;
  }

  /** The row of a cost is in the queue. */
  queued(page: number): void {
    const open = this.#pageOf(page);
    open.given = Math.max(0, open.given - 1);
    open.queued++;
  }

  /**
   * Ends the present page, if it has one of these rows. Returns the last page whose costs are all in the
   * database once these rows are written, with those of all pages before. `0` if there is no such page.
   */
  turn(rows: PageRows): number {
    const now = this.#clock.now();
    if (rows.has(this.#present) && this.#open.size < MAX_OPEN) {
      this.#pageOf(this.#present++).endedAt = now;
    }
    for (const [page, { given, queued, endedAt }] of this.#open) {
      const isWaiting = page === this.#present || given > 0 && now - endedAt < ROW_MS;
      if (isWaiting || queued > (rows.get(page) ?? 0)) return page - 1;
    }
    return this.#present - 1;
  }

  /** These rows are written, or lost. */
  ended(rows: PageRows): void {
    for (const [page, count] of rows) {
      const open = this.#open.get(page);
      if (open === undefined) continue;
      open.queued -= count;
      const isWaiting = open.given > 0 && this.#clock.now() - open.endedAt < ROW_MS;
      if (open.queued <= 0 && !isWaiting && page < this.#present) this.#open.delete(page);
    }
  }

  #pageOf(page: number): Page {
    let open = this.#open.get(page);
    if (open === undefined) {
      open = { given: 0, queued: 0, endedAt: Infinity };
      this.#open.set(page, open);
    }
    return open;
  }
}
