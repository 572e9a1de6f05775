/** Objects that are awaited: what is held for them, by one process and by several. */

import { assertEquals } from "@std/assert";
import type { ObjectResponse } from "../../../src/accounting/settlement/object_response.ts";
import { Objects } from "../../../src/accounting/settlement/objects.ts";
import { OBJECT_LIFETIME_MS } from "../../../src/storage/booking.ts";
import { Limiter } from "../../../src/limits/limiter.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import type { AwaitedObject } from "../../../src/storage/object_store.ts";
import { type ExchangeRow, type Store, StoreError } from "../../../src/storage/store.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { nextTurn } from "../../support/time/passing_time.ts";
import { awaitedObject } from "../../support/data/rows.ts";

const RULES = { totalBudgetMicros: 1_000 };
const MAKER = {
  kind: "token",
  name: "anna",
  tokenId: "tok_1",
  projectId: "prj_1",
  subjects: [{ key: "token:tok_1", what: "token", rules: RULES }],
  keys: new Map(),
} as const;
/** Other processes are read within that. */
const SYNC_MS = 10_000;

/** One process on a database. */
interface Bench {
  readonly clock: FakeClock;
  readonly limiter: Limiter;
  readonly objects: Objects;
  readonly rows: ExchangeRow[];
  readonly failures: string[];
  readonly unexpected: unknown[];
}

