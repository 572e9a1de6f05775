import { assert, assertEquals } from "@std/assert";
import { RAISE_ALONE_MS, SEED_MS } from "../../../src/limits/shared/balance_raiser.ts";
import { BudgetCalendar } from "../../../src/limits/budget_calendar.ts";
import { MemoryLimits } from "../../../src/limits/shared/memory_limits.ts";
import { Replica } from "../../../src/limits/shared/replica.ts";
import type { ReplicaParts, ReplicaTake } from "../../../src/limits/shared/replica_parts.ts";
import {
  type Balances,
  type Raise,
  type Renewal,
  type SharedLimits,
  TELL_AGAIN_MS,
  TELLING_MS,
  type Told,
  UNTOLD_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { nextTask, nextTurn } from "../../support/time/passing_time.ts";

/** How often a replica renews what it holds. In milliseconds. */
const RENEW_MS = 2_000;

/** Shared counts that keep the size of each message, and that can hang. */
class WatchedLimits extends MemoryLimits {
  readonly held: number[] = [];
  readonly raised: number[] = [];
  isDown = false;
  hangsHolding = false;

  override hold(told: Told): Promise<void> {
    this.held.push(told.holdings.length);
    if (this.hangsHolding) return new Promise(() => {});
    return super.hold(told);
  }

  override raise(raise: Raise): Promise<void> {
    this.raised.push(raise.balances.reduce((sum, { hours }) => sum + Math.max(1, hours.length), 0));
    return super.raise(raise);
  }

  override renew(renewal: Renewal): ReturnType<SharedLimits["renew"]> {
    return this.isDown ? Promise.reject(new Error("down")) : super.renew(renewal);
  }
}

/** Balances of a database that has no page. */
function balancesOf(balances: Balances["balances"]): Balances {
  return { balances, pages: {} };
}

interface Bench {
  readonly clock: FakeClock;
  readonly limits: WatchedLimits;
  readonly replica: Replica;
  readonly health: string[];
}

async function join(
  { clock = new FakeClock(), limits = new WatchedLimits(clock), ...parts }:
    & Partial<ReplicaParts>
    & Partial<Pick<Bench, "clock" | "limits">> = {},
): Promise<Bench> {
  const health: string[] = [];
  const replica = await Replica.join({
    limits,
    clock,
    timeoutMs: 500,
    id: "a",
    readBalances: (keys) =>
      Promise.resolve(balancesOf([...keys].map((key) => ({ key, requests: 0, totalMicros: 0, hours: [] })))),
    onHealth: (state) => health.push(state),
    onWaits() {},
    onFailed() {},
    ...parts,
  });
  // Requests need not wait until other replicas have told what they hold.
  for (let passed = 0; passed < TELLING_MS; passed += 1_000) {
    clock.pass(1_000);
    await nextTurn();
  }
  return { clock, limits, replica, health };
}

function takeOf(key: string, limits: ReplicaTake["ledgers"][number]["limits"]): ReplicaTake {
  const calendar = new BudgetCalendar({ timeZone: "UTC", window: "calendar" });
  return {
    ledgers: [{ key, limits, maxRequests: undefined }],
    reservation: { tokens: 0, micros: 0 },
    isFree: false,
    spansOf: (hour) => calendar.spans(hour),
  };
}

Deno.test("Replica: ten thousand objects are held in short messages, also after a loss", async () => {
  const { clock, limits, replica, health } = await join();
  for (let id = 0; id < 10_000; id++) replica.objects.hold({ id: `o${id}`, keys: ["t"], micros: 1 });
  await nextTurn();
  limits.isDown = true;
  clock.pass(2_000);
  await nextTurn();
  assertEquals(health, ["failing"]);
  limits.isDown = false;
  clock.pass(1_000);
  await nextTurn();
  assertEquals(health, ["failing", "ok"]);
  assert(Math.max(...limits.held) <= 200, `a message has ${Math.max(...limits.held)} holdings`);
  assertEquals(limits.held.reduce((sum, each) => sum + each), 20_000);
  const refused = await replica.take(takeOf("t", { totalBudgetMicros: 10_000 }));
  assertEquals(refused.kind, "rejected");
  await replica.close();
});

Deno.test("Replica: the shared limits are back as soon as the server answers, before all objects are held again", async () => {
  const { clock, limits, replica, health } = await join();
  for (let id = 0; id < 1_000; id++) replica.objects.hold({ id: `o${id}`, keys: ["t"], micros: 1 });
  await nextTurn();
  limits.isDown = true;
  clock.pass(2_000);
  await nextTurn();
  limits.isDown = false;
  limits.hangsHolding = true;
  clock.pass(1_000);
  await nextTurn();
  assertEquals(health, ["failing", "ok"]);
  await replica.close();
});

Deno.test("Replica: an object that is settled while its holding waits is not held afterwards", async () => {
  const { clock, replica } = await join();
  for (let id = 0; id < 1_000; id++) replica.objects.hold({ id: `o${id}`, keys: ["t"], micros: 1 });
  for (let id = 0; id < 1_000; id++) replica.objects.release(`o${id}`);
  // The replica first reads the spending of a ledger that no request has used here.
  clock.pass(2_000);
  await nextTurn();
  assertEquals((await replica.take(takeOf("t", { totalBudgetMicros: 1 }))).kind, "taken");
  await replica.close();
});

Deno.test("Replica: no holding follows its departure", async () => {
  const { limits, replica } = await join();
  for (let id = 0; id < 1_000; id++) replica.objects.hold({ id: `o${id}`, keys: ["t"], micros: 1 });
  await replica.close();
  await nextTurn();
  assertEquals(limits.held, [200, 200]);
});

Deno.test("Replica: an object is reserved for as long as a replica runs that knows it", async () => {
  const bench = await join();
  const { clock, limits, replica } = bench;
  const other = await join({ limits, clock, id: "b" });
  for (let id = 0; id < 500; id++) replica.objects.hold({ id: `o${id}`, keys: ["t"], micros: 1 });
  const isReserved = async (): Promise<boolean> =>
    (await other.replica.take(takeOf("t", { totalBudgetMicros: 500 }))).kind === "rejected";
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += RENEW_MS) {
      clock.pass(RENEW_MS);
      await nextTask();
    }
  };
  await pass(2 * UNTOLD_MS);
  assertEquals(await isReserved(), true);
  // The replica is killed.
  await limits.leave("a");
  limits.renew = (renewal) =>
    renewal.from.replica === "a"
      ? new Promise(() => {})
      : WatchedLimits.prototype.renew.call(limits, renewal);
  await pass(UNTOLD_MS - TELL_AGAIN_MS);
  assertEquals(await isReserved(), true);
  await pass(TELL_AGAIN_MS + 10_000);
  assertEquals(await isReserved(), false);
  await other.replica.close();
});

