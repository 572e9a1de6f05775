import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import type { Reservation } from "../../src/limits/ledger.ts";
import type { Admission } from "../../src/limits/admission.ts";
import { Limiter } from "../../src/limits/limiter.ts";
import { MinuteWindow } from "../../src/limits/minute_window.ts";
import type { Principal, Rules } from "../../src/principal.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const NOTHING = { tokens: 0, micros: 0 };

function principal(token: Rules, project: Rules = {}): Principal {
  return {
    kind: "token",
    key: "token:1",
    name: "anna",
    subjects: [{ key: "token:1", what: "token", rules: token }, {
      key: "project:1",
      what: "project",
      rules: project,
    }],
    keys: new Map(),
  };
}

function admit(limiter: Limiter, who: Principal, reservation: Reservation = NOTHING): Admission {
  const admission = limiter.admit(who);
  admission.reserve(reservation);
  return admission;
}

function refusal(work: () => unknown): ProxyFault {
  return assertThrows(work, ProxyFault);
}

/** Returns how many of a number of requests are admitted. */
function admitted(limiter: Limiter, who: Principal, count: number): number {
  let passed = 0;
  for (let request = 0; request < count; request++) {
    try {
      admit(limiter, who);
      passed++;
    } catch (error) {
      assert(error instanceof ProxyFault);
    }
  }
  return passed;
}

Deno.test("Limiter: requests per minute: no 60 seconds have more requests than the limit, and later requests pass again", () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  const who = principal({ requestsPerMinute: 10 });
  const at: number[] = [];
  for (let second = 0; second < 600; second++) {
    for (let passed = admitted(limiter, who, 3); passed > 0; passed--) at.push(clock.now());
    clock.pass(700);
  }
  for (const [index, time] of at.entries()) {
    const within = at.filter((other) => other >= time && other < time + 60_000).length;
    assert(within <= 10, `${within} from request ${index} on`);
  }
  assert(at.length >= 65, `${at.length} in seven minutes: the window opens again`);
});

Deno.test("Limiter: a request passes again after retry-after, and not before", () => {
  const clock = new FakeClock();
  clock.pass(123_456);
  const limiter = new Limiter(clock);
  const who = principal({ requestsPerMinute: 2 });
  admit(limiter, who);
  clock.pass(20_000);
  admit(limiter, who);
  const { code, retryAfterSeconds = 0, limit } = refusal(() => admit(limiter, who));
  assertEquals([code, limit?.kind, limit?.limit], ["rate_limited", "requests", 2]);
  clock.pass((limit?.resetMs ?? 0) - 1);
  refusal(() => admit(limiter, who));
  clock.pass(1);
  admit(limiter, who);
  assert(retryAfterSeconds >= 40 && retryAfterSeconds <= 42, String(retryAfterSeconds));
});

Deno.test("Limiter: concurrent requests: each request is released once, when it ends", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({}, { concurrentRequests: 2 });
  const first = admit(limiter, who);
  admit(limiter, who);
  const fault = refusal(() => admit(limiter, who));
  assertEquals([fault.code, fault.message], [
    "rate_limited",
    "This project may have 2 requests running at a time.",
  ]);
  first.settle({ tokens: undefined, micros: undefined });
  first.settle({ tokens: undefined, micros: undefined });
  admit(limiter, who);
  refusal(() => admit(limiter, who));
});

Deno.test("Limiter: tokens per minute: reserved tokens count for other requests, and used tokens count at the end", () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  const who = principal({ tokensPerMinute: 100 });
  const large = admit(limiter, who, { tokens: 5_000, micros: 0 });
  assertEquals(refusal(() => admit(limiter, who)).limit?.kind, "tokens");
  large.settle({ tokens: 99, micros: undefined });
  admit(limiter, who).settle({ tokens: 1, micros: undefined });
  const fault = refusal(() => admit(limiter, who));
  assertEquals(fault.code, "rate_limited");
  clock.pass((fault.limit?.resetMs ?? 0) - 1);
  refusal(() => admit(limiter, who));
  clock.pass(1);
  admit(limiter, who);
});

Deno.test("Limiter: max_requests: waiting does not help, so there is no retry-after", () => {
  const limiter = new Limiter(
    new FakeClock(),
    { balances: new Map([["token:1", { requests: 8, totalMicros: 0, hours: [] }]]) },
  );
  const who = principal({ maxRequests: 10 });
  assertEquals(admitted(limiter, who, 1000), 2, "what was used before the start counts");
  const fault = refusal(() => admit(limiter, who));
  assertEquals([fault.code, fault.retryAfterSeconds], ["budget_exceeded", undefined]);
});

