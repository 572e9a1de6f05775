/** The ledgers of all subjects, which continue from the balances of the database. */

import { type Balance, Ledger, type OpeningBalance, openingBalances } from "./ledger.ts";
import { SpentHours } from "./spent_hours.ts";

/** Keeps the ledgers of all subjects by their keys. A ledger begins with the first request of its subject. */
export class Ledgers {
  readonly #ledgers = new Map<string, Ledger>();
  /** The balances of subjects that have not sent a request since the start. */
  readonly #balances: Map<string, OpeningBalance>;

  /** `balances` is what each subject had used before the start, by the key of the subject. */
  constructor(balances: ReadonlyMap<string, Balance>) {
    this.#balances = openingBalances(balances);
  }

  /** The ledger of a subject. */
  of(key: string): Ledger {
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      const { requests = 0, spent } = this.#balances.get(key) ?? {};
      this.#balances.delete(key);
      ledger = new Ledger(requests, spent ?? new SpentHours({ totalMicros: 0, hours: [] }));
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }

  /** The requests and the spending of a subject. `undefined` if it has never sent a request. */
  usedBy(key: string): Pick<Ledger, "requests" | "spent"> | undefined {
    return this.#ledgers.get(key) ?? this.#balances.get(key);
  }

  /** Moves spending without a certain hour, and spending of later hours, to an hour. */
  moveSpendingTo(hour: number): void {
    for (const { spent } of this.#ledgers.values()) spent.moveTo(hour);
    for (const { spent } of this.#balances.values()) spent.moveTo(hour);
  }
}

/** The latest hour with spending, and the latest hour with spending that was booked with a right clock. */
export function latestOf(
  balances: ReadonlyMap<string, Balance>,
): { booked: number | undefined; dated: number | undefined } {
  let booked: number | undefined;
  let dated: number | undefined;
  for (const { hours } of balances.values()) {
    for (const { start, isDated } of hours) {
      booked = Math.max(booked ?? start, start);
      if (isDated) dated = Math.max(dated ?? start, start);
    }
  }
  return { booked, dated };
}