/** A database whose reads wait, and which says that every ledger has spent this. */
function waitingDatabase(totalMicros: number): {
  readBalances: ReplicaParts["readBalances"];
  answer: () => Promise<void>;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    async readBalances(keys) {
      await promise;
      return balancesOf([...keys].map((key) => ({ key, requests: 0, totalMicros, hours: [] })));
    },
    async answer() {
      resolve();
      await nextTurn();
    },
  };
}

Deno.test("Replica: an object that another replica made is reserved until its cost counts", async () => {
  const maker = await join();
  const { clock, limits } = maker;
  const { readBalances, answer } = waitingDatabase(3);
  const settler = await join({ limits, clock, id: "b", readBalances });
  const isRejected = async (totalBudgetMicros: number): Promise<boolean> =>
    (await maker.replica.take(takeOf("t", { totalBudgetMicros }))).kind === "rejected";
  maker.replica.objects.hold({ id: "o", keys: ["t"], micros: 5 });
  assertEquals(await isRejected(5), true);
  // This replica has not read the object from the database yet.
  settler.replica.objects.settle({ id: "o", tokens: 0, micros: 3 }, { keys: ["t"], micros: 5 });
  await nextTurn();
  assertEquals(await isRejected(5), true);
  clock.pass(2_000);
  await nextTurn();
  assertEquals(await isRejected(5), true);
  await answer();
  assertEquals([await isRejected(3), await isRejected(4)], [true, false]);
  await maker.replica.close();
  await settler.replica.close();
});