Deno.test("Limiter: budgets for a day, a month and in total, which start again with the calendar of UTC", () => {
  const clock = new FakeClock(); // 29 April, midnight
  const limiter = new Limiter(clock);
  const who = principal({ dayBudgetMicros: 100, monthBudgetMicros: 150, totalBudgetMicros: 240 });
  const spend = (micros: number) => admit(limiter, who).settle({ tokens: undefined, micros });
  const HOUR = 3_600_000;
  clock.pass(22 * HOUR);
  spend(100);
  const day = refusal(() => admit(limiter, who));
  assertEquals([day.code, day.retryAfterSeconds], ["budget_exceeded", 2 * 3600]);
  assertEquals(day.message, "This token has spent its budget of $0.000100 per day.");
  clock.pass(2 * HOUR - 1);
  refusal(() => admit(limiter, who));
  clock.pass(1);
  spend(60); // 30 April
  const month = refusal(() => admit(limiter, who));
  assertEquals([month.message.includes("per month"), month.retryAfterSeconds], [true, 24 * 3600]);
  clock.pass(24 * HOUR);
  spend(80); // 1 May: 240 in all
  const all = refusal(() => admit(limiter, who));
  assertEquals([all.message.includes("in total"), all.retryAfterSeconds], [true, undefined]);
});

Deno.test("Limiter: other requests cannot spend the highest cost of running requests", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ totalBudgetMicros: 100 });
  const running = admit(limiter, who, { tokens: 0, micros: 60 });
  const other = admit(limiter, who, { tokens: 0, micros: 60 });
  const fault = refusal(() => admit(limiter, who));
  assertEquals([fault.code, fault.retryAfterSeconds], ["budget_exceeded", 1]);
  running.settle({ tokens: undefined, micros: 10 });
  other.settle({ tokens: undefined, micros: undefined });
  admit(limiter, who);
});

Deno.test("Limiter: other requests cannot spend what a running request has already used, which is released once", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ totalBudgetMicros: 100 });
  const running = admit(limiter, who, { tokens: 0, micros: 60 });
  running.reserveMore({ tokens: 0, micros: 60 });
  assertEquals(refusal(() => admit(limiter, who)).code, "budget_exceeded");
  running.settle({ tokens: undefined, micros: 99 });
  const last = admit(limiter, who, { tokens: 0, micros: 1 });
  assertEquals(refusal(() => admit(limiter, who)).code, "budget_exceeded");
  last.settle({ tokens: undefined, micros: 0 });
  admit(limiter, who);
});

Deno.test("Limiter: a handover does not include what a request has already used", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ totalBudgetMicros: 100 });
  const making = admit(limiter, who, { tokens: 0, micros: 40 });
  making.reserveMore({ tokens: 0, micros: 30 });
  assertEquals(making.handOver().micros, 40);
  making.settle({ tokens: undefined, micros: 0 });
  // Only the 40 of the handover are reserved.
  admit(limiter, who, { tokens: 0, micros: 60 });
  assertEquals(refusal(() => admit(limiter, who)).code, "budget_exceeded");
});

Deno.test("Limiter: an admitted request is rejected if other requests have reserved the rest before its body has arrived", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ totalBudgetMicros: 100 });
  const [first, second] = [limiter.admit(who), limiter.admit(who)];
  first.reserve({ tokens: 0, micros: 100 });
  assertEquals(refusal(() => second.reserve({ tokens: 0, micros: 1 })).code, "budget_exceeded");
  second.settle({ tokens: undefined, micros: undefined });
  first.settle({ tokens: undefined, micros: undefined });
  admit(limiter, who);
});

Deno.test("Limiter: a budget that may not cover all running requests admits four of them, and another when one ends", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ totalBudgetMicros: 100 });
  const expected = { tokens: 0, micros: 10, mostMicros: 50 };
  // The budget covers the highest costs of the first two.
  const running = Array.from({ length: 6 }, () => admit(limiter, who, expected));
  const rejected = limiter.admit(who);
  const fault = refusal(() => rejected.reserve(expected));
  assertEquals([fault.code, fault.message], [
    "budget_exceeded",
    "The rest of this token's budget may not cover the highest cost of this request. At most 4 such requests may run " +
    "at a time. Wait until one ends, or send a smaller max_tokens.",
  ]);
  rejected.settle({ tokens: undefined, micros: undefined });
  running.at(-1)?.settle({ tokens: undefined, micros: undefined });
  admit(limiter, who, expected);
  refusal(() => admit(limiter, who, expected));
});

Deno.test("Limiter: a rejected request counts for no subject, not even for one whose limits allow it", () => {
  const limiter = new Limiter(new FakeClock());
  const who = principal({ requestsPerMinute: 5 }, { maxRequests: 3 });
  assertEquals(admitted(limiter, who, 100), 3);
  assertEquals(limiter.spent("token:1")?.requests, 3);
  const alone = principal({ concurrentRequests: 5 });
  assertEquals(admitted(limiter, alone, 100), 2, "three of the token are running");
});

Deno.test("MinuteWindow: drops old counts after a long time as after a short one", () => {
  const window = new MinuteWindow();
  window.add(500, 3);
  window.add(59_999, 4);
  assertEquals([window.sum(60_000), window.sum(61_000), window.sum(119_999), window.sum(120_000)], [
    7,
    4,
    4,
    0,
  ]);
  window.add(1e9, 2);
  assertEquals([window.sum(1e9), window.msUntilBelow(1e9, 3), window.msUntilBelow(1e9, 2)], [2, 0, 61_000]);
});
