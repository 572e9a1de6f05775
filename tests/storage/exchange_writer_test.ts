import { assert, assertEquals } from "@std/assert";
import { ExchangeWriter } from "../../src/storage/exchange_writer.ts";
import { StoreError } from "../../src/storage/store.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { nextTurn } from "../support/time/passing_time.ts";
import { exchangeRow } from "../support/data/rows.ts";

class WriterBench {
  readonly clock = new FakeClock();
  readonly written: string[] = [];
  readonly events: string[] = [];
  readonly notes: string[] = [];
  readonly pages: string[] = [];
  failure: Error | undefined;
  /** Thrown for a batch of the row `bug`, and for the row itself. */
  bug: Error | undefined;
  dropped = 0;
  readonly writer = new ExchangeWriter({
    addPackedExchanges: (packed, note) => {
      const rows = packed.rows();
      if (this.failure !== undefined) return Promise.reject(this.failure);
      if (rows.some(({ requestId }) => requestId === "poison")) {
        return Promise.reject(new StoreError("failed", "will not take it"));
      }
      if (this.bug !== undefined && rows.some(({ requestId }) => requestId === "bug")) {
        return Promise.reject(this.bug);
      }
      if (rows.length === 1 && rows[0]?.requestId === "late") {
        return Promise.reject(new StoreError("busy", "locked"));
      }
      this.written.push(...rows.map(({ requestId }) => requestId));
      if (note !== undefined) this.notes.push(note.value);
      return Promise.resolve();
    },
  }, {
    clock: this.clock,
    pages: {
      queued: (page) => this.pages.push(`queued ${page}`),
      note: (rows) => ({ name: "costs a", value: JSON.stringify([...rows]) }),
      ended: (rows) => this.pages.push(`ended ${JSON.stringify([...rows])}`),
    },
    events: {
      onHealth: (health, reason) =>
        this.events.push(reason?.startsWith("unexpected") ? `${health}: ${reason}` : health),
      onDropped: () => this.dropped++,
    },
  });

  add(...ids: string[]): void {
    for (const requestId of ids) this.writer.add(exchangeRow({ requestId }));
  }

  /** Adds an exchange whose cost is on a page. */
  addOn(page: number, requestId: string): void {
    const booking = { hour: 0, isDated: true, modelRules: [], page };
    this.writer.add(exchangeRow({ requestId, booking }));
  }

  /** Advances the clock, and waits for the writes that it started. */
  async pass(ms: number): Promise<void> {
    this.clock.pass(ms);
    await nextTurn();
  }
}

Deno.test("ExchangeWriter: writes the exchanges of half a second in one batch", async () => {
  const bench = new WriterBench();
  bench.add("a", "b");
  assertEquals(bench.written, []);
  await bench.pass(500);
  assertEquals(bench.written, ["a", "b"]);
  assertEquals(bench.clock.pending, 0, "nothing to do, no timer");
});

Deno.test("ExchangeWriter: retries in order while the store fails, and reports the failure and the recovery once", async () => {
  const bench = new WriterBench();
  bench.failure = new StoreError("busy", "locked");
  bench.add("a");
  await bench.pass(500);
  bench.add("b");
  for (let round = 0; round < 5; round++) await bench.pass(1_000);
  assertEquals([bench.written, bench.events, bench.writer.health], [[], ["failing"], "failing"]);
  bench.failure = undefined;
  await bench.pass(1_000);
  assertEquals([bench.written, bench.events], [["a", "b"], ["failing", "ok"]]);
});

Deno.test("ExchangeWriter: drops and counts exchanges that come while the queue is full", async () => {
  const bench = new WriterBench();
  bench.failure = new StoreError("full", "full");
  bench.add(...Array.from({ length: 10_005 }, (_, index) => String(index)));
  await bench.pass(500);
  assertEquals(bench.dropped, 5);
  bench.failure = undefined;
  await bench.writer.flush();
  assertEquals([bench.written.length, bench.written[0], bench.written.at(-1)], [10_000, "0", "9999"]);
});

Deno.test("ExchangeWriter: drops exchanges that come while the queue has no memory left", async () => {
  const bench = new WriterBench();
  bench.failure = new StoreError("full", "full");
  const path = `/${"x".repeat(4_000)}`;
  for (let index = 0; index < 5_000; index++) {
    bench.writer.add(exchangeRow({ requestId: String(index), path: `${path}${index}` }));
  }
  assert(bench.dropped > 500, `${bench.dropped}`);
  bench.failure = undefined;
  await bench.writer.flush();
  assertEquals([bench.written.length + bench.dropped, bench.written.at(-1)], [
    5_000,
    String(4_999 - bench.dropped),
  ]);
  bench.add("later");
  await bench.writer.flush();
  assertEquals(bench.written.at(-1), "later");
});

Deno.test("ExchangeWriter: a row that the store rejects does not block the others", async () => {
  const bench = new WriterBench();
  bench.add("a", "poison", "b");
  await bench.pass(500);
  bench.add("c");
  await bench.pass(500);
  assertEquals([bench.written, bench.dropped, bench.events], [["a", "b", "c"], 1, []]);
});

