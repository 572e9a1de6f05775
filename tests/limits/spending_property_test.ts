/** Random sequences of spending, clock moves and restarts, against a model that only keeps a list. */

import { assertEquals } from "@std/assert";
import type { BudgetPeriods } from "../../src/config/config.ts";
import type { ClockEvent } from "../../src/limits/budget_clock.ts";
import type { Limiter } from "../../src/limits/limiter.ts";
import type { Principal } from "../../src/principal.ts";
import { openLimiter } from "../../src/management/spending.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import type { Store } from "../../src/storage/store.ts";
import { MovedClock } from "../support/time/moved_clock.ts";
import { random } from "../support/data/random.ts";
import { exchangeRow } from "../support/data/rows.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR_2020 = Date.UTC(2020, 0, 1);
const RULE = "token:t1 gpt-5*";
const WHO: Principal = {
  kind: "token",
  key: "token:t1",
  name: "anna",
  tokenId: "t1",
  projectId: "p1",
  subjects: [
    { key: "token:t1", what: "token", rules: { modelLimits: [{ model: "gpt-5*", tokensPerMinute: 1e9 }] } },
    { key: "project:p1", what: "project", rules: {} },
  ],
  keys: new Map(),
};

const hourOf = (ms: number): number => Math.floor(ms / HOUR) * HOUR;

interface Entry {
  hour: number;
  isDated: boolean;
  readonly isOfRule: boolean;
  readonly micros: number;
}

/** The model: a list of all spending, which is searched for every sum. */
class NaiveModel {
  #entries: Entry[] = [];
  #isRight = false;
  #known = YEAR_2020;
  #last: { ms: number; now: number } | undefined;

  restart(): void {
    this.#isRight = false;
    this.#last = undefined;
    this.#known = Math.max(YEAR_2020, ...this.#entries.filter((one) => one.isDated).map(({ hour }) => hour));
  }

