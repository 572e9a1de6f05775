import { assert, assertEquals, assertRejects } from "@std/assert";
import { Cancellation, ClientGone } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import { ConcurrencyLimiter } from "../../src/capacity/concurrency_limiter.ts";
import { ANONYMOUS, holderOf, type Principal, sharedPrincipal, tokenKey } from "../../src/principal.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const LIMITS = { maxExchanges: 2, maxPerPrincipal: Infinity, queueMs: 5_000 };

function taken(slots: ConcurrencyLimiter, principal = "anna"): () => void {
  const place = slots.acquire(principal, new Cancellation());
  assert(typeof place === "function", "the request has a slot at once");
  return place;
}

function waiting(
  slots: ConcurrencyLimiter,
  principal: string,
  cancellation = new Cancellation(),
): Promise<() => void> {
  const place = slots.acquire(principal, cancellation);
  assert(place instanceof Promise, "the request has to wait");
  return place;
}

Deno.test("ConcurrencyLimiter: each slot is given once, and a released slot goes to the next request", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(LIMITS, clock);
  const [first, second] = [taken(slots), taken(slots)];
  const third = waiting(slots, "anna");
  const fourth = waiting(slots, "anna");
  first();
  first();
  const leave = await third;
  assertEquals(slots.waiting, 1, "a slot that is released twice counts once");
  second();
  (await fourth)();
  leave();
  assertEquals([slots.waiting, clock.pending], [0, 0]);
  taken(slots);
  taken(slots);
});

Deno.test("ConcurrencyLimiter: a request that waits too long is rejected with retry-after, and leaves the queue", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(LIMITS, clock);
  const leave = taken(slots);
  taken(slots);
  const late = waiting(slots, "anna");
  const refused = assertRejects(() => late, ProxyFault, "which is its limit");
  clock.pass(4_999);
  assertEquals(slots.waiting, 1);
  clock.pass(1);
  const fault = await refused;
  assertEquals([fault.code, fault.status, fault.retryAfterSeconds], ["overloaded", 503, 2]);
  leave();
  taken(slots);
});

Deno.test("ConcurrencyLimiter: a client that leaves is removed from the queue", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(LIMITS, clock);
  taken(slots);
  const leave = taken(slots);
  const cancellation = new Cancellation();
  const gone = waiting(slots, "anna", cancellation);
  cancellation.cancel(new ClientGone("the client left"));
  await assertRejects(() => gone, ClientGone);
  assertEquals([slots.waiting, clock.pending], [0, 0]);
  leave();
  taken(slots);
});

Deno.test("ConcurrencyLimiter: the holder with the fewest running requests comes first, so that a greedy holder blocks no other", async () => {
  const slots = new ConcurrencyLimiter({ ...LIMITS, maxExchanges: 3 }, new FakeClock());
  const leaves = [taken(slots, "greedy"), taken(slots, "greedy"), taken(slots, "greedy")];
  const order: string[] = [];
  const queued = ["greedy", "greedy", "anna", "ben"].map(async (name) => {
    await waiting(slots, name);
    order.push(name);
  });
  for (const leave of leaves) leave();
  await Promise.all(queued.slice(2));
  assertEquals(order.slice(0, 2), ["anna", "ben"]);
});

Deno.test("ConcurrencyLimiter: a holder at its own limit does not block others", async () => {
  const slots = new ConcurrencyLimiter(
    { maxExchanges: 10, maxPerPrincipal: 1, queueMs: 1_000 },
    new FakeClock(),
  );
  const leave = taken(slots, "anna");
  const second = waiting(slots, "anna");
  taken(slots, "ben");
  leave();
  (await second)();
  taken(slots, "anna");
});

Deno.test("ConcurrencyLimiter: if a thousand requests wait, the next one is rejected at once", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(LIMITS, clock);
  taken(slots);
  taken(slots);
  const queue = Array.from({ length: 1_000 }, () => waiting(slots, "anna").catch(() => {}));
  await assertRejects(() => waiting(slots, "anna"), ProxyFault, "which is its limit");
  clock.pass(5_000);
  await Promise.all(queue);
  assertEquals([slots.waiting, clock.pending], [0, 0]);
});

