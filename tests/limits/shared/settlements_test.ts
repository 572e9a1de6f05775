/** What requests used is counted, whatever happens to the shared counts and to the connection to them. */

import { assertEquals } from "@std/assert";
import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { Replica } from "../../../src/limits/shared/replica.ts";
import type { ReplicaResult, ReplicaTake } from "../../../src/limits/shared/replica_parts.ts";
import type { SharedHold } from "../../../src/limits/shared/shared_hold.ts";
import {
  type Balances,
  type SharedLimits,
  type Take,
  TELLING_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { nextTurn } from "../../support/time/passing_time.ts";

const KEY = "t";
const B = { replica: "b", session: 1 };
const calendar = new BudgetCalendar({ timeZone: "UTC", window: "calendar" });

/** Shared counts behind a connection that can be cut, before or after a message arrives. */
class CutLimits implements SharedLimits {
  inner: MemoryLimits;
  cut: "before" | "after" | undefined;
  leaves = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.inner = new MemoryLimits(clock);
  }

  /** The server starts again with no data. */
  lose(): void {
    this.inner = new MemoryLimits(this.#clock);
  }

  readonly take: SharedLimits["take"] = (...args) => this.#send(() => this.inner.take(...args));
  readonly hold: SharedLimits["hold"] = (...args) => this.#send(() => this.inner.hold(...args));
  readonly settle: SharedLimits["settle"] = (...args) => this.#send(() => this.inner.settle(...args));
  readonly count: SharedLimits["count"] = (...args) => this.#send(() => this.inner.count(...args));
  readonly raise: SharedLimits["raise"] = (...args) => this.#send(() => this.inner.raise(...args));
  readonly renew: SharedLimits["renew"] = (...args) => this.#send(() => this.inner.renew(...args));
  readonly guess: SharedLimits["guess"] = (...args) => this.#send(() => this.inner.guess(...args));
  readonly close: SharedLimits["close"] = () => Promise.resolve();
  readonly leave: SharedLimits["leave"] = (...args) =>
    this.#send(() => {
      this.leaves++;
      return this.inner.leave(...args);
    });

  async #send<Value>(run: () => Promise<Value>): Promise<Value> {
    if (this.cut === "before") throw new Error("cut");
    const value = await run();
    if (this.cut === "after") throw new Error("cut");
    return value;
  }
}

/** A replica with a database, and an observer of the shared counts. */
class Bench {
  readonly clock = new FakeClock();
  readonly limits = new CutLimits(this.clock);
  replica!: Replica;
  /** What the database knows of spending. */
  written = 0;
  /** The rows that wait, by page. */
  readonly #rows = new Map<number, number>();
  #page = 0;
  /** Reads of the database that wait. `undefined` if they do not wait. */
  reads: (() => void)[] | undefined;
  #lastId = 0;

  static async start(): Promise<Bench> {
    const bench = new Bench();
    bench.replica = await Replica.join({
      limits: bench.limits,
      clock: bench.clock,
      timeoutMs: 500,
      id: "a",
      readBalances: (keys) => bench.#read(keys),
      onHealth() {},
      onWaits() {},
      onFailed() {},
    });
    bench.replica.configure("refuse");
    await bench.pass(TELLING_MS);
    return bench;
  }

