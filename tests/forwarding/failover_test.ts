/** The attempt loop, with a transport that a script plays and a clock that stands. */

import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { ClientGone } from "../../src/cancellation.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { ProxyFault } from "../../src/faults.ts";
import { TransportError } from "../../src/forwarding/transport/transport.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { type Act, LoopBench, NOT_SENT } from "../support/proxies/loop_bench.ts";
import { nextTurn } from "../support/time/passing_time.ts";

/** A body of an answer that breaks off before its first byte. */
function brokenBody(message: string): MessageBody {
  return new PulledSource(() =>
    Promise.reject(new TransportError(message, { ...NOT_SENT, phase: "answer", received: true }))
  );
}

const OK = { status: 200, body: "well" } as const;

for (const act of ["refuses", "resets", { status: 500 }, { status: 429 }, { status: 529 }] as const) {
  const what = typeof act === "string" ? act : act.status;
  Deno.test(`failover: the first backend ${what}: the next one gets the same body`, async () => {
    const bench = new LoopBench([act, OK]);
    assertEquals(await bench.send("hello"), "200 well");
    const detail = typeof act === "string"
      ? `No answer from h.test: it ${act === "refuses" ? "refused the connection" : "reset the connection"}.`
      : `it answered ${act.status}`;
    assertEquals(bench.events, [
      "asks a",
      "gets hello",
      `fails: ${detail}`,
      "asks b",
      "gets hello",
      "answers 200",
      "ends complete",
    ]);
    assertEquals(bench.clock.pending, 0, "no timer is left");
  });
}

Deno.test("failover: the client gets answers to its own errors, and every other answer", async () => {
  for (const status of [400, 401, 404, 422, 501, 505]) {
    const bench = new LoopBench([{ status, body: "said" }]);
    assertEquals(await bench.send("x"), `${status} said`);
  }
});

Deno.test("failover: nothing is repeated once a byte of an answer came", async () => {
  const bench = new LoopBench(["breaks within its head"]);
  const error = await assertRejects(() => bench.send("x"), ProxyFault);
  assertEquals([error.code, bench.events], ["bad_gateway", ["asks a", "gets x"]]);

  const broken = brokenBody("it broke off within its answer");
  const cut = new LoopBench([{ status: 200, body: broken }]);
  await assertRejects(() => cut.send("x"), TransportError);
  assertEquals(cut.events, ["asks a", "gets x", "answers 200", "ends bad_gateway"]);
});

Deno.test("failover: the client gets the last answer, with any status", async () => {
  const bench = new LoopBench([{ status: 500 }, { status: 503, body: "busy" }]);
  assertEquals(await bench.send(), "503 busy");
  const failing = new LoopBench([{ status: 500 }, "refuses"]);
  assertEquals((await assertRejects(() => failing.send(), ProxyFault)).code, "bad_gateway");
});

Deno.test("failover: a backend that stays silent beyond its timeout is abandoned", async () => {
  const bench = new LoopBench(["says nothing", OK], { timeouts: { firstByteMs: 1_000 } });
  const sent = bench.send("x");
  await bench.asked();
  bench.clock.pass(1_000);
  assertEquals(await sent, "200 well");
  assertEquals(bench.events.slice(2, 4), [
    "gives up a",
    "fails: h.test did not answer in time: first_byte_timeout (1s) passed.",
  ]);
});

Deno.test("failover: the total timeout counts from the first attempt, and no attempt follows it", async () => {
  const bench = new LoopBench(["says nothing", "says nothing"], {
    backends: 3,
    timeouts: { firstByteMs: 700, totalMs: 1_000 },
  });
  const sent = bench.send();
  await bench.asked();
  bench.clock.pass(700);
  await bench.asked();
  bench.clock.pass(300);
  const error = await assertRejects(() => sent, ProxyFault);
  assertEquals([error.code, error.message], [
    "upstream_timeout",
    "h.test did not answer in time: total_timeout (1s) passed.",
  ]);
  assertEquals(bench.events.filter((event) => event.startsWith("gives up")), ["gives up a", "gives up b"]);
});

Deno.test("failover: a backend that did not get the request, or answered with a failure, has done no unseen work", async () => {
  const bench = new LoopBench(["refuses", "resets", { status: 503 }, OK], { backends: 4 });
  assertEquals(await bench.send(), "200 well");
  assertEquals(bench.events.filter((event) => event.startsWith("gives up")), []);
  const unreached = new LoopBench(["does not connect", OK], { timeouts: { connectMs: 1_000 } });
  const sent = unreached.send("x");
  await unreached.asked();
  unreached.clock.pass(1_000);
  assertEquals(await sent, "200 well");
  assertEquals(unreached.events.filter((event) => event.startsWith("gives up")), []);
});

