/** Random takes and settlements of two replicas: an adapter answers what the adapter in memory answers. */

import { assertEquals } from "@std/assert";
import type { BudgetPeriods } from "../../../src/config/config.ts";
import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import {
  type Holding,
  type LimitedLedger,
  NO_REPLICA,
  type Sender,
  type SharedLimits,
  type Take,
} from "../../../src/limits/shared/shared_limits.ts";
import { random } from "../../support/data/random.ts";
import { unless } from "../../support/runner/left_out.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import type { OpenAdapter } from "./shared_bench.ts";

const HOUR = 3_600_000;
const STEPS = 250;
const KEYS = ["token:1", "token:1 gpt-5*", "token:2", "project:1"];
const REPLICAS = ["a", "b"];

/** Makes random steps, and keeps what runs. */
class Steps {
  readonly #numbers: ReturnType<typeof random>;
  readonly #clock: FakeClock;
  readonly #calendar: BudgetCalendar;
  readonly #running = new Map<string, Take>();
  readonly #objects: string[] = [];
  readonly #sessions = new Map<string, number>();
  #last = 0;

  constructor(seed: number, clock: FakeClock, periods: BudgetPeriods) {
    this.#numbers = random(seed);
    this.#clock = clock;
    this.#calendar = new BudgetCalendar(periods);
  }

  /** A step, which two adapters do. Its result is compared. */
  next(): (limits: SharedLimits) => Promise<unknown> {
    const { below, pick } = this.#numbers;
    const action = below(100);
    if (action < 45) return this.#take();
    if (action < 70) return this.#settle();
    if (action < 75) return this.#change();
    if (action < 79) {
      const minute = { keys: [pick(KEYS)], requests: below(3), tokens: below(30) };
      return (limits) => limits.count(minute);
    }
    if (action < 85) return this.#raise();
    if (action < 88) {
      const [group, guess] = [`192.0.2.${below(3)}`, `g${below(30)}`];
      return (limits) => limits.guess(group, guess);
    }
    if (action < 95) {
      const replica = pick(REPLICAS);
      const holdings = below(4) === 0 ? this.#holdings(replica) : undefined;
      const heldIds = holdings?.map(({ id }) => id);
      if (holdings !== undefined) this.#sessions.set(replica, this.#from(replica).session + 1);
      const from = this.#sender(replica);
      return async (limits) => {
        const result = await limits.renew({ from, waitsMark: 0, heldIds });
        if (holdings !== undefined) await limits.hold({ from, holdings, costs: [] });
        return result;
      };
    }
    if (action < 96) {
      const replica = pick(REPLICAS);
      return (limits) => limits.leave(replica);
    }
    this.#clock.pass(pick([below(1_500), below(8_000), below(8_000), below(90_000), below(30 * HOUR)]));
    return () => Promise.resolve();
  }