  /** Lets time pass, and messages arrive. */
  async pass(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 500) {
      this.clock.pass(500);
      await nextTurn();
    }
  }

  /** Asks for a request that reserves 60 of 1,000. */
  take(): Promise<ReplicaResult> {
    const take: ReplicaTake = {
      ledgers: [{ key: KEY, limits: { totalBudgetMicros: 1_000 }, maxRequests: undefined }],
      reservation: { tokens: 6, micros: 60 },
      isFree: false,
      spansOf: (hour) => calendar.spans(hour),
    };
    return this.replica.take(take);
  }

  /** Admits a request that reserves 60 of 1,000. */
  async admit(): Promise<SharedHold> {
    const result = await this.take();
    if (result.kind !== "taken") throw new Error(result.kind);
    return result.held;
  }

  /** Ends a request with a cost of 50. Its row waits for {@link write}. */
  async end(held: SharedHold): Promise<void> {
    const page = held.settle({ tokens: 5, micros: 50, hour: hourOf(this.clock.epochMs()) });
    if (page === undefined) throw new Error("a cost is on no page");
    this.replica.pages.queued(page);
    this.#rows.set(page, (this.#rows.get(page) ?? 0) + 1);
    await nextTurn();
  }

  /** Writes all rows. */
  write(): void {
    this.#page = this.replica.pages.turn(this.#rows);
    for (const count of this.#rows.values()) this.written += 50 * count;
    this.replica.pages.ended(this.#rows);
    this.#rows.clear();
  }

  /** What counts for the budget: the smallest budget under which another replica may send, less one. */
  async counted(): Promise<number> {
    await this.limits.inner.renew({ from: B, waitsMark: 0 });
    for (let budget = 1; budget < 300; budget++) {
      if (await this.#passes({ totalBudgetMicros: budget })) return budget - 1;
    }
    throw new Error("more than 300");
  }

  /** How many tokens count within this minute. */
  async tokens(): Promise<number> {
    for (let limit = 1; limit < 100; limit++) {
      if (await this.#passes({ tokensPerMinute: limit })) return limit - 1;
    }
    throw new Error("more than 100");
  }

  async #passes(limits: Take["ledgers"][number]["limits"]): Promise<boolean> {
    const id = `probe${++this.#lastId}`;
    const hour = hourOf(this.clock.epochMs());
    const ledgers = [{ key: KEY, limits, maxRequests: undefined }];
    const reservation = { tokens: 0, micros: 0 };
    const spans = calendar.spans(hour);
    const { inner } = this.limits;
    const take = { id, from: B, ledgers, reservation, isFree: false, hour, spans };
    const { kind } = await inner.take(take);
    if (kind === "taken") await inner.settle({ from: B, id, tokens: 0, costs: [] });
    else if (kind !== "rejected") throw new Error(kind);
    return kind === "taken";
  }

  async #read(keys: ReadonlySet<string>): Promise<Balances> {
    await new Promise<void>((resolve) => this.reads === undefined ? resolve() : this.reads.push(resolve));
    const balances = [...keys].map((key) => ({ key, requests: 0, totalMicros: this.written, hours: [] }));
    return { balances, pages: { a: this.#page } };
  }
}

for (const cut of ["before", "after"] as const) {
  Deno.test(`Settlements: the cost of a request that ends while its replica is cut off (${cut} its message arrives) counts all the time, and once`, async () => {
    const bench = await Bench.start();
    const [settled, ended] = [await bench.admit(), await bench.admit()];
    assertEquals(await bench.counted(), 120);
    bench.limits.cut = cut;
    await bench.end(settled);
    await bench.pass(500);
    await bench.end(ended);
    // One was settled before the connection broke, and one reservation is there still.
    assertEquals(await bench.counted(), cut === "before" ? 120 : 110);
    bench.reads = [];
    bench.limits.cut = undefined;
    await bench.pass(1_000);
    // The costs count in place of the reservations.
    assertEquals(await bench.counted(), 100);
    bench.write();
    await bench.pass(2_000);
    for (const go of bench.reads.splice(0)) go();
    await nextTurn();
    assertEquals(await bench.counted(), 100);
    // Tokens of a message without an answer may count twice.
    assertEquals(await bench.tokens(), cut === "before" ? 10 : 15);
    await bench.replica.close();
    assertEquals(bench.limits.leaves, 1);
  });
}

Deno.test("Settlements: a request that ends while its replica comes back counts all the time", async () => {
  const bench = await Bench.start();
  const [first, second] = [await bench.admit(), await bench.admit()];
  bench.limits.cut = "before";
  await bench.pass(2_000);
  await bench.end(first);
  bench.reads = [];
  const { inner } = bench.limits;
  const hold = inner.hold.bind(inner);
  // The message with the first cost is on its way.
  inner.hold = async (...args) => {
    inner.hold = hold;
    await bench.end(second);
    return hold(...args);
  };
  const counts: number[] = [];
  const renew = inner.renew.bind(inner);
  inner.renew = async (renewal) => {
    const result = await renew(renewal);
    if (renewal.from.replica === "a") counts.push(await bench.counted());
    return result;
  };
  bench.limits.cut = undefined;
  await bench.pass(1_000);
  assertEquals(Math.min(...counts, await bench.counted()), 100);
  assertEquals(await bench.counted(), 100);
  await bench.replica.close();
});

Deno.test("Settlements: counts that are lost get what ended before, although the database does not have it", async () => {
  const bench = await Bench.start();
  const [ended, running] = [await bench.admit(), await bench.admit()];
  await bench.end(ended);
  bench.limits.lose();
  bench.reads = [];
  await bench.pass(TELLING_MS + 2_000);
  const balances = [{ key: KEY, requests: 0, totalMicros: 0, hours: [] }];
  await bench.limits.inner.renew({ from: B, waitsMark: 0 });
  await bench.limits.inner.raise({ from: B, balances, pages: {} });
  assertEquals(await bench.counted(), 110);
  bench.write();
  for (const go of bench.reads.splice(0)) go();
  await nextTurn();
  assertEquals(await bench.counted(), 110);
  await bench.end(running);
  assertEquals(await bench.counted(), 100);
  await bench.replica.close();
});

Deno.test("Settlements: a cost whose reservation the counts have lost counts at once, and once", async () => {
  const bench = await Bench.start();
  const held = await bench.admit();
  await bench.limits.inner.renew({ from: { replica: "a", session: 1 }, waitsMark: 0, heldIds: [] });
  assertEquals(await bench.counted(), 0);
  await bench.end(held);
  assertEquals([await bench.counted(), await bench.tokens()], [50, 5]);
  bench.write();
  await bench.pass(60_000);
  assertEquals(await bench.counted(), 50);
  await bench.replica.close();
});

Deno.test("Settlements: a cost that another replica has settled, and not written, outlasts a raise", async () => {
  const bench = await Bench.start();
  const held = await bench.admit();
  const { inner } = bench.limits;
  const hour = hourOf(bench.clock.epochMs());
  await inner.renew({ from: B, waitsMark: 0, heldIds: [] });
  await inner.settle({ from: B, id: "of b", tokens: 0, costs: [{ key: KEY, page: 1, hour, micros: 50 }] });
  await bench.end(held);
  bench.write();
  await bench.pass(60_000);
  assertEquals(await bench.counted(), 100);
  await bench.replica.close();
});

Deno.test("Settlements: the cost of a replica that has ended counts until the database has it", async () => {
  const bench = await Bench.start();
  const held = await bench.admit();
  bench.limits.cut = "before";
  await bench.end(held);
  bench.reads = [];
  bench.limits.cut = undefined;
  await bench.pass(1_000);
  await bench.replica.close();
  assertEquals([bench.limits.leaves, await bench.counted()], [1, 50]);
});

Deno.test("Settlements: an admission that arrives after its replica has begun another session holds nothing", async () => {
  const bench = await Bench.start();
  await bench.admit();
  const { inner } = bench.limits;
  const take = inner.take.bind(inner);
  let late: Take | undefined;
  inner.take = (request) => {
    inner.take = take;
    late = request;
    return Promise.reject(new Error("no answer"));
  };
  assertEquals((await bench.take()).kind, "refused");
  await bench.pass(1_000);
  if (late === undefined) throw new Error("nothing was sent");
  assertEquals(await inner.take(late), { kind: "unknown_replica" });
  assertEquals(await bench.counted(), 60);
  await bench.replica.close();
});

Deno.test("Settlements: an object holds its reservation until the counts have its cost from the database", async () => {
  const bench = await Bench.start();
  await bench.admit();
  bench.replica.objects.hold({ id: "o", keys: [KEY], micros: 40 });
  await nextTurn();
  assertEquals(await bench.counted(), 100);
  bench.written = 30;
  bench.reads = [];
  bench.replica.objects.settle({ id: "o", tokens: 5, micros: 30 }, { keys: [KEY], micros: 40 });
  await nextTurn();
  assertEquals(await bench.counted(), 100);
  for (const go of bench.reads.splice(0)) go();
  await nextTurn();
  assertEquals([await bench.counted(), await bench.tokens()], [90, 11]);
  await bench.replica.close();
});

Deno.test("Settlements: a renewal keeps a request whose admission is on its way to its replica", async () => {
  const bench = await Bench.start();
  await bench.admit();
  const { inner } = bench.limits;
  const [take, renew] = [inner.take.bind(inner), inner.renew.bind(inner)];
  const answer = Promise.withResolvers<void>();
  inner.take = async (request) => {
    // The next request finds that the replica must tell what it holds.
    inner.take = () => {
      inner.take = take;
      return Promise.resolve({ kind: "unknown_replica" });
    };
    const result = await take(request);
    await answer.promise;
    return result;
  };
  const admitted = bench.admit();
  await nextTurn();
  const counts: number[] = [];
  inner.renew = async (renewal) => {
    inner.renew = renew;
    const result = await renew(renewal);
    counts.push(await bench.counted());
    return result;
  };
  await bench.admit();
  answer.resolve();
  await admitted;
  assertEquals([counts, await bench.counted()], [[120], 180]);
  await bench.replica.close();
});