async function withStore(
  work: (open: (over?: (store: Store) => Partial<Store>) => Promise<Bench>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const clock = new FakeClock();
  const open: { store: Store; objects: Objects }[] = [];
  try {
    await work(async (over = () => ({})) => {
      const store = openSqlite(`${folder}/x.db`);
      const limiter = new Limiter(clock);
      const rows: ExchangeRow[] = [];
      const failures: string[] = [];
      const unexpected: unknown[] = [];
      const objects = await Objects.open({
        store: { ...store, ...over(store) },
        clock,
        ledgers: limiter,
        onRow: (row) => rows.push(row),
        onFailed: (reason) => failures.push(reason),
        onUnexpected: (error) => unexpected.push(error),
      });
      open.push({ store, objects });
      return { clock, limiter, objects, rows, failures, unexpected };
    });
  } finally {
    for (const { store, objects } of open) {
      await objects.close();
      store.close();
    }
    await Deno.remove(folder, { recursive: true });
  }
}

/** Makes one as a request does that reserves an amount. */
function make(
  { limiter, objects, clock }: Bench,
  reserved: number,
  more: Partial<AwaitedObject> = {},
): AwaitedObject {
  const admission = limiter.admit(MAKER);
  admission.reserve({ tokens: 0, micros: reserved });
  const held = admission.handOver();
  const madeAt = clock.epochMs();
  const object = awaitedObject({
    reservedMicros: reserved,
    madeAt,
    expiresAt: madeAt + OBJECT_LIFETIME_MS,
    ...more,
  });
  objects.add(object, held);
  admission.settle({ tokens: undefined, micros: undefined });
  return object;
}

/** A look that shows that it is over. */
function lookAt(object: AwaitedObject, micros: number): ObjectResponse {
  const usage = { inputTokens: 3, outputTokens: 4 };
  const seen = {
    id: object.id,
    state: "done",
    isBackground: true,
    resultsId: undefined,
    listed: [],
    parts: [],
  } as const;
  return {
    request: { kind: "response", action: "read", id: object.id },
    endpoint: object.endpoint,
    providerAccount: object.providerAccount,
    summary: { usage, object: seen },
    isWhole: true,
    receivedBytes: () => 0,
    charge: () => ({
      charge: { usage, tokens: 7, cost: { micros, version: "test" }, source: "provider" },
      tokens: 7,
      model: "m",
      stopReason: undefined,
    }),
    asOwnObject: () => object,
  };
}

/** How much of the budget is spent, and whether anything more can be asked for. */
function standing({ limiter }: Bench): { spent: number; isFull: boolean } {
  const spent = limiter.spent("token:tok_1")?.totalMicros ?? 0;
  try {
    limiter.admit(MAKER).settle({ tokens: undefined, micros: undefined });
    return { spent, isFull: false };
  } catch {
    return { spent, isFull: true };
  }
}

/** Lets a sync run and end. */
async function sync({ clock, objects }: Bench): Promise<void> {
  clock.pass(SYNC_MS);
  await objects.idle();
}

Deno.test("Objects: what is reserved is held until the object is over, and then what it cost is counted", () =>
  withStore(async (open) => {
    const bench = await open();
    const object = make(bench, 1_000);
    assertEquals(standing(bench), { spent: 0, isFull: true });
    for (let look = 0; look < 3; look++) bench.objects.responseEnded(lookAt(object, 30));
    await bench.objects.idle();
    assertEquals(standing(bench), { spent: 30, isFull: false });
    assertEquals(bench.rows.map(({ requestId, costMicros }) => [requestId, costMicros]), [["req_1", 30]]);
  }));

Deno.test("Objects: another process holds what the store holds, and learns of what the first one settles", () =>
  withStore(async (open) => {
    const first = await open();
    const early = make(first, 1_000, { id: "resp_0" });
    await first.objects.idle();
    const second = await open();
    assertEquals(standing(second), { spent: 0, isFull: true }, "from its start on");
    second.objects.responseEnded(lookAt(early, 0));
    await second.objects.idle();
    await sync(first);
    const object = make(first, 900);
    const later = make(first, 100, { id: "resp_2" });
    await first.objects.idle();
    assertEquals(standing(second), { spent: 0, isFull: false }, "not read yet");
    await sync(second);
    assertEquals(standing(second), { spent: 0, isFull: true });
    second.objects.responseEnded(lookAt(object, 30));
    second.objects.responseEnded(lookAt(later, 5));
    await second.objects.idle();
    assertEquals(standing(second), { spent: 35, isFull: false });
    assertEquals(standing(first), { spent: 0, isFull: true });
    await sync(first);
    assertEquals(standing(first), { spent: 35, isFull: false });
    assertEquals([first.rows.length, second.rows.length], [0, 3]);
  }));

Deno.test("Objects: two processes settle one at the same time: once in the store, and once in the budget of each", () =>
  withStore(async (open) => {
    const first = await open();
    const object = make(first, 1_000);
    await first.objects.idle();
    const second = await open();
    for (const { objects } of [first, second]) objects.responseEnded(lookAt(object, 30));
    for (const { objects } of [first, second]) await objects.idle();
    assertEquals([standing(first), standing(second)], [{ spent: 30, isFull: false }, {
      spent: 30,
      isFull: false,
    }]);
    for (const bench of [first, second]) await sync(bench);
    assertEquals([standing(first).spent, standing(second).spent], [30, 30]);
    assertEquals(first.rows.length + second.rows.length, 1);
  }));

/** A response with the results of a batch: of the batch itself, or of the file that has its results. */
function results(batch: AwaitedObject, micros: number, action: "results" | "file"): ObjectResponse {
  const look = lookAt(batch, micros);
  const { object, usage } = look.summary;
  const id = action === "file" ? batch.resultsId : batch.id;
  const parts = [{ model: "m", usage }];
  return {
    ...look,
    request: { kind: "batch", action, id },
    summary: { usage, ...(object !== undefined && { object: { ...object, id, parts } }) },
  };
}

for (
  const [isLateBefore, ...order] of [
    [true, "results", "file"],
    [false, "results", "file"],
    [false, "file", "results"],
  ] as const
) {
  const when = isLateBefore ? "before" : "after";
  Deno.test(`Objects: a batch counts once if its ${order.join(" and its ")} are read at the same time, and the database is late ${when} it settles the batch`, () =>
    withStore(async (open) => {
      const { promise: late, resolve: go } = Promise.withResolvers<void>();
      let calls = 0;
      const bench = await open((store) => ({
        settleObject: async (...of) => {
          const isLate = ++calls === 1;
          if (isLate && isLateBefore) await late;
          const isFirst = await store.settleObject(...of);
          if (isLate) await late;
          return isFirst;
        },
      }));
      const batch = make(bench, 1_000, { id: "batch_1", kind: "batch", resultsId: "file_1" });
      await bench.objects.idle();
      for (const action of order) bench.objects.responseEnded(results(batch, 30, action));
      bench.clock.pass(SYNC_MS);
      // The second response and the sync find the first settlement under way.
      await nextTurn();
      go();
      await bench.objects.idle();
      assertEquals(standing(bench), { spent: 30, isFull: false });
      assertEquals(bench.rows.length, 1);
    }));
}

Deno.test("Objects: the results of a batch that no process awaits count for the client that reads them", () =>
  withStore(async (open) => {
    const bench = await open();
    const batch = awaitedObject({ id: "batch_1", kind: "batch", reservedMicros: 0 });
    bench.objects.responseEnded(results(batch, 30, "results"));
    await bench.objects.idle();
    assertEquals([standing(bench).spent, bench.rows.length], [30, 1]);
  }));

Deno.test("Objects: one that nobody looks at costs what was reserved when its provider forgets it", () =>
  withStore(async (open) => {
    const bench = await open();
    const expiresAt = bench.clock.epochMs() + 6 * SYNC_MS;
    make(bench, 900, { expiresAt });
    make(bench, 0, { id: "batch_1", kind: "batch", expiresAt });
    await bench.objects.idle();
    bench.clock.pass(5 * SYNC_MS);
    await bench.objects.idle();
    assertEquals(bench.rows, []);
    await sync(bench);
    assertEquals(standing(bench), { spent: 900, isFull: false });
    assertEquals(
      bench.rows.map(({ costMicros, usageSource, metered }) => [costMicros, usageSource, metered]),
      [
        [900, "estimated", true],
        [undefined, undefined, true],
      ],
    );
  }));

Deno.test("Objects: what the store does not take is tried again, and counts once", () =>
  withStore(async (open) => {
    let fails = true;
    const failing = (): Promise<boolean> =>
      fails ? Promise.reject(new StoreError("busy", "locked")) : Promise.resolve(true);
    const bench = await open(() => ({ addObject: failing, settleObject: failing }));
    const object = make(bench, 1_000);
    bench.objects.responseEnded(lookAt(object, 30));
    await bench.objects.idle();
    assertEquals(bench.failures.length, 2);
    assertEquals(standing(bench), { spent: 0, isFull: true });
    fails = false;
    await sync(bench);
    assertEquals(standing(bench), { spent: 30, isFull: false });
    assertEquals(bench.rows.length, 1);
  }));

Deno.test("Objects: an unexpected error is reported, and later tasks and close() go on", () =>
  withStore(async (open) => {
    const bug = new TypeError("cannot read x");
    let fails = true;
    const added: string[] = [];
    const bench = await open(() => ({
      addObject: ({ id }) => fails ? Promise.reject(bug) : Promise.resolve(added.push(id) > 0),
    }));
    make(bench, 100);
    await bench.objects.idle();
    assertEquals([bench.unexpected, bench.failures], [[bug], []]);
    fails = false;
    make(bench, 100, { id: "resp_2" });
    await bench.objects.close();
    assertEquals([added.length, bench.unexpected], [2, [bug]]);
  }));

Deno.test("Objects: no more than ten thousand of a token are awaited", () =>
  withStore(async (open) => {
    const bench = await open(() => ({ addObject: () => Promise.resolve(true) }));
    const maker = { tokenId: "tok_1", projectId: "prj_1", principal: "anna" };
    for (let count = 0; count < 10_000; count++) make(bench, 0, { id: `resp_${count}` });
    assertEquals(bench.objects.hasRoom(maker), false);
    assertEquals(bench.objects.hasRoom({ ...maker, tokenId: "tok_2" }), true);
    await bench.objects.idle();
  }));

Deno.test("Objects: one that was made while the clock was wrong is not forgotten when the clock is right", () =>
  withStore(async (open) => {
    const bench = await open();
    make(bench, 900, { madeAt: 5_000, expiresAt: 5_000 + OBJECT_LIFETIME_MS });
    await sync(bench);
    assertEquals(bench.rows, []);
    assertEquals(standing(bench).spent, 0);
  }));