Deno.test("Replica: an object that another replica settled is reserved until its cost counts", async () => {
  const { readBalances, answer } = waitingDatabase(3);
  const settler = await join({ readBalances });
  const { clock, limits } = settler;
  const waiting = waitingDatabase(3);
  const other = await join({ limits, clock, id: "b", readBalances: waiting.readBalances });
  const third = await join({ limits, clock, id: "c" });
  const isRejected = async (totalBudgetMicros: number): Promise<boolean> =>
    (await third.replica.take(takeOf("t", { totalBudgetMicros }))).kind === "rejected";
  for (const { replica } of [settler, other]) replica.objects.hold({ id: "o", keys: ["t"], micros: 5 });
  assertEquals(await isRejected(5), true);
  settler.replica.objects.settle({ id: "o", tokens: 0, micros: 3 }, { keys: ["t"], micros: 5 });
  other.replica.objects.release("o");
  clock.pass(2_000);
  await nextTurn();
  assertEquals(await isRejected(5), true);
  // The replica that settled it does not get its answer, as if it was killed.
  await waiting.answer();
  assertEquals([await isRejected(3), await isRejected(4)], [true, false]);
  await answer();
  for (const { replica } of [settler, other, third]) await replica.close();
});

Deno.test("Replica: an object that ended during a loss is not held afterwards", async () => {
  const { clock, limits, replica } = await join();
  replica.objects.hold({ id: "o", keys: ["t"], micros: 5 });
  await nextTurn();
  limits.isDown = true;
  clock.pass(2_000);
  await nextTurn();
  replica.objects.release("o");
  limits.isDown = false;
  clock.pass(1_000);
  await nextTurn();
  assertEquals((await replica.take(takeOf("t", { totalBudgetMicros: 1 }))).kind, "taken");
  await replica.close();
});

for (const onLoss of ["go_on", "refuse"] as const) {
  Deno.test(`Replica: a request waits a limited time for a database that hangs (${onLoss})`, async () => {
    const failures: string[] = [];
    const { clock, replica } = await join({
      readBalances: () => new Promise(() => {}),
      onFailed: (reason) => failures.push(reason),
    });
    replica.configure(onLoss);
    const outcomes: string[] = [];
    const take = () =>
      replica.take(takeOf("t", { dayBudgetMicros: 1 })).then(({ kind }) => outcomes.push(kind));
    void take();
    await nextTurn();
    assertEquals(outcomes, []);
    clock.pass(SEED_MS);
    await nextTurn();
    const outcome = onLoss === "go_on" ? "taken" : "refused";
    assertEquals(outcomes, [outcome]);
    assertEquals(failures, [`no answer within ${SEED_MS} ms`]);
    // The next request does not wait again while the same query hangs.
    void take();
    await nextTurn();
    assertEquals(outcomes, [outcome, outcome]);
    await replica.close();
  });
}

/** A database in which each ledger has spent in many hours. */
function spentHours(latest: { micros: number }, reads: number[] = []): ReplicaParts["readBalances"] {
  return (keys) => {
    reads.push(keys.size);
    return Promise.resolve(balancesOf([...keys].map((key) => ({
      key,
      requests: 0,
      totalMicros: 700,
      hours: Array.from({ length: 700 }, (_, hour) => ({
        start: FakeClock.START - hour * 3_600_000,
        micros: hour === 0 ? latest.micros : 1,
      })),
    }))));
  };
}

Deno.test("Replica: counts are raised in short messages, and later only by what has changed", async () => {
  const latest = { micros: 1 };
  const { clock, limits, replica } = await join({ readBalances: spentHours(latest) });
  for (let key = 0; key < 20; key++) {
    assertEquals((await replica.take(takeOf(`t${key}`, { monthBudgetMicros: 1_000_000 }))).kind, "taken");
  }
  assert(Math.max(...limits.raised) <= 300, `a message has ${Math.max(...limits.raised)} hours`);
  limits.raised.length = 0;
  latest.micros = 999_900;
  for (let passed = 0; passed < 60; passed++) {
    clock.pass(1_000);
    await nextTurn();
  }
  assertEquals(limits.raised, [20]);
  const spent = await replica.take(takeOf("t19", { dayBudgetMicros: 999_900 }));
  assertEquals(spent.kind, "rejected");
  await replica.close();
});

