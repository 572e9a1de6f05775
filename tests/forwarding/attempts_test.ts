/** When the next attempt follows, and at which backend. */

import { assertEquals, assertRejects } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { Exchange, type RoutedExchange } from "../../src/exchange.ts";
import type { IncomingRequest } from "../../src/http/message.ts";
import { type Act, LoopBench } from "../support/proxies/loop_bench.ts";
import { nextTurn } from "../support/time/passing_time.ts";
import { QUIET_ACCOUNT } from "../support/data/records.ts";

const OK = { status: 200, body: "well" } as const;
const JSON_TYPE = "content-type: application/json";
const CHAT = "/v1/chat/completions";
const MODEL_M = JSON.stringify({ model: "m", messages: [] });
const TOO_LARGE: Act = {
  status: 429,
  headers: [JSON_TYPE, "retry-after: 60"],
  body:
    `{"error":{"message":"Request too large for m: Limit 10, Requested 20","code":"rate_limit_exceeded"}}`,
};

/** A bench whose requests name a model. */
function naming(
  acts: Act[],
  { backends = 1, retries, statuses = [429, 503] }: {
    backends?: number;
    retries: number;
    statuses?: readonly number[];
  },
): LoopBench {
  const retry = { retries, statuses: new Set(statuses), unsafe: false };
  const bench = new LoopBench(acts, { backends, endpoint: { retry } });
  bench.path = CHAT;
  bench.headers = [JSON_TYPE];
  return bench;
}

function asked(bench: LoopBench): string {
  return bench.events.filter((event) => event.startsWith("asks")).map((event) => event.slice(-1)).join("");
}

/** Waits for `count` attempts, and then lets time pass until the next one. Returns how long that took. */
async function pauseAfter(bench: LoopBench, count: number): Promise<number> {
  await bench.asked();
  await nextTurn();
  assertEquals(asked(bench).length, count);
  for (let passed = 0; passed < 40_000; passed += 100) {
    if (asked(bench).length > count) return passed;
    bench.clock.pass(100);
    await nextTurn();
  }
  throw new Error("no further attempt");
}

function limited(seconds: number): Act {
  return { status: 429, headers: [`retry-after: ${seconds}`], body: "later" };
}

Deno.test("attempts: retry-after counts for a request that names a model", async () => {
  const bench = naming([limited(4), OK], { retries: 1 });
  const sent = bench.send(MODEL_M);
  assertEquals(await pauseAfter(bench, 1), 4_000);
  assertEquals(await sent, "200 well");
});

Deno.test("attempts: with a model, the client gets the response whose retry-after is too long at once", async () => {
  const bench = naming([limited(60)], { retries: 1 });
  assertEquals(await bench.send(MODEL_M), "429 later");
  assertEquals(bench.clock.pending, 0, "no timer is left");
});

Deno.test("attempts: after all backends asked for a pause, the attempt waits for the shortest one", async () => {
  const bench = naming([limited(9), limited(5), OK], { backends: 2, retries: 2 });
  const sent = bench.send(MODEL_M);
  await bench.asked();
  assertEquals(await pauseAfter(bench, 2), 5_000);
  assertEquals(await sent, "200 well");
  assertEquals(asked(bench), "abb");
});

Deno.test("attempts: at the only backend that has the objects of a request, its own pause counts", async () => {
  const bench = naming([limited(20), OK], { backends: 2, retries: 1 });
  const sent = bench.send(MODEL_M, { pinned: bench.endpoint.backends[0] });
  assertEquals(await pauseAfter(bench, 1), 20_000);
  assertEquals(await sent, "200 well");
  assertEquals(asked(bench), "aa");
});

Deno.test("attempts: a request that is too large goes to each backend once", async () => {
  const one = naming([TOO_LARGE], { retries: 3 });
  assertEquals((await one.send(MODEL_M)).slice(0, 3), "429");
  assertEquals(asked(one), "a");
  const two = naming([TOO_LARGE, TOO_LARGE], { backends: 2, retries: 3 });
  assertEquals((await two.send(MODEL_M)).slice(0, 3), "429");
  assertEquals(asked(two), "ab");
  const pinned = naming([TOO_LARGE], { backends: 2, retries: 3 });
  const { backends: [first] } = pinned.endpoint;
  assertEquals((await pinned.send(MODEL_M, { pinned: first })).slice(0, 3), "429");
  assertEquals(asked(pinned), "a");
});

Deno.test("attempts: a backend for which the request is too large is left out of the next round", async () => {
  const bench = naming([TOO_LARGE, { status: 503 }, OK], { backends: 2, retries: 3 });
  const sent = bench.send(MODEL_M);
  await bench.asked();
  assertEquals(await pauseAfter(bench, 2), 500);
  assertEquals(await sent, "200 well");
  assertEquals(asked(bench), "abb");
});

Deno.test("attempts: an account that fails neither keeps a backend busy nor changes the fault of the client", async () => {
  const fails = () => {
    throw new Error("a bug of accounting");
  };
  for (const account of [{ onAttempt: fails }, { onUnanswered: fails }]) {
    const bench = new LoopBench(["says nothing"], { backends: 1, timeouts: { firstByteMs: 1_000 } });
    const errors: unknown[] = [];
    const exchange = exchangeOf(bench, errors);
    exchange.account = { ...QUIET_ACCOUNT, ...account };
    const sent = bench.send("x", { exchange });
    await bench.asked();
    bench.clock.pass(1_000);
    assertEquals((await assertRejects(() => sent, ProxyFault)).code, "upstream_timeout");
    assertEquals([bench.balancer.inFlight(), errors.length], [[0], 1]);
  }
});

/** A real exchange for the requests of a bench. */
function exchangeOf({ clock, endpoint, cancellation, path }: LoopBench, errors: unknown[]): RoutedExchange {
  const request: IncomingRequest = {
    method: "POST",
    target: path,
    fields: [],
    body: null,
    peer: "192.0.2.1",
    entry: "all",
    cancellation,
  };
  const route = { endpoint, apiPath: path };
  const exchange = new Exchange(request, { target: { path, query: "" }, route, address: "192.0.2.1" }, {
    clock,
    createId: () => "req_1",
    onStart() {},
    onEnd() {},
    onRecord() {},
    onFailover() {},
    onResent() {},
    onUnexpected: (error) => errors.push(error),
  });
  // Its endpoint is known, and forwarding does not look at its client.
  return exchange as RoutedExchange;
}