Deno.test("failover: no attempt follows when the client leaves, and no backend is blamed", async () => {
  const bench = new LoopBench(["says nothing"]);
  const sent = bench.send("x");
  await bench.asked();
  bench.cancellation.cancel(new ClientGone("the client left"));
  await assertRejects(() => sent, ClientGone);
  assertEquals(bench.events, ["asks a", "gets x"]);
});

Deno.test("failover: a body that breaks off means that the client left, and no backend is blamed", async () => {
  const bench = new LoopBench(["gets a broken body"], { backends: 2 });
  await assertRejects(() => bench.send("x"), ClientGone);
  assertEquals(bench.events, ["asks a", "gets x"]);
  assertEquals(bench.balancer.report().map(({ failures }) => failures), [0, 0]);
});

Deno.test("retries: a single backend gets the request again after a pause that doubles, in which the client can leave", async () => {
  const bench = new LoopBench([{ status: 500 }, { status: 500 }, OK], {
    backends: 1,
    endpoint: { retry: { retries: 2, statuses: new Set([500]), unsafe: false } },
  });
  const sent = bench.send("x");
  for (const pauseMs of [500, 1_000]) {
    await bench.asked();
    await nextTurn();
    const before = bench.events.length;
    bench.clock.pass(pauseMs - 1);
    await nextTurn();
    assertEquals(bench.events.length, before, "not before its time");
    bench.clock.pass(1);
  }
  assertEquals(await sent, "200 well");

  const leaving = new LoopBench([{ status: 500 }], {
    backends: 1,
    endpoint: { retry: { retries: 2, statuses: new Set([500]), unsafe: false } },
  });
  const abandoned = leaving.send("x");
  await leaving.asked();
  await nextTurn();
  leaving.cancellation.cancel(new ClientGone("the client left"));
  await assertRejects(() => abandoned, ClientGone);
  assertEquals(leaving.clock.pending, 0, "no timer is left");
});

Deno.test("retries: retry-after is honoured; the client gets the answer with a longer one", async () => {
  const options = {
    backends: 1,
    endpoint: { retry: { retries: 1, statuses: new Set([429]), unsafe: false } },
  };
  const bench = new LoopBench([{ status: 429, headers: ["retry-after: 7"] }, OK], options);
  const sent = bench.send();
  await bench.asked();
  await nextTurn();
  bench.clock.pass(6_999);
  await nextTurn();
  assertEquals(bench.events.length, 2);
  bench.clock.pass(1);
  assertEquals(await sent, "200 well");

  const long = new LoopBench([{ status: 429, headers: ["retry-after: 31"], body: "later" }], options);
  assertEquals(await long.send(), "429 later");
});

Deno.test("retries: without settings a single backend gets one attempt", async () => {
  const bench = new LoopBench([{ status: 500, body: "x" }], { backends: 1 });
  assertEquals(await bench.send("x"), "500 x");
});

Deno.test("failover: a backend cools down after repeated failures, and gets requests again afterwards", async () => {
  const acts: Act[] = Array.from({ length: 3 }, () => ["refuses", OK] as const).flat();
  const bench = new LoopBench([...acts, OK, OK]);
  for (let count = 0; count < 3; count++) await bench.send();
  bench.events.length = 0;
  await bench.send();
  assertEquals(bench.events[0], "asks b");
  bench.clock.pass(5_000);
  await bench.send();
  assertEquals(bench.events[3], "asks a");
});

Deno.test("failover: after a 429 with retry-after the backend is skipped for that long", async () => {
  const bench = new LoopBench([{ status: 429, headers: ["retry-after-ms: 1500"] }, OK, OK, OK]);
  await bench.send();
  bench.events.length = 0;
  await bench.send();
  bench.clock.pass(1_500);
  await bench.send();
  assertEquals(bench.events.filter((event) => event.startsWith("asks")), ["asks b", "asks a"]);
});