Deno.test("Replica: ledgers that no request has used for an hour are forgotten", async () => {
  const reads: number[] = [];
  const { clock, replica } = await join({ readBalances: spentHours({ micros: 1 }, reads) });
  const taken = await replica.take(takeOf("t", { monthBudgetMicros: 1_000_000 }));
  if (taken.kind !== "taken") throw new Error(taken.kind);
  taken.held.settle({ tokens: 0, micros: 0, hour: FakeClock.START });
  for (let minutes = 0; minutes < 63; minutes++) {
    clock.pass(60_000);
    await nextTurn();
  }
  const count = reads.length;
  assert(count >= 59 && count <= 61, `${count} reads`);
  await replica.close();
});

Deno.test("Replica: when the shared counts are away, it learns at once what all have spent", async () => {
  const reads: number[] = [];
  const { clock, limits, replica, health } = await join({ readBalances: spentHours({ micros: 1 }, reads) });
  await replica.take(takeOf("t", { monthBudgetMicros: 1_000_000 }));
  // The counts of new limits are raised again soon.
  clock.pass(2_000);
  await nextTask();
  const count = reads.length;
  limits.isDown = true;
  clock.pass(2_000);
  await nextTurn();
  assertEquals([health, reads.length], [["failing"], count]);
  clock.pass(0);
  await nextTurn();
  assertEquals(reads.length, count + 1);
  await replica.close();
});

Deno.test("Replica: the counts of new limits are raised before their first request, and once again soon", async () => {
  const reads: number[] = [];
  const { clock, replica } = await join({ readBalances: spentHours({ micros: 1 }, reads) });
  const take = takeOf("t", { monthBudgetMicros: 1_000_000 });
  const changed = takeOf("t", { monthBudgetMicros: 2_000_000 });
  const seen: number[] = [];
  for (const one of [take, take, changed, changed, take]) {
    await replica.take(one);
    seen.push(reads.length);
  }
  assertEquals(seen, [1, 1, 2, 2, 2]);
  clock.pass(2_000);
  await nextTask();
  assertEquals(reads.length, 3);
  await replica.close();
});

Deno.test("Replica: the spending under new limits is read at once while the shared counts are away, and again when they are back", async () => {
  const reads: number[] = [];
  const { clock, limits, replica, health } = await join({ readBalances: spentHours({ micros: 1 }, reads) });
  limits.isDown = true;
  for (const _ of [1, 2]) {
    clock.pass(2_000);
    await nextTask();
  }
  assertEquals(health, ["failing"]);
  const seen: number[] = [];
  const take = async (one: ReplicaTake) => {
    assertEquals((await replica.take(one)).kind, "taken");
    clock.pass(RAISE_ALONE_MS);
    await nextTask();
    seen.push(reads.length);
  };
  const first = takeOf("t", { monthBudgetMicros: 1_000_000 });
  const changed = takeOf("t", { monthBudgetMicros: 2_000_000 });
  for (const one of [first, first, changed, changed, first]) await take(one);
  assertEquals(seen, [1, 1, 2, 2, 2]);
  limits.isDown = false;
  clock.pass(1_000);
  await nextTask();
  assertEquals(health, ["failing", "ok"]);
  await take(changed);
  assertEquals(seen.at(-1), 3);
  await replica.close();
});

/** A replica without the shared counts, whose first read of balances waits while another one is due. */
async function readingTwice() {
  const reads: (readonly string[])[] = [];
  const late = Promise.withResolvers<void>();
  const bench = await join({
    async readBalances(keys) {
      reads.push([...keys]);
      await late.promise;
      return balancesOf([]);
    },
  });
  const { clock, limits, replica } = bench;
  limits.isDown = true;
  clock.pass(2_000);
  await nextTurn();
  for (const key of ["t", "u"]) {
    await replica.take(takeOf(key, { monthBudgetMicros: 1_000_000 }));
    clock.pass(RAISE_ALONE_MS);
    await nextTurn();
  }
  assertEquals(reads, [["t"]]);
  const answer = async () => {
    late.resolve();
    await nextTask();
  };
  return { ...bench, reads, answer };
}

