import { assert, assertEquals, assertRejects } from "@std/assert";
import type { TakenExchange } from "../../../src/accounting/account_admission.ts";
import { ProxyFault } from "../../../src/faults.ts";
import { Limiter } from "../../../src/limits/limiter.ts";
import type { LimitMethods } from "../../../src/management/threads/methods.ts";
import { RemoteLimiter } from "../../../src/management/threads/remote_limiter.ts";
import { ThreadLimits } from "../../../src/management/threads/thread_limits.ts";
import { cutRow } from "../../../src/management/threads/cut_row.ts";
import { type Rules, type Subject, tokenKey } from "../../../src/principal.ts";
import { ThreadPort } from "../../../src/workers/thread_port.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const KEY = tokenKey({ tokenId: "tok_1", name: "anna" });
const USED = { tokens: 10, micros: 100 };

function subjects(rules: Rules): readonly Subject[] {
  return [{ key: KEY, what: "token", rules }];
}

/** A limiter, and threads that count in it. */
function threadsOf(limiter: Limiter, count = 2) {
  return Array.from({ length: count }, () => {
    const limits = new ThreadLimits({ limiter, onTaken() {} });
    const { port1, port2 } = new MessageChannel();
    const onUnexpected = (error: unknown) => {
      throw error;
    };
    // The methods of a class are not its own members, which a port copies.
    const offered: LimitMethods = {
      defineSubjects: (number, subjects) => limits.defineSubjects(number, subjects),
      forgetSubjects: () => limits.forgetSubjects(),
      checkLimits: (subjects, isFree) => limits.checkLimits(subjects, isFree),
      take: (take) => limits.take(take),
      countRequest: (subjects) => limits.countRequest(subjects),
      countPage: (subjects, mayExceed) => limits.countPage(subjects, mayExceed),
      reserveMore: (id, reservation) => limits.reserveMore(id, reservation),
      handOver: (id) => limits.handOver(id),
      settle: (id, used) => limits.settle(id, used),
    };
    new ThreadPort(port2, { offered: { ...offered }, onUnexpected });
    const port = new ThreadPort<LimitMethods>(port1, { offered: {}, onUnexpected });
    return {
      limits,
      port,
      remote: new RemoteLimiter(port),
      close: () => [port1, port2].forEach((end) => end.close()),
    };
  });
}

let count = 0;

function exchange(): TakenExchange {
  return {
    requestId: `req_${count++}`,
    startedAt: 1,
    endpoint: "openai",
    principal: "anna",
    tokenId: "tok_1",
    projectId: undefined,
    client: "other",
    modelAsked: "gpt-4o",
    stream: false,
    backend: undefined,
    bytes: 0,
    method: "POST",
    path: "/openai/v1/chat/completions",
    provider: "openai",
    metered: true,
  };
}

/** Resolves when all messages of a thread have arrived. */
async function arrived({ port }: { port: ThreadPort<LimitMethods> }): Promise<void> {
  await port.call("reserveMore", "no request", { tokens: 0, micros: 0 });
}

Deno.test("RemoteLimiter: a limit counts the requests of all threads, and the fault is that of the limiter", async () => {
  const limiter = new Limiter(new FakeClock());
  const threads = threadsOf(limiter);
  const anna = subjects({ requestsPerMinute: 3 });
  const take = (thread: number) => threads[thread % 2]?.remote.admit({ subjects: anna }).share(exchange);
  for (let request = 0; request < 3; request++) await take(request);
  const fault = await assertRejects(async () => await take(3), ProxyFault);
  assertEquals([fault.code, fault.retryAfterSeconds], ["rate_limited", 60]);
  threads.forEach(({ close }) => close());
});

Deno.test("RemoteLimiter: a request without limits waits for no other thread, and counts", async () => {
  const limiter = new Limiter(new FakeClock());
  const [thread] = threadsOf(limiter, 1);
  assert(thread);
  const admission = thread.remote.admit({ subjects: subjects({}) });
  admission.reserve(USED);
  assertEquals(admission.share(exchange), undefined);
  admission.settle(USED);
  await arrived(thread);
  assertEquals([limiter.spent(KEY)?.requests, limiter.spent(KEY)?.totalMicros], [1, 100]);
  thread.close();
});