  /** The time for budgets. */
  time(shown: number, now: number): number {
    const flowed = this.#last && this.#last.ms + now - this.#last.now;
    let ms = shown;
    if (shown >= (this.#isRight ? YEAR_2020 : this.#known)) {
      const hour = hourOf(shown);
      for (const entry of this.#entries) {
        if (entry.isDated && entry.hour <= hour) continue;
        entry.hour = hour;
        entry.isDated = true;
      }
      this.#isRight = true;
    } else {
      if (this.#isRight && flowed !== undefined) this.#known = flowed;
      this.#isRight = false;
      ms = flowed ?? Math.max(shown, ...this.#entries.map(({ hour }) => hour));
    }
    this.#last = { ms, now };
    return ms;
  }

  spend(ms: number, { micros, isOfRule }: { micros: number; isOfRule: boolean }): void {
    this.#entries.push({ hour: hourOf(ms), isDated: this.#isRight, isOfRule, micros });
  }

  spent(ms: number, { periods, isOfRule }: { periods: BudgetPeriods; isOfRule: boolean }) {
    const now = hourOf(ms);
    const sum = (counts: (hour: number) => boolean): number =>
      this.#entries.filter((entry) => (entry.isOfRule || !isOfRule) && counts(entry.hour))
        .reduce((all, { micros }) => all + micros, 0);
    if (periods.window === "rolling") {
      const within = (days: number) => (hour: number) => hour >= now - days * DAY;
      return [sum(within(1)), sum(within(7)), sum(within(30)), sum(() => true)];
    }
    const format = new Intl.DateTimeFormat("en-CA", {
      timeZone: periods.timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
    const dateOf = (hour: number) => format.format(hour);
    const weekOf = (hour: number) => {
      const day = Date.parse(dateOf(hour));
      return day - (new Date(day).getUTCDay() + 6) % 7 * DAY;
    };
    return [
      sum((hour) => dateOf(hour) >= dateOf(now)),
      sum((hour) => weekOf(hour) >= weekOf(now)),
      sum((hour) => dateOf(hour).slice(0, 7) >= dateOf(now).slice(0, 7)),
      sum(() => true),
    ];
  }
}

/** A limiter on a database, made as the management plane makes it. */
class Bench {
  readonly clock = new MovedClock(Date.UTC(2026, 2, 27, 9, 20));
  readonly #store: Store;
  readonly #periods: BudgetPeriods;
  #limiter: Limiter | undefined;
  #dating: Promise<void> = Promise.resolve();

  constructor(store: Store, periods: BudgetPeriods) {
    this.#store = store;
    this.#periods = periods;
  }

  get limiter(): Limiter {
    if (this.#limiter === undefined) throw new Error("not started");
    return this.#limiter;
  }

  async start(): Promise<void> {
    const { limiter } = await openLimiter(this.#store, {
      clock: this.clock,
      config: { budgetPeriods: this.#periods },
      onClock: (event: ClockEvent) => {
        if (event.kind === "wrong") return;
        this.#dating = this.#dating.then(() => this.#store.dateSpending(event.hour));
      },
    });
    this.#limiter = limiter;
    limiter.readClock();
    await this.#dating;
  }

  async spend(model: string, micros: number): Promise<void> {
    const admission = this.limiter.admit(WHO);
    admission.countModels([model]);
    const booking = admission.settle({ tokens: undefined, micros });
    await this.#dating;
    await this.#store.addExchanges([
      exchangeRow({ tokenId: "t1", projectId: "p1", costMicros: micros, startedAt: 0, booking }),
    ]);
  }

  async settled(): Promise<void> {
    await this.#dating;
  }
}

/** Times to which the clock may jump: the machine sleeps or loses its battery, or a user sets the clock. */
function movedTo(shown: number, numbers: ReturnType<typeof random>): number {
  return numbers.pick([
    () => shown - HOUR,
    () => shown - DAY,
    () => shown + numbers.below(3 * DAY),
    () => numbers.below(2 * DAY),
    () => Math.max(shown, Date.UTC(2026, 3, 1)) + numbers.below(DAY),
    () => shown - numbers.below(3 * DAY),
  ])();
}

async function compare(seed: number, periods: BudgetPeriods): Promise<void> {
  const folder = await Deno.makeTempDir();
  const store = openSqlite(`${folder}/test.db`);
  const bench = new Bench(store, periods);
  try {
    const numbers = random(seed);
    const model = new NaiveModel();
    const { clock } = bench;
    const time = () => model.time(clock.epochMs(), clock.now());
    await bench.start();
    time();
    const steps: string[] = [];
    for (let step = 0; step < 120; step++) {
      const action = numbers.below(20);
      if (action < 8) {
        const [micros, name] = [1 + numbers.below(1000), numbers.pick(["gpt-5-mini", "models/gpt-5", "o3"])];
        steps.push(`spend ${micros}`);
        await bench.spend(name, micros);
        model.spend(time(), { micros, isOfRule: name !== "o3" });
      } else if (action < 15) {
        const ms = numbers.pick([
          numbers.below(HOUR),
          numbers.below(DAY),
          31 * HOUR,
          numbers.below(20 * DAY),
        ]);
        steps.push(`pass ${ms / HOUR} h`);
        clock.pass(ms);
      } else if (action < 18) {
        clock.set(movedTo(clock.epochMs(), numbers));
        steps.push(`set ${new Date(clock.epochMs()).toISOString()}`);
      } else {
        steps.push("restart");
        await bench.start();
        model.restart();
        time();
      }
      const ms = time();
      for (const key of ["token:t1", "project:p1", RULE]) {
        const { dayMicros = 0, weekMicros = 0, monthMicros = 0, totalMicros = 0 } =
          bench.limiter.spent(key) ?? {};
        assertEquals(
          [dayMicros, weekMicros, monthMicros, totalMicros],
          model.spent(ms, { periods, isOfRule: key === RULE }),
          `seed ${seed}, ${key} at ${new Date(ms).toISOString()}, after:\n${steps.slice(-12).join("\n")}`,
        );
      }
      await bench.settled();
    }
  } finally {
    await bench.settled();
    store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const PERIODS: readonly BudgetPeriods[] = [
  { timeZone: "UTC", window: "calendar" },
  { timeZone: "Europe/Berlin", window: "calendar" },
  { timeZone: "America/New_York", window: "calendar" },
  { timeZone: "Asia/Kolkata", window: "calendar" },
  { timeZone: "UTC", window: "rolling" },
];

for (const periods of PERIODS) {
  Deno.test(`spending: random spending, clock moves and restarts agree with a list (${periods.timeZone}, ${periods.window})`, async () => {
    for (let seed = 1; seed <= 12; seed++) await compare(seed, periods);
  });
}
