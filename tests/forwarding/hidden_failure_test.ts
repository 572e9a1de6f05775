/** What the beginning of a response says, and that the client gets each of its bytes. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Finding, hiddenFailure, mayHideFailure } from "../../src/forwarding/hidden_failure.ts";
import { PeekedBody } from "../../src/forwarding/peeked_body.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { textOf } from "../support/data/body_text.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { nextTurn } from "../support/time/passing_time.ts";

/** A body of pieces, each of which is overwritten after the next read, as those of a connection are. */
function bodyOf(...pieces: readonly string[]): PulledSource {
  const rest = pieces.map((text) => new TextEncoder().encode(text));
  let last: Uint8Array | undefined;
  return new PulledSource(() => {
    last?.fill(0x58);
    last = rest.shift();
    return Promise.resolve(last ?? null);
  });
}

async function found(status: number, ...pieces: readonly string[]): Promise<Finding> {
  const clock = new FakeClock();
  const body = new PeekedBody(bodyOf(...pieces), clock);
  const finding = await hiddenFailure(status, body);
  assertEquals(clock.pending, 0, "no timer is left");
  assertEquals(await textOf(body), pieces.join(""), "the client gets every byte");
  return finding;
}

const GOOD_EVENTS: Record<string, string> = {
  "OpenAI": `data: {"id":"c","choices":[{"delta":{"role":"assistant"}}],"error":null}\n\n`,
  "Anthropic": `event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n`,
  "Responses": `event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n`,
  "Gemini": `data: {"candidates":[{"content":{"parts":[{"text":"error"}]}}]}\r\n\r\n`,
  "text": `data: hello\n\n`,
};
for (const [name, event] of Object.entries(GOOD_EVENTS)) {
  Deno.test(`hiddenFailure: the first event of ${name} is none, in any pieces`, async () => {
    assertEquals(await found(200, event, "data: more\n\n"), {});
    assertEquals(await found(200, ...event), {});
  });
}

const FAILURES: readonly (readonly [name: string, event: string, status: number])[] = [
  [
    "Anthropic's overload",
    `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n`,
    529,
  ],
  [
    "Anthropic's overload after a ping",
    `event: ping\ndata: {"type": "ping"}\n\nevent: error\ndata: {"type":"error","error":{"type":"api_error"}}\n\n`,
    500,
  ],
  ["OpenAI's error", `data: {"error":{"message":"x","type":"server_error","code":null}}\n\n`, 500],
  [
    "OpenAI's rate limit",
    `data: {"error":{"message":"x","type":"tokens","code":"rate_limit_exceeded"}}\n\n`,
    429,
  ],
  [
    "OpenAI's error of responses",
    `event: error\ndata: {"type":"error","code":"server_error","message":"x"}\n\n`,
    500,
  ],
  [
    "OpenAI's failed response",
    `data: {"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}\n\n`,
    429,
  ],
  [
    "OpenRouter's error, after its comments",
    `: OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {"id":"x","error":{"code":502,"message":"x"},"choices":[]}\n\n`,
    502,
  ],
  ["Gemini's error", `data: {"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}\r\n\r\n`, 503],
  ["vLLM's error", `data: {"object":"error","message":"x","code":500}\n\n`, 500],
  ["an error of the client", `data: {"error":{"message":"x","type":"invalid_request_error"}}\n\n`, 400],
  ["a name that every object has", `data: {"error":{"type":"constructor"}}\n\n`, 500],
];
for (const [name, event, status] of FAILURES) {
  Deno.test(`hiddenFailure: ${name}`, async () => {
    assertEquals((await found(200, event)).status, status);
    assertEquals((await found(200, ...event)).status, status);
  });
}

Deno.test("hiddenFailure: a stream that ends without an event is a failure", async () => {
  for (const pieces of [[], [": comment\n\n"], ["data: [DONE]\n\n"], ["\n\n"]]) {
    assertEquals((await found(200, ...pieces)).detail, "sent an event stream without an event");
  }
});

Deno.test("hiddenFailure: at most 16 KiB are read, and nothing after the first event", async () => {
  let reads = 0;
  const comments = new PeekedBody(
    new PulledSource(() => Promise.resolve(new Uint8Array(1024).fill(0x3a + 0 * ++reads))),
    new FakeClock(),
  );
  assertEquals(await hiddenFailure(200, comments), {});
  assertEquals(reads <= 17, true, `${reads}`);
  reads = 0;
  const event = new TextEncoder().encode("data: x\n\n");
  const events = new PeekedBody(
    new PulledSource(() => Promise.resolve(++reads > 0 ? event : null)),
    new FakeClock(),
  );
  await hiddenFailure(200, events);
  assertEquals(reads <= 2, true, `${reads}`);
});