Deno.test("RemoteLimiter: a page of a list waits for the other thread only if a limit can reject it", async () => {
  const limiter = new Limiter(new FakeClock());
  const [thread] = threadsOf(limiter, 1);
  assert(thread);
  assertEquals(thread.remote.countPage({ subjects: subjects({}) }, { mayExceed: false }), undefined);
  await arrived(thread);
  // A limit that the token gets afterwards counts the page.
  const limited = { subjects: subjects({ requestsPerMinute: 2 }) };
  await thread.remote.countPage(limited, { mayExceed: false });
  await assertRejects(async () => await thread.remote.countPage(limited, { mayExceed: false }), ProxyFault);
  thread.close();
});

Deno.test("RemoteLimiter: a reservation holds until it is settled, and a settlement counts once", async () => {
  const limiter = new Limiter(new FakeClock());
  const [one, other] = threadsOf(limiter);
  assert(one && other);
  const anna = subjects({ totalBudgetMicros: 1_000 });
  const first = one.remote.admit({ subjects: anna });
  first.reserve({ tokens: 0, micros: 1_000 });
  await first.share(exchange);
  const second = other.remote.admit({ subjects: anna });
  second.reserve({ tokens: 0, micros: 1 });
  await assertRejects(async () => await second.share(exchange), ProxyFault, "budget");
  second.settle(USED);
  first.settle(USED);
  first.settle(USED);
  await arrived(one);
  await arrived(other);
  assertEquals(limiter.spent(KEY)?.totalMicros, 100, "the rejected request costs nothing");
  const third = other.remote.admit({ subjects: anna });
  third.reserve({ tokens: 0, micros: 900 });
  await third.share(exchange);
  [one, other].forEach(({ close }) => close());
});

Deno.test("RemoteLimiter: limits for models count by the models of the request", async () => {
  const limiter = new Limiter(new FakeClock());
  const [thread] = threadsOf(limiter, 1);
  assert(thread);
  const anna = subjects({ modelLimits: [{ model: "gpt-*", requestsPerMinute: 1 }] });
  const take = async (model: string) => {
    const admission = thread.remote.admit({ subjects: anna });
    admission.countModels([model]);
    admission.reserve(USED);
    await admission.share(exchange);
    return admission;
  };
  const admission = await take("gpt-4o");
  assertEquals(admission.handOver(), { keys: [KEY, `${KEY} gpt-*`], modelRules: [`${KEY} gpt-*`], ...USED });
  await take("claude");
  await assertRejects(() => take("gpt-5"), ProxyFault, "gpt-*");
  thread.close();
});

Deno.test("RemoteLimiter: a request that ends before it wants to run counts as a request, as in one thread", async () => {
  const limiter = new Limiter(new FakeClock());
  const [thread] = threadsOf(limiter, 1);
  assert(thread);
  thread.remote.admit({ subjects: subjects({ maxRequests: 5 }) }).settle({
    tokens: undefined,
    micros: undefined,
  });
  await arrived(thread);
  assertEquals(limiter.spent(KEY)?.requests, 1);
  thread.close();
});

Deno.test("ThreadLimits: what a thread has reserved counts as used when it ends, and its slots are free", async () => {
  const limiter = new Limiter(new FakeClock());
  const [one, other] = threadsOf(limiter);
  assert(one && other);
  const anna = subjects({ concurrentRequests: 2 });
  for (const more of [0, 50]) {
    const admission = one.remote.admit({ subjects: anna });
    admission.reserve(USED);
    await admission.share(exchange);
    if (more > 0) admission.reserveMore({ tokens: 0, micros: more });
  }
  await arrived(one);
  const rows = one.limits.cut().map((cut) => cutRow(cut, 11));
  assertEquals(
    rows.map(({ costMicros, ending, usageSource, durationMs }) => [
      costMicros,
      ending,
      usageSource,
      durationMs,
    ]),
    [[100, "internal", "estimated", 10], [150, "internal", "estimated", 10]],
  );
  assertEquals(limiter.spent(KEY)?.totalMicros, 250);
  await other.remote.admit({ subjects: anna }).share(exchange);
  assertEquals(one.limits.cut(), []);
  [one, other].forEach(({ close }) => close());
});
