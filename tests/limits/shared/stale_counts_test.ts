/** The shared counts reach the sums of the database, also for tokens that send nothing more. */

import { assertEquals } from "@std/assert";
import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { Replica } from "../../../src/limits/shared/replica.ts";
import type { SharedHold } from "../../../src/limits/shared/shared_hold.ts";
import { type Balances, TELLING_MS } from "../../../src/limits/shared/shared_limits.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { nextTurn } from "../../support/time/passing_time.ts";

const HOUR_MS = 3_600_000;
const BUDGET = 100;
const calendar = new BudgetCalendar({ timeZone: "UTC", window: "calendar" });

/** Two replicas on one database. */
class Bench {
  readonly clock = new FakeClock();
  readonly limits = new MemoryLimits(this.clock);
  /** What the database knows. */
  readonly spent = new Map<string, number>();
  pages: Record<string, number> = {};
  replicas: Replica[] = [];

  static async start(): Promise<Bench> {
    const bench = new Bench();
    for (const id of ["a", "b"]) {
      bench.replicas.push(
        await Replica.join({
          limits: bench.limits,
          clock: bench.clock,
          timeoutMs: 500,
          id,
          readBalances: (keys) => Promise.resolve(bench.#read(keys)),
          onHealth() {},
          onWaits() {},
          onFailed() {},
        }),
      );
    }
    await bench.pass(TELLING_MS, 1_000);
    return bench;
  }

  async pass(durationMs: number, stepMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      this.clock.pass(stepMs);
      await nextTurn();
    }
  }

  take(of: number, key: string): Promise<{ readonly kind: string; readonly held?: SharedHold }> {
    return this.replicas[of]!.take({
      ledgers: [{ key, limits: { totalBudgetMicros: BUDGET }, maxRequests: undefined }],
      reservation: { tokens: 0, micros: 0 },
      isFree: false,
      spansOf: (hour) => calendar.spans(hour),
    });
  }

  /** A request of a replica. Returns the page of its cost. */
  async spend(of: number, key: string, micros: number): Promise<number> {
    return this.end(of, (await this.take(of, key)).held, micros);
  }

  end(of: number, held: SharedHold | undefined, micros: number): number {
    const page = held?.settle({ tokens: 0, micros, hour: hourOf(this.clock.epochMs()) });
    if (page === undefined) throw new Error(`the cost of replica ${of} is on no page`);
    this.replicas[of]!.pages.queued(page);
    return page;
  }

  /** Writes a row of a replica, with the note of its pages. */
  write(of: number, { key, micros, page }: { key: string; micros: number; page: number }): void {
    const rows = new Map([[page, 1]]);
    this.spent.set(key, (this.spent.get(key) ?? 0) + micros);
    this.pages = { ...this.pages, ["ab"[of]!]: this.replicas[of]!.pages.turn(rows) };
    this.replicas[of]!.pages.ended(rows);
  }

  async close(): Promise<void> {
    for (const replica of this.replicas) await replica.close();
  }

  #read(keys: ReadonlySet<string>): Balances {
    const balances = [...keys].map((key) => ({
      key,
      requests: 0,
      totalMicros: this.spent.get(key) ?? 0,
      hours: [{ start: FakeClock.START, micros: this.spent.get(key) ?? 0 }],
    }));
    return { balances, pages: this.pages };
  }
}

Deno.test("Replica: a token is not blocked by a cost that is in the database and on a page that was completed later", async () => {
  const bench = await Bench.start();
  const page = await bench.spend(0, "t", 60);
  const other = await bench.spend(0, "u", 1);
  assertEquals(other, page);
  // The row of another token on the page is still in the queue.
  bench.write(0, { key: "t", micros: 60, page });
  await bench.pass(61_000, 1_000);
  bench.write(0, { key: "u", micros: 1, page: other });
  await bench.pass(61_000, 1_000);
  assertEquals((await bench.take(0, "t")).kind, "taken");
  await bench.close();
});

Deno.test("Replica: the cost of a request that ran for hours counts for other replicas at once", async () => {
  const bench = await Bench.start();
  const { held } = await bench.take(0, "t");
  await bench.pass(2 * HOUR_MS, 60_000);
  bench.end(0, held, BUDGET);
  await nextTurn();
  assertEquals((await bench.take(1, "t")).kind, "rejected");
  await bench.close();
});

for (const isOld of [true, false]) {
  Deno.test(`Replica: the cost of a batch of hours ago counts for other replicas as soon as its reservation ends (${isOld ? "of an earlier" : "of this"} process)`, async () => {
    const bench = await Bench.start();
    const of = isOld ? 1 : 0;
    bench.write(of, { key: "t", micros: 1, page: await bench.spend(of, "t", 1) });
    bench.replicas[0]!.objects.hold({ id: "batch", keys: ["t"], micros: BUDGET });
    await bench.pass(2 * HOUR_MS, 60_000);
    bench.spent.set("t", BUDGET + 1);
    bench.replicas[0]!.objects.settle({ id: "batch", tokens: 0, micros: BUDGET }, {
      keys: ["t"],
      micros: BUDGET,
    });
    for (let passed = 0; passed < 4_000; passed += 1_000) {
      await nextTurn();
      assertEquals((await bench.take(1, "t")).kind, "rejected");
      bench.clock.pass(1_000);
    }
    await bench.close();
  });
}

Deno.test("Replica: an object that ends just before its replica stops holds nothing afterwards", async () => {
  const bench = await Bench.start();
  const [replica] = bench.replicas;
  replica!.objects.hold({ id: "batch", keys: ["t"], micros: BUDGET });
  replica!.objects.settle({ id: "batch", tokens: 0, micros: 1 }, { keys: ["t"], micros: BUDGET });
  bench.spent.set("t", 1);
  await replica!.close();
  assertEquals((await bench.take(1, "t")).kind, "taken");
  await bench.close();
});