Deno.test("failover: a 503 with retry-after is a pause of that length, and never a longer cooldown", async () => {
  const busy = { status: 503, headers: ["retry-after: 2"] };
  const rounds = 5;
  const bench = new LoopBench(Array.from({ length: rounds }, () => [busy, OK, OK]).flat());
  for (let round = 0; round < rounds; round++) {
    bench.events.length = 0;
    await bench.send();
    bench.clock.pass(1_999);
    await bench.send();
    bench.clock.pass(1);
    assertEquals(
      bench.events.filter((event) => event.startsWith("asks")),
      ["asks a", "asks b", "asks b"],
      `round ${round}`,
    );
  }
  assertEquals(bench.balancer.report().map(({ failures }) => failures), [0, 0]);
});

Deno.test("retries: a single backend gets the request again when the retry-after of its 503 is over", async () => {
  const bench = new LoopBench([{ status: 503, headers: ["retry-after: 7"] }, OK], {
    backends: 1,
    endpoint: { retry: { retries: 1, statuses: new Set([503]), unsafe: false } },
  });
  const sent = bench.send();
  await bench.asked();
  await nextTurn();
  bench.clock.pass(6_999);
  await nextTurn();
  assertEquals(bench.events.length, 2);
  bench.clock.pass(1);
  assertEquals(await sent, "200 well");
});

Deno.test("failover: a body beyond the cap goes to one backend only, whole", async () => {
  const bench = new LoopBench([{ status: 500, body: "x" }], { endpoint: { maxBufferBytes: 4 } });
  const long = "x".repeat(70_000);
  assertEquals(await bench.send(long), "500 x");
  assertEquals(bench.events, ["asks a", `gets ${long}`, "answers 500", "ends complete"]);

  const pieces = ["one", "two", "three"].map((text) => new TextEncoder().encode(text));
  const unknownLength = new PulledSource(() => Promise.resolve(pieces.shift() ?? null));
  const chunked = new LoopBench([{ status: 500, body: "x" }], { endpoint: { maxBufferBytes: 4 } });
  assertEquals(await chunked.send(unknownLength), "500 x");
  assertEquals(chunked.events, ["asks a", "gets onetwothree", "answers 500", "ends complete"]);
});

Deno.test("failover: an answer that is cut counts as a failure of its backend, a client that leaves does not", async () => {
  const cut = (): Act => ({
    status: 200,
    body: brokenBody("it broke off"),
  });
  const bench = new LoopBench([cut(), cut(), cut(), OK]);
  for (let count = 0; count < 3; count++) await assertRejects(() => bench.send(), TransportError);
  assertEquals(bench.balancer.choose({ tried: new Set(), holder: "anna" }).backend.name, "b");

  const failing = new LoopBench([{ status: 500 }, OK, { status: 500 }, OK, { status: 500 }, OK]);
  for (let count = 0; count < 3; count++) await failing.send();
  assertEquals(failing.balancer.choose({ tried: new Set(), holder: "anna" }).backend.name, "b");
});

Deno.test("failover: no attempt is counted as running after any end of an exchange", async () => {
  const endings: readonly [Act[], (bench: LoopBench) => Promise<unknown>][] = [
    [[OK], (bench) => bench.send("x")],
    [[{ status: 500 }, OK], (bench) => bench.send("x")],
    [["refuses", "refuses"], (bench) => assertRejects(() => bench.send("x"), ProxyFault)],
    [
      [{ status: 200, body: brokenBody("it broke off") }],
      (bench) => assertRejects(() => bench.send("x"), TransportError),
    ],
    [[OK], async (bench) => (await bench.start("x")).body?.cancel()],
    [["says nothing"], async (bench) => {
      const sent = bench.send("x");
      await bench.asked();
      bench.cancellation.cancel(new ClientGone("the client left"));
      await assertRejects(() => sent, ClientGone);
    }],
  ];
  for (const [acts, end] of endings) {
    const bench = new LoopBench(acts, { endpoint: { strategy: "least_busy" } });
    await end(bench);
    assertEquals(bench.balancer.inFlight(), [0, 0]);
    assertEquals(bench.clock.pending, 0, "no timer is left");
  }
});

const STREAM = "content-type: text/event-stream";
const CHAT = "/v1/chat/completions";
const OVERLOADED = `event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n`;

Deno.test("failover: a stream that begins with an error, has no event or breaks off at once counts as a failure", async () => {
  const streams = [
    [OVERLOADED, "it began its event stream with an error (status 529)"],
    [": wait\n\n", "it sent an event stream without an event"],
    [brokenBody("it broke off within its answer"), "No answer from h.test: it broke off within its answer."],
  ] as const;
  for (const [body, detail] of streams) {
    const bench = new LoopBench([{ status: 200, headers: [STREAM], body }, {
      status: 200,
      headers: [STREAM],
      body: "data: x\n\n",
    }]);
    assertEquals(await bench.send("x"), "200 data: x");
    assertEquals(bench.events[2], `fails: ${detail}`);
    assertEquals(bench.balancer.report()[0]?.failures, 1);
  }
});