Deno.test("ExchangeWriter: parallel flushes write each row once", async () => {
  const bench = new WriterBench();
  const ids = Array.from({ length: 600 }, (_, index) => String(index));
  const flushes: Promise<void>[] = [];
  for (const [index, id] of ids.entries()) {
    bench.add(id);
    if (index % 7 === 0) flushes.push(bench.writer.flush(), bench.writer.flush());
    if (index % 50 === 0) await Promise.resolve();
  }
  await Promise.all(flushes);
  await bench.writer.flush();
  assertEquals(bench.written, ids);
});

Deno.test("ExchangeWriter: closing writes the queue, and counts the rows that fail", async () => {
  const bench = new WriterBench();
  bench.add("a");
  await bench.writer.close();
  assertEquals([bench.written, bench.clock.pending], [["a"], 0]);
  bench.failure = new StoreError("full", "full");
  bench.add("b");
  await bench.writer.close();
  assertEquals([bench.dropped, bench.clock.pending], [1, 0]);
});

Deno.test("ExchangeWriter: an unexpected error drops the row that causes it, shows in the health, and stops no later write", async () => {
  const bench = new WriterBench();
  bench.bug = new TypeError("cannot read x");
  bench.add("a", "bug", "b");
  await bench.pass(500);
  assertEquals([bench.written, bench.dropped], [["a", "b"], 1]);
  assertEquals([bench.events, bench.writer.health], [["failing: unexpected: cannot read x"], "failing"]);
  bench.add("c");
  await bench.pass(500);
  assertEquals([bench.written, bench.dropped, bench.writer.health], [["a", "b", "c"], 1, "ok"]);
  await bench.writer.close();
});

Deno.test("ExchangeWriter: rows that cannot be written while a rejected row is singled out stay in the queue", async () => {
  const bench = new WriterBench();
  bench.add("a", "poison", "late", "b");
  await bench.pass(500);
  assertEquals([bench.written, bench.dropped, bench.writer.health], [["a"], 1, "failing"]);
  await bench.pass(1_000);
  assertEquals(bench.written, ["a", "late", "b"]);
});

Deno.test("ExchangeWriter: keepsBudgets queues exchanges under a budget beyond the length of the queue, and no others", async () => {
  const bench = new WriterBench();
  bench.failure = new StoreError("unreachable", "away");
  const booking = { hour: 0, isDated: true, modelRules: [], hasBudget: true } as const;
  bench.add(...Array.from({ length: 4_999 }, (_, index) => String(index)));
  assertEquals(bench.writer.isHalfFull, false);
  bench.add(...Array.from({ length: 5_001 }, (_, index) => String(index)));
  assertEquals(bench.writer.isHalfFull, true);
  bench.writer.add(exchangeRow({ requestId: "early", booking }));
  assertEquals(bench.dropped, 1, "without keepsBudgets");
  bench.writer.keepsBudgets = true;
  bench.writer.add(exchangeRow({ requestId: "kept", booking }));
  bench.add("free");
  assertEquals([bench.dropped, bench.writer.length], [2, 10_001]);
  bench.failure = undefined;
  await bench.writer.flush();
  assertEquals([bench.written.length, bench.written.at(-1), bench.writer.isHalfFull], [
    10_001,
    "kept",
    false,
  ]);
});

Deno.test("ExchangeWriter: is behind while exchanges wait for a retry, and during it, but not after one that is dropped", async () => {
  const bench = new WriterBench();
  bench.failure = new StoreError("unreachable", "away");
  bench.add("a");
  assertEquals(bench.writer.isBehind, false);
  await bench.pass(500);
  assertEquals(bench.writer.isBehind, true);
  const retry = bench.writer.flush();
  await Promise.resolve();
  assertEquals([bench.writer.length, bench.writer.isBehind], [0, true], "the batch is being written");
  await retry;
  bench.failure = undefined;
  await bench.pass(1_000);
  assertEquals(bench.writer.isBehind, false);
  bench.bug = new TypeError("cannot read x");
  bench.add("bug");
  await bench.pass(500);
  assertEquals([bench.writer.health, bench.writer.isBehind], ["failing", false]);
});

Deno.test("ExchangeWriter: the pages of costs are written with their rows, and again with a retry", async () => {
  const bench = new WriterBench();
  bench.addOn(1, "a");
  bench.addOn(1, "b");
  bench.addOn(2, "c");
  bench.add("without a page");
  bench.failure = new StoreError("busy", "locked");
  await bench.pass(500);
  assertEquals([bench.notes, bench.pages.splice(0)], [[], ["queued 1", "queued 1", "queued 2"]]);
  bench.failure = undefined;
  await bench.pass(1_000);
  assertEquals([bench.notes.splice(0), bench.pages.splice(0)], [["[[1,2],[2,1]]"], ["ended [[1,2],[2,1]]"]]);
  bench.add("without a page");
  await bench.pass(500);
  assertEquals([bench.notes, bench.pages], [[], []]);
  // A row that the database rejects is lost, and its page does not wait for it.
  bench.addOn(3, "poison");
  bench.addOn(3, "d");
  await bench.pass(500);
  assertEquals(bench.written.at(-1), "d");
  assertEquals(bench.pages, ["queued 3", "queued 3", "ended [[3,1]]", "ended [[3,1]]"]);
});
