/** An adapter of shared limits under test, with a clock that the test moves. */

import type { Limits } from "../../../src/principal.ts";
import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import type { Reservation } from "../../../src/limits/ledger.ts";
import { OwnCosts } from "../../../src/limits/shared/own_costs.ts";
import {
  type Holding,
  type LedgerBalance,
  type Sender,
  type SharedLimits,
  type Take,
  type TakeResult,
  TELLING_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const NOTHING: Reservation = { tokens: 0, micros: 0 };

/** How a server loses its data, or gets older ones. */
export interface Loss {
  /** Opens an adapter with a server of its own. `undefined` for the adapter of the suite. */
  readonly open?: OpenAdapter["open"];
  /** Keeps the present data, as a backup does. */
  readonly save?: () => Promise<void>;
  readonly happen: () => Promise<void>;
}

/** How a suite opens an adapter that is empty and uses the clock. */
export interface OpenAdapter {
  readonly open: (clock: FakeClock) => Promise<SharedLimits>;
  /** How the server of the latest adapter can lose its data. */
  readonly losses?: Readonly<Record<string, Loss>>;
  /** Why the adapter cannot run here. */
  readonly reason?: string | undefined;
}

/** A request of a test. */
export interface Asked {
  readonly id: string;
  readonly replica?: string;
  readonly reservation?: Reservation;
  readonly isFree?: boolean;
  readonly hour?: number;
  readonly maxRequests?: number | undefined;
}

/** An adapter with a clock that a test moves. */
export class SharedBench {
  /** The sums of costs of each replica, by ledger and hour. All are on one page. */
  readonly #costs = new OwnCosts();
  readonly #keys = new Map<string, readonly string[]>();
  readonly #session: Record<string, number> = {};
  readonly clock: FakeClock;
  readonly limits: SharedLimits;
  readonly #window: "calendar" | "rolling";

  constructor(limits: SharedLimits, window: "calendar" | "rolling", clock: FakeClock) {
    this.limits = limits;
    this.#window = window;
    this.clock = clock;
  }

  /** Opens an adapter that knows the replicas `a` and `b`, which have told all that they hold. */
  static async open(
    { open }: OpenAdapter,
    window: "calendar" | "rolling" = "calendar",
  ): Promise<SharedBench> {
    const clock = new FakeClock(-TELLING_MS);
    const bench = new SharedBench(await open(clock), window, clock);
    await bench.renew("a");
    await bench.renew("b");
    clock.pass(TELLING_MS);
    await bench.renew("a");
    await bench.renew("b");
    return bench;
  }

  get hour(): number {
    return hourOf(this.clock.epochMs());
  }

  /** A replica in its session. */
  from(replica: string): Sender {
    return { replica, session: this.#session[replica] ?? 1 };
  }

  /** Begins the next session of a replica. */
  nextSession(replica: string): void {
    this.#session[replica] = this.from(replica).session + 1;
  }

  /** Renews a replica. `holdings` is all that it holds. */
  async renew(replica: string, holdings?: readonly Holding[]): ReturnType<SharedLimits["renew"]> {
    const heldIds = holdings?.map(({ id }) => id);
    const result = await this.limits.renew({ from: this.from(replica), waitsMark: 0, heldIds });
    if (holdings !== undefined) await this.hold(holdings, replica);
    return result;
  }

  /** Sets holdings. */
  hold(holdings: readonly Holding[], replica = "a"): Promise<void> {
    return this.limits.hold({ from: this.from(replica), holdings, costs: [] });
  }

  /** Raises counts to balances of the database, which has the costs up to a page of each replica. */
  raise(balances: readonly LedgerBalance[], pages: Readonly<Record<string, number>> = {}): Promise<void> {
    return this.limits.raise({ from: this.from("a"), balances, pages });
  }

  /** A request of these ledgers, as a replica sends it. */
  takeOf(limits: Readonly<Record<string, Limits>>, asked: Asked): Take {
    const { id, replica = "a", reservation = NOTHING, isFree = false, maxRequests } = asked;
    const hour = asked.hour ?? this.hour;
    const spans = new BudgetCalendar({ timeZone: "UTC", window: this.#window }).spans(hour);
    const ledgers = Object.entries(limits).map(([key, limits]) => ({ key, limits, maxRequests }));
    this.#keys.set(id, Object.keys(limits));
    return { from: this.from(replica), id, ledgers, reservation, isFree, hour, spans };
  }

  /** A request of these ledgers. Their balances are known. */
  async take(limits: Readonly<Record<string, Limits>>, asked: Asked): Promise<TakeResult> {
    const take = this.takeOf(limits, asked);
    const result = await this.limits.take(take);
    if (result.kind !== "unseeded") return result;
    await this.raise(result.keys.map((key) => ({ key, requests: 0, totalMicros: 0, hours: [] })));
    return await this.limits.take(take);
  }

  /** Whether the request was taken, or which limit rejected it. */
  async outcome(limits: Readonly<Record<string, Limits>>, asked: Asked): Promise<string> {
    const result = await this.take(limits, asked);
    return result.kind === "rejected" ? result.rejection.kind : result.kind;
  }

  /** Settles a request, whose cost is on a page of a replica. */
  settle(
    id: string,
    { tokens = 0, micros = 0, page = 1, replica = "a" }: {
      tokens?: number;
      micros?: number;
      page?: number;
      replica?: string;
    } = {},
  ): Promise<boolean> {
    const keys = this.#keys.get(id) ?? ["t"];
    const costs = micros === 0 ? [] : this.#costs.add(keys, { page, hour: this.hour, micros });
    return this.limits.settle({ from: this.from(replica), id, tokens, costs });
  }
}

/** What a request of `a` holds. */
export function holding(id: string, changes: Partial<Holding> = {}): Holding {
  return {
    id,
    owner: "a",
    keys: ["t"],
    isRunning: true,
    tokens: 0,
    micros: 0,
    excessMicros: 0,
    ...changes,
  };
}
