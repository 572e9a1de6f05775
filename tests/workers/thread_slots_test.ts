import { assert, assertEquals, assertRejects } from "@std/assert";
import { Cancellation, ClientGone } from "../../src/cancellation.ts";
import type { ConcurrencyLimits } from "../../src/config/config.ts";
import { ProxyFault } from "../../src/faults.ts";
import { GrantedSlots } from "../../src/workers/granted_slots.ts";
import { OwnSlots, SlotCounts } from "../../src/workers/slot_counts.ts";
import { ThreadSlots } from "../../src/workers/thread_slots.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { random as randomFrom } from "../support/data/random.ts";

const LIMITS: ConcurrencyLimits = { maxExchanges: 20, maxPerPrincipal: Infinity, queueMs: 1_000 };

/** The slots of some threads, and of their main thread. `calls` are the messages to the main thread. */
function threadsWith(limits: ConcurrencyLimits, count: number) {
  const clock = new FakeClock();
  const granted = new GrantedSlots(limits, { clock, use: "running" });
  const calls: string[] = [];
  const threads = Array.from({ length: count }, () => {
    const key = {};
    const own = new OwnSlots();
    const slots = new ThreadSlots(limits, {
      use: "running",
      counts: new SlotCounts(granted.counts.buffer),
      own: new OwnSlots(own.buffer),
      calls: {
        acquire(_use, request) {
          calls.push("acquire");
          return granted.acquire(key, request);
        },
        release(_use, id) {
          calls.push("release");
          granted.release(key, id);
        },
        freed() {
          calls.push("freed");
          granted.freed();
        },
      },
    });
    return { slots, end: () => granted.threadEnded(key, own) };
  });
  return { clock, granted, calls, threads };
}

async function taken(slots: ThreadSlots, holder = "a"): Promise<() => void> {
  return await slots.acquire(holder, new Cancellation());
}

Deno.test("ThreadSlots: nine tenths of all slots need no message", async () => {
  const { calls, threads: [one, other] } = threadsWith(LIMITS, 2);
  assert(one && other);
  for (let count = 0; count < 9; count++) await Promise.all([taken(one.slots), taken(other.slots)]);
  assertEquals(calls, []);
  await taken(one.slots, "b");
  assertEquals(calls, ["acquire"]);
});

Deno.test("ThreadSlots: a busy holder does not get the reserved slots of all threads, and another one does", async () => {
  const { clock, threads: [one, other] } = threadsWith(LIMITS, 2);
  assert(one && other);
  // The main thread counts holders from here on.
  for (let count = 0; count < 18; count++) await taken(one.slots);
  await taken(one.slots);
  const waiting = assertRejects(() => taken(other.slots), ProxyFault, "keeps the remaining slots");
  clock.pass(1_000);
  await waiting;
  await taken(other.slots, "b");
});

Deno.test("ThreadSlots: a request that waits gets the slot that another thread releases", async () => {
  const { granted, threads: [one, other] } = threadsWith({ ...LIMITS, maxExchanges: 10 }, 2);
  assert(one && other);
  const releases = [];
  for (let count = 0; count < 10; count++) releases.push(await taken(one.slots, `holder ${count}`));
  const waiting = taken(other.slots, "last");
  await Promise.resolve();
  assert(granted.counts.hasWaiting);
  releases[0]?.();
  (await waiting)();
  assert(!granted.counts.hasWaiting);
});

Deno.test("ThreadSlots: a rejection names the requests of all threads", async () => {
  const { clock, threads: [one, other] } = threadsWith({ ...LIMITS, maxExchanges: 10 }, 2);
  assert(one && other);
  for (let count = 0; count < 10; count++) await taken(one.slots, `holder ${count}`);
  const rejected = assertRejects(
    () => taken(other.slots, "last"),
    ProxyFault,
    "The proxy has 10 requests running",
  );
  clock.pass(1_000);
  await rejected;
});

Deno.test("ThreadSlots: a limit for each holder counts the requests of all threads", async () => {
  const { clock, threads: [one, other] } = threadsWith({ ...LIMITS, maxPerPrincipal: 1 }, 2);
  assert(one && other);
  const release = await taken(one.slots);
  const rejected = assertRejects(() => taken(other.slots), ProxyFault, "This token has one request running");
  clock.pass(1_000);
  await rejected;
  release();
  await taken(other.slots);
});

Deno.test("ThreadSlots: a client that leaves stops waiting, and holds no slot", async () => {
  const { granted, threads: [one, other] } = threadsWith({ ...LIMITS, maxExchanges: 1 }, 2);
  assert(one && other);
  const release = await taken(one.slots);
  const cancellation = new Cancellation();
  const waiting = assertRejects(async () => await other.slots.acquire("b", cancellation), ClientGone);
  cancellation.cancel(new ClientGone());
  await waiting;
  assert(!granted.counts.hasWaiting);
  release();
  await taken(other.slots);
});

Deno.test("ThreadSlots: a request that leaves at the moment of its admission holds no slot", async () => {
  const { threads: [one, other] } = threadsWith({ ...LIMITS, maxExchanges: 1 }, 2);
  assert(one && other);
  const release = await taken(one.slots);
  const cancellation = new Cancellation();
  const waiting = assertRejects(async () => await other.slots.acquire("b", cancellation), ClientGone);
  await Promise.resolve();
  release();
  cancellation.cancel(new ClientGone());
  await waiting;
  await taken(one.slots);
});

Deno.test("GrantedSlots: the slots of a thread that has ended are free", async () => {
  const { threads: [one, other] } = threadsWith({ ...LIMITS, maxExchanges: 10 }, 2);
  assert(one && other);
  for (let count = 0; count < 10; count++) await taken(one.slots, `holder ${count}`);
  const waiting = taken(other.slots, "last");
  one.end();
  await waiting;
  for (let count = 0; count < 8; count++) await taken(other.slots);
});

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`ThreadSlots: three threads never have more slots than there are (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const { clock, threads } = threadsWith({ ...LIMITS, maxExchanges: 12 }, 3);
    const held: (() => void)[] = [];
    let most = 0;
    for (let step = 0; step < 400; step++) {
      const { slots } = random.pick(threads);
      if (random.below(100) < 55) {
        taken(slots, `holder ${random.below(4)}`).then((release) => held.push(release), () => {});
      } else if (held.length > 0) held.splice(random.below(held.length), 1)[0]?.();
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      most = Math.max(most, held.length);
      if (random.below(100) < 5) clock.pass(1_000);
    }
    assert(most <= 12 && most >= 11, `${most} slots at the same time`);
  });
}