Deno.test("ConcurrencyLimiter: if a thousand requests of one principal wait, the newest is rejected for another principal's", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(LIMITS, clock);
  taken(slots);
  const leave = taken(slots);
  const queue = Array.from({ length: 1_000 }, () => waiting(slots, "anna"));
  const refused = assertRejects(() => queue.at(-1) ?? Promise.resolve(), ProxyFault, "which is its limit");
  const ben = waiting(slots, "ben");
  await refused;
  assertEquals(slots.waiting, 1_000);
  leave();
  await ben;
  const others = Promise.allSettled(queue);
  clock.pass(5_000);
  await others;
  assertEquals(slots.waiting, 0);
});

Deno.test("ConcurrencyLimiter: a higher limit admits waiting requests at once", async () => {
  const slots = new ConcurrencyLimiter(LIMITS, new FakeClock());
  taken(slots);
  taken(slots);
  const third = waiting(slots, "anna");
  slots.configure({ ...LIMITS, maxExchanges: 3 });
  await third;
});

Deno.test("ConcurrencyLimiter: the first principal gets nine tenths of the slots, and each further one half of the rest", () => {
  const slots = new ConcurrencyLimiter(
    { maxExchanges: 200, maxPerPrincipal: Infinity, queueMs: 0 },
    new FakeClock(),
  );
  const most = (principal: string): number => {
    for (let count = 0;; count++) {
      const slot = slots.acquire(principal, new Cancellation());
      if (typeof slot === "function") continue;
      slot.catch(() => {});
      return count;
    }
  };
  assertEquals(["mallory", "anna", "ben", "carla"].map(most), [180, 10, 5, 3]);
});

Deno.test("ConcurrencyLimiter: the first request of a principal gets the last slot", () => {
  const slots = new ConcurrencyLimiter(
    { maxExchanges: 10, maxPerPrincipal: Infinity, queueMs: 0 },
    new FakeClock(),
  );
  for (let count = 0; count < 9; count++) taken(slots, "mallory");
  taken(slots, "anna");
});

Deno.test("ConcurrencyLimiter: a principal that cannot use the reserved slots gets a slot when one of its own is released", async () => {
  const slots = new ConcurrencyLimiter(
    { maxExchanges: 10, maxPerPrincipal: Infinity, queueMs: 1_000 },
    new FakeClock(),
  );
  const releases = Array.from({ length: 9 }, () => taken(slots, "mallory"));
  const tenth = waiting(slots, "mallory");
  releases[0]?.();
  (await tenth)();
});

Deno.test("ConcurrencyLimiter: the rejection says that the remaining slots are kept for other clients", async () => {
  const clock = new FakeClock();
  const slots = new ConcurrencyLimiter(
    { maxExchanges: 10, maxPerPrincipal: Infinity, queueMs: 1_000 },
    clock,
  );
  for (let count = 0; count < 9; count++) taken(slots, "mallory");
  const rejected = assertRejects(
    () => waiting(slots, "mallory"),
    ProxyFault,
    "This token has 9 requests running. The proxy keeps the remaining slots for other clients.",
  );
  clock.pass(1_000);
  await rejected;
});

/** A client, and the subject of the message that rejects its second request. */
const HOLDERS: readonly (readonly [Principal | undefined, string])[] = [
  [undefined, "This address"],
  [ANONYMOUS, "This address"],
  [sharedPrincipal("anna"), "The shared token"],
  [{ ...ANONYMOUS, kind: "token", key: tokenKey({ tokenId: "tok_1", name: "anna" }) }, "This token"],
];
for (const [principal, subject] of HOLDERS) {
  const client = principal?.kind ?? "unauthenticated";
  Deno.test(`ConcurrencyLimiter: the rejection of ${client} clients says what has reached its limit`, async () => {
    const limits = { maxExchanges: 10, maxPerPrincipal: 1, queueMs: 1_000 };
    for (const use of ["running", "sending a body"] as const) {
      const clock = new FakeClock();
      const slots = new ConcurrencyLimiter(limits, clock, { use });
      const holder = holderOf(principal, "192.0.2.1");
      taken(slots, holder);
      const message = `${subject} has one request ${use}, which is its limit.`;
      const rejected = assertRejects(() => waiting(slots, holder), ProxyFault, message);
      clock.pass(limits.queueMs);
      await rejected;
    }
  });
}