Deno.test("Replica: a read of balances that is due while one runs follows it, because the first one may lack a ledger", async () => {
  const { clock, replica, reads, answer } = await readingTwice();
  await answer();
  assertEquals(reads, [["t"], ["t", "u"]]);
  clock.pass(5_000);
  await nextTask();
  assertEquals(reads.length, 2);
  await replica.close();
});

Deno.test("Replica: no read of balances follows one that ends after the replica", async () => {
  const { replica, reads, answer } = await readingTwice();
  await replica.close();
  await answer();
  assertEquals(reads.length, 1);
});

Deno.test("Replica: while the database cannot be read, requests under changed limits do not read it each time", async () => {
  let isDown = false;
  let reads = 0;
  const { clock, replica } = await join({
    readBalances: (keys) => {
      reads++;
      return isDown ? Promise.reject(new Error("for the test")) : spentHours({ micros: 1 })(keys);
    },
  });
  await replica.take(takeOf("t", { monthBudgetMicros: 1_000_000 }));
  isDown = true;
  const changed = takeOf("t", { monthBudgetMicros: 2_000_000 });
  for (let request = 0; request < 10; request++) {
    assertEquals((await replica.take(changed)).kind, "taken");
  }
  assertEquals(reads, 2);
  isDown = false;
  clock.pass(2_000);
  await nextTask();
  assertEquals(reads, 3);
  await replica.close();
});

Deno.test("Replica: reads the database often while replicas with other counts use it", async () => {
  let hasOtherCounts = false;
  let reads = 0;
  const { clock, replica } = await join({
    hasOtherCounts: () => hasOtherCounts,
    readBalances(keys) {
      reads++;
      const balances = [...keys].map((key) => ({ key, requests: 0, totalMicros: 0, hours: [] }));
      return Promise.resolve(balancesOf(balances));
    },
  });
  const readsWithin = async (ms: number): Promise<number> => {
    const before = reads;
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.pass(1_000);
      await nextTask();
    }
    return reads - before;
  };
  assertEquals((await replica.take(takeOf("t", { totalBudgetMicros: 100 }))).kind, "taken");
  assertEquals(await readsWithin(60_000), 1);
  hasOtherCounts = true;
  const often = await readsWithin(60_000);
  assert(often >= 8 && often <= 12, `${often} reads`);
  hasOtherCounts = false;
  await readsWithin(10_000);
  assertEquals(await readsWithin(120_000), 2);
  await replica.close();
});

Deno.test("Replica: renews at once while silent replicas have more slots to free", async () => {
  const clock = new FakeClock();
  let left = 3;
  let renewals = 0;
  class BusyLimits extends WatchedLimits {
    override async renew(renewal: Renewal): ReturnType<SharedLimits["renew"]> {
      renewals++;
      return { ...await super.renew(renewal), hasMore: left-- > 0 };
    }
  }
  const { replica } = await join({ clock, limits: new BusyLimits(clock) });
  left = 20;
  renewals = 0;
  for (let passed = 0; passed < 2 * RENEW_MS; passed += 50) {
    clock.pass(50);
    await nextTask();
  }
  assert(renewals >= 21 && renewals <= 24, `${renewals} renewals`);
  await replica.close();
});

Deno.test("Replica: a request waits for other replicas only as long as they may take", async () => {
  const clock = new FakeClock();
  class TellingLimits extends WatchedLimits {
    override take(): ReturnType<SharedLimits["take"]> {
      return Promise.resolve({ kind: "telling", waitMs: 3_600_000 });
    }
  }
  const { replica } = await join({ clock, limits: new TellingLimits(clock) });
  let kind: string | undefined;
  void replica.take(takeOf("t", { totalBudgetMicros: 1 })).then((result) => kind = result.kind);
  for (let passed = 0; passed < 10 * TELLING_MS; passed += RENEW_MS) {
    clock.pass(RENEW_MS);
    await nextTask();
  }
  assertEquals(kind, "taken", "the replica counts by itself");
  await replica.close();
});