Deno.test("hiddenFailure: a silent stream goes to the client after ten seconds, and its later events too", async () => {
  const clock = new FakeClock();
  const later = Promise.withResolvers<Uint8Array | null>();
  const pieces = [Promise.resolve(new TextEncoder().encode(": wait\n\n")), later.promise];
  const body = new PeekedBody(new PulledSource(() => pieces.shift() ?? Promise.resolve(null)), clock);
  const finding = hiddenFailure(200, body);
  await nextTurn();
  assertEquals(clock.pending, 1);
  clock.pass(10_000);
  assertEquals(await finding, {});
  const text = textOf(body);
  later.resolve(new TextEncoder().encode("data: x\n\n"));
  assertEquals(await text, ": wait\n\ndata: x\n\n");
});

Deno.test("hiddenFailure: a stream that breaks off before its first event throws", async () => {
  const body = new PeekedBody(new PulledSource(() => Promise.reject(new Error("cut"))), new FakeClock());
  await assertRejects(() => hiddenFailure(200, body), Error, "cut");
});

const REJECTIONS: readonly (readonly [body: string, finding: Finding])[] = [
  [
    `{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.","code":"rate_limit_exceeded"}}`,
    {},
  ],
  [
    `{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 41000.","code":"rate_limit_exceeded"}}`,
    { pauseMs: 0 },
  ],
  [`{"error":{"message":"Too many tokens: Limit 30000, Requested 41000.","type":"tokens"}}`, { pauseMs: 0 }],
  [`{"type":"error","error":{"type":"request_too_large","message":"x"}}`, { pauseMs: 0 }],
  [`{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`, {
    pauseMs: 300_000,
  }],
  [
    `{"error":{"code":429,"details":[{"@type":"x/QuotaFailure"},{"@type":"x/RetryInfo","retryDelay":"35.5s"}]}}`,
    { pauseMs: 35_500 },
  ],
  [`not JSON`, {}],
  [`{"error":"text"}`, {}],
];
for (const [body, finding] of REJECTIONS) {
  Deno.test(`hiddenFailure: a 429 with ${body.slice(0, 70)}`, async () => {
    assertEquals(await found(429, body.slice(0, 20), body.slice(20)), finding);
  });
}

Deno.test("mayHideFailure: only plain event streams with 200, and JSON with 429", () => {
  const may = (status: number, ...lines: string[]) =>
    mayHideFailure({ status, fields: fieldsOf(...lines), body: {} });
  assertEquals(may(200, "content-type: text/event-stream; charset=utf-8"), true);
  assertEquals(may(200, "content-type: text/event-stream", "content-encoding: gzip"), false);
  assertEquals(may(200, "content-type: application/json"), false);
  assertEquals(may(429, "content-type: application/json"), true);
  assertEquals(may(500, "content-type: application/json"), false);
});

Deno.test("mayHideFailure: an event stream is one by its exact media type, in any case", () => {
  const cases: readonly (readonly [type: string, expected: boolean])[] = [
    ["text/event-stream", true],
    ["Text/Event-Stream ; charset=utf-8", true],
    ["text/event-streaming", false],
    ["text/plain", false],
  ];
  for (const [type, expected] of cases) {
    assertEquals(
      mayHideFailure({ status: 200, fields: fieldsOf(`content-type: ${type}`), body: {} }),
      expected,
      type,
    );
  }
});

Deno.test("hidden failure: the beginning of a stream counts as memory until the client has taken it; without memory the stream passes", async () => {
  const comment = `: ${"x".repeat(100)}\n`;
  const held: number[] = [];
  const memory = (most: number) => ({
    hold(bytes: number) {
      if (bytes > most) throw new Error("full");
      held.push(bytes);
    },
    release: () => void held.push(0),
  });
  const peeked = async (most: number) => {
    const body = new PeekedBody(bodyOf(comment, comment, comment), new FakeClock(), memory(most));
    const end = await body.peek(() => false, { maxBytes: 1_000, deadlineMs: 1_000 });
    return { body, end };
  };
  const { body, end } = await peeked(1_000);
  assertEquals([end, held], ["ended", [103, 206, 309]]);
  let read = 0;
  for (let piece = body.tryRead(); piece !== null; piece = body.tryRead()) read += piece?.length ?? 0;
  assertEquals([read, held.at(-1)], [309, 0]);
  assertEquals((await peeked(150)).end, "enough");
  const left = await peeked(1_000);
  left.body.cancel();
  assertEquals(held.at(-1), 0);
});