Deno.test("failover: the client gets the error of a stream, if no attempt can follow or the request is wrong", async () => {
  const last = new LoopBench([{ status: 200, headers: [STREAM], body: OVERLOADED }], { backends: 1 });
  assertEquals(await last.send("x"), `200 ${OVERLOADED}`.trim());
  const wrong = `data: {"error":{"type":"invalid_request_error"}}\n\n`;
  const bench = new LoopBench([{ status: 200, headers: [STREAM], body: wrong }]);
  assertEquals(await bench.send("x"), `200 ${wrong}`.trim());
  assertEquals(bench.balancer.report()[0]?.failures, 0);
});

Deno.test("failover: no stream follows another one once an event came", async () => {
  const body = `data: {"choices":[]}\n\n${OVERLOADED}`;
  const bench = new LoopBench([{ status: 200, headers: [STREAM], body }]);
  assertEquals(await bench.send("x"), `200 ${body}`.trim());
});

Deno.test("failover: a client that leaves while the first event is awaited ends the request", async () => {
  const gone = Promise.withResolvers<never>();
  const silent = new PulledSource(() => gone.promise);
  const bench = new LoopBench([{ status: 200, headers: [STREAM], body: silent }]);
  const sent = bench.send("x");
  await bench.asked();
  await nextTurn();
  const reason = new ClientGone("the client left");
  bench.cancellation.cancel(reason);
  gone.reject(reason);
  await assertRejects(() => sent, ClientGone);
  assertEquals([bench.events, bench.clock.pending], [["asks a", "gets x"], 0]);
  assertEquals(bench.balancer.report()[0]?.failures, 0);
});

function chat(model: string): string {
  return JSON.stringify({ model, messages: [] });
}

Deno.test("failover: a rate limit of one model leaves the others at the backend", async () => {
  const bench = new LoopBench([{ status: 429, headers: ["retry-after: 60"] }, OK, OK, OK]);
  bench.path = CHAT;
  bench.headers = ["content-type: application/json"];
  for (const model of ["big", "small", "big"]) await bench.send(chat(model));
  assertEquals(bench.events.filter((event) => event.startsWith("asks")), [
    "asks a",
    "asks b",
    "asks a",
    "asks b",
  ]);
});

Deno.test("failover: a request that exceeds the limit of a backend sets nothing in cooldown", async () => {
  const body =
    `{"error":{"message":"Request too large for m: Limit 10, Requested 20","code":"rate_limit_exceeded"}}`;
  const headers = ["content-type: application/json", "retry-after: 60"];
  const bench = new LoopBench([{ status: 429, headers, body }, OK, OK]);
  bench.path = CHAT;
  await bench.send(chat("m"));
  await bench.send(chat("m"));
  assertEquals(bench.events.filter((event) => event.startsWith("asks")), ["asks a", "asks b", "asks a"]);
  assertEquals(bench.balancer.report()[0]?.state, "up");
  const last = new LoopBench([{ status: 429, headers, body }, { status: 429, headers, body }]);
  assertEquals(await last.send(chat("m")), `429 ${body}`);
  assertEquals(last.balancer.report().map(({ state }) => state), ["up", "up"]);
});

Deno.test("failover: an image is not requested twice, unless the first request surely did nothing", async () => {
  const asked = async (acts: Act[], options: Partial<Endpoint> = {}): Promise<string> => {
    const bench = new LoopBench(acts, { endpoint: options });
    bench.path = "/v1/images/generations";
    await bench.send("x").catch(() => {});
    return bench.events.filter((event) => event.startsWith("asks")).map((event) => event.slice(-1)).join("");
  };
  assertEquals(await asked(["refuses", OK]), "ab");
  assertEquals(await asked([{ status: 429 }, OK]), "ab");
  assertEquals(await asked(["resets", OK]), "a");
  assertEquals(await asked([{ status: 500 }, OK]), "a");
  assertEquals(await asked([{ status: 504 }, OK]), "a");
  const retry = { retries: 1, statuses: new Set([500]), unsafe: true };
  assertEquals(await asked([{ status: 500 }, OK], { retry }), "ab");
});