  #amounts() {
    const { below } = this.#numbers;
    const micros = below(40);
    return { tokens: below(20), micros, ...below(3) === 0 && { mostMicros: micros + below(200) } };
  }

  #limits(): Omit<LimitedLedger, "key"> {
    const { below } = this.#numbers;
    const some = <Value>(value: Value): Value | undefined => below(2) === 0 ? value : undefined;
    const limits = {
      requestsPerMinute: some(1 + below(12)),
      tokensPerMinute: some(20 + below(100)),
      concurrentRequests: some(1 + below(6)),
      dayBudgetMicros: some(50 + below(400)),
      weekBudgetMicros: some(50 + below(900)),
      monthBudgetMicros: some(50 + below(2_000)),
      totalBudgetMicros: some(50 + below(9_000)),
    };
    const set = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
    return { limits: set, maxRequests: below(8) === 0 ? below(200) : undefined };
  }

  /** A replica in its present session. */
  #from(replica: string): Sender {
    return { replica, session: this.#sessions.get(replica) ?? 1 };
  }

  /** A replica in its present session, and sometimes in an earlier one. */
  #sender(replica: string): Sender {
    const { session } = this.#from(replica);
    return { replica, session: this.#numbers.below(12) === 0 ? Math.max(1, session - 1) : session };
  }

  #take(): (limits: SharedLimits) => Promise<unknown> {
    const { below, pick } = this.#numbers;
    const hour = hourOf(this.#clock.epochMs()) - (below(30) === 0 ? HOUR : 0);
    const first = below(KEYS.length);
    const keys = KEYS.slice(first, first + 1 + below(2));
    const id = `t${++this.#last}`;
    const take: Take = {
      id,
      from: this.#sender(pick(REPLICAS)),
      ledgers: keys.map((key) => ({ key, ...this.#limits() })),
      reservation: this.#amounts(),
      isFree: below(10) === 0,
      hour,
      spans: this.#calendar.spans(hour),
    };
    this.#running.set(id, take);
    return (limits) => limits.take(take);
  }

  #settle(): (limits: SharedLimits) => Promise<unknown> {
    const { below, pick } = this.#numbers;
    // Some are settled twice, some are not known.
    const ids = [...this.#running.keys(), ...this.#objects, "unknown"];
    const id = pick(ids.slice(0, 1 + below(ids.length)));
    if (below(5) > 0) this.#running.delete(id);
    const hour = hourOf(this.#clock.epochMs()) - HOUR * below(3);
    const page = 1 + below(6);
    const costs = KEYS.slice(0, below(4)).map((key) => ({ key, page, hour, micros: below(60) }));
    const settlement = { from: this.#sender(pick(REPLICAS)), id, tokens: below(40), costs };
    return (limits) => limits.settle(settlement);
  }

  #change(): (limits: SharedLimits) => Promise<unknown> {
    const { below, pick } = this.#numbers;
    const object: Holding = {
      id: `o${below(5)}`,
      owner: NO_REPLICA,
      keys: [pick(KEYS)],
      isRunning: false,
      tokens: 0,
      micros: below(30),
      excessMicros: 0,
    };
    this.#objects.push(object.id);
    const running = this.#holdings(pick(REPLICAS)).slice(0, 1).map((one) => ({ ...one, ...this.#changed() }));
    const hour = hourOf(this.#clock.epochMs());
    const costs = [{ key: pick(KEYS), page: 1 + below(6), hour, micros: below(80) }];
    const from = this.#sender(pick(REPLICAS));
    return (limits) => limits.hold({ from, holdings: [...running, object], costs });
  }

  #changed() {
    const { below } = this.#numbers;
    return { tokens: below(20), micros: below(40), excessMicros: below(3) === 0 ? below(90) : 0 };
  }

  #holdings(replica: string): Holding[] {
    return [...this.#running.values()].filter((take) => take.from.replica === replica).map((take) => ({
      id: take.id,
      owner: replica,
      keys: take.ledgers.map(({ key }) => key),
      isRunning: true,
      ...this.#changed(),
    }));
  }

  #raise(): (limits: SharedLimits) => Promise<unknown> {
    const { below } = this.#numbers;
    const now = hourOf(this.#clock.epochMs());
    const balances = KEYS.map((key) => ({
      key,
      isPart: below(8) === 0,
      hasMore: below(8) === 0,
      requests: below(20),
      totalMicros: below(300),
      hours: [{ start: now - HOUR * below(800), micros: below(80) }, { start: now, micros: below(80) }],
    }));
    const pages = Object.fromEntries(REPLICAS.map((replica) => [replica, below(6)]));
    const from = this.#sender(this.#numbers.pick(REPLICAS));
    return (limits) => limits.raise({ from, balances, pages });
  }
}

/** Declares the test of one adapter. */
export function sameAsModel(name: string, { open, reason }: OpenAdapter, seeds: number): void {
  for (const window of ["calendar", "rolling"] as const) {
    Deno.test({
      ...unless(reason, `${name}: random requests of two replicas have the results of the model (${window})`),
      async fn() {
        for (let seed = 1; seed <= seeds; seed++) {
          const clock = new FakeClock();
          const model = new MemoryLimits(clock);
          const limits = await open(clock);
          try {
            // The counts begin with the first replica.
            for (const each of [model, limits]) {
              await each.renew({ from: { replica: "a", session: 1 }, waitsMark: 0 });
            }
            const steps = new Steps(seed, clock, { timeZone: "Europe/Berlin", window });
            for (let step = 0; step < STEPS; step++) {
              const run = steps.next();
              const [expected, actual] = [await run(model), await run(limits)];
              assertEquals(actual, expected, `seed ${seed}, step ${step}`);
            }
          } finally {
            await limits.close();
          }
        }
      },
    });
  }
}
