import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assertEquals } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { FramingError } from "../../src/http/writer.ts";
import { Http2Exchange } from "../../src/server/http2/exchange.ts";
import { passing } from "../support/passing_time.ts";

/** A body that states one length and has these pieces. */
function stated(length: number | undefined, texts: readonly string[]): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new PulledSource(() => Promise.resolve(left.shift() ?? null), { length });
}

/** The answer of a handler that gives this body, and how often the exchange has ended. */
async function answerWith(
  body: MessageBody,
  headers: Record<string, string> = {},
): Promise<{ response: Response; exchange: Http2Exchange; ends: () => number }> {
  let ends = 0;
  const exchange: Http2Exchange = new Http2Exchange(
    new Request("http://proxy.test/openai/v1/x", { headers }),
    {
      handler: () => Promise.resolve({ status: 200, reason: "OK", fields: [], body }),
      peer: "192.0.2.1",
      entry: "all",
      limits: () => DEFAULT_SERVER_SETTINGS.connections,
      now: () => 0,
      onAuthenticated() {},
      isKnown: () => true,
      enter: () => undefined,
      onLeft() {},
      isCrowded: () => false,
      onOwed() {},
      onEnd: () => void ends++,
    },
  );
  return { response: await exchange.answer(), exchange, ends: () => ends };
}

/** How many bytes come before a body breaks off, and with what. */
async function readTillBroken(response: Response): Promise<{ given: number; error: unknown }> {
  let given = 0;
  try {
    for await (const piece of response.body ?? []) given += piece.length;
  } catch (error) {
    return { given, error };
  }
  return { given, error: undefined };
}

Deno.test("Http2Exchange: a request that names its framing as HTTP/1.1 does is a 400", async () => {
  for (const value of ["chunked", "identity"]) {
    const { response } = await answerWith(stated(0, []), { "transfer-encoding": value });
    assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [400, "bad_request"], value);
  }
});

Deno.test("Http2Exchange: a control character in a value is a 400, as over HTTP/1.1", async () => {
  for (const value of ["a\x01b", "a\x7fb"]) {
    const { response } = await answerWith(stated(0, []), { "x-other": value });
    assertEquals(response.status, 400, JSON.stringify(value));
  }
});

Deno.test("Http2Exchange: a piece stays as it was when the next one is read into the same buffer", async () => {
  const buffer = new Uint8Array(3);
  const left = ["one", "two"];
  const body = new PulledSource(() => {
    const text = left.shift();
    if (text !== undefined) new TextEncoder().encodeInto(text, buffer);
    return Promise.resolve(text === undefined ? null : buffer);
  });
  const { response } = await answerWith(body);
  assertEquals(await response.text(), "onetwo");
});

Deno.test("Http2Exchange: heads are as long as limits allow, in bytes and in fields", async () => {
  const { maxHeadBytes, maxHeadFields } = DEFAULT_SERVER_SETTINGS.connections;
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "1"]));
  for (
    const [headers, status] of [
      [many(maxHeadFields), 200],
      [many(maxHeadFields + 1), 431],
      [{ x: "a".repeat(maxHeadBytes - 5) }, 200],
      [{ x: "a".repeat(maxHeadBytes - 4) }, 431],
    ] as const
  ) {
    const { response } = await answerWith(stated(0, []), headers);
    assertEquals(response.status, status);
    await response.body?.cancel();
  }
});

Deno.test("Http2Exchange: an answer of another length than stated breaks off, and never looks finished", async () => {
  for (const texts of [["abcd"], ["abc", "d"], ["a", "bcd"], ["ab"], []]) {
    const { response, ends } = await answerWith(stated(3, texts));
    assertEquals(response.headers.get("content-length"), "3");
    const { given, error } = await readTillBroken(response);
    assertEquals([error instanceof FramingError, given <= 3], [true, true], JSON.stringify(texts));
    assertEquals(ends(), 1);
  }
  const { response, exchange, ends } = await answerWith(stated(3, ["a", "bc"]));
  assertEquals([await response.text(), ends()], ["abc", 0]);
  exchange.delivered();
  assertEquals(ends(), 1);
});

/** An exchange whose handler answers with this body, and what it tells its connection. */
function exchangeWith(
  body: MessageBody | Uint8Array,
  { method = "GET", isKnown = true, isCrowded = false } = {},
) {
  const seen = { owed: 0, entered: 0, left: 0, ends: 0 };
  let now = 0;
  const exchange = new Http2Exchange(
    new Request("http://proxy.test/admin", {
      method,
      headers: method === "POST" ? { "content-length": "2" } : {},
      ...(method === "POST" && { body: "{}" }),
    }),
    {
      handler: async (request) => {
        await request.roomForAnswer?.();
        return { status: 200, reason: "OK", fields: [], body };
      },
      peer: "192.0.2.1",
      entry: "all",
      limits: () => DEFAULT_SERVER_SETTINGS.connections,
      now: () => now,
      onAuthenticated() {},
      isKnown: () => isKnown,
      enter: () => void seen.entered++,
      onLeft: () => void seen.left++,
      isCrowded: () => isCrowded,
      onOwed: (bytes) => seen.owed += bytes,
      onEnd: () => void seen.ends++,
    },
  );
  return { exchange, seen, pass: (ms: number) => now += ms };
}

/** Reads until nothing more comes in this turn of the event loop; gives how much came. */
async function readWithoutTaking(response: Response): Promise<number> {
  const reader = response.body?.getReader();
  let bytes = 0;
  while (true) {
    const read = reader?.read().then(({ value }) => value?.length ?? 0);
    const next = await Promise.race([
      read,
      passing(20, { why: "no event reports that nothing more is at hand" }),
    ]);
    if (next === undefined || next === 0) return bytes;
    bytes += next;
  }
}

Deno.test("Http2Exchange: a whole answer is owed, and lasts, until it has been written to the client", async () => {
  const { exchange, seen, pass } = exchangeWith(new Uint8Array(100_000));
  const response = await exchange.answer();
  assertEquals(seen, { owed: 100_000, entered: 1, left: 0, ends: 0 });
  const given = await readWithoutTaking(response);
  assertEquals(given >= 64 * 1024 && given < 100_000, true, `${given} bytes were given ahead`);
  exchange.sent(60_000);
  assertEquals(seen.owed, 40_000);
  pass(10);
  exchange.endOverdue(DEFAULT_SERVER_SETTINGS.connections);
  assertEquals(seen.ends, 0);
  pass(DEFAULT_SERVER_SETTINGS.connections.sendMs);
  exchange.endOverdue(DEFAULT_SERVER_SETTINGS.connections);
  assertEquals(seen, { owed: 0, entered: 1, left: 1, ends: 1 }, "the timeout for sending runs until then");
});

Deno.test("Http2Exchange: while a client leaves much untaken, the runtime gets little of each answer", async () => {
  const { exchange } = exchangeWith(new Uint8Array(100_000), { isCrowded: true });
  assertEquals(await readWithoutTaking(await exchange.answer()), 4 * 1024);
});

Deno.test("Http2Exchange: only GET and HEAD enter the room, and leave it when the answer has been written", async () => {
  for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
    for (const isKnown of [false, true]) {
      const { exchange, seen } = exchangeWith(new Uint8Array(1_600), { method, isKnown });
      await (await exchange.answer()).body?.cancel();
      const entered = ["GET", "HEAD"].includes(method) ? 1 : 0;
      assertEquals(seen, { owed: method === "HEAD" ? 0 : 1_600, entered, left: 0, ends: 0 }, method);
      exchange.delivered();
      assertEquals(seen, { owed: 0, entered, left: entered, ends: 1 }, method);
    }
  }
});

Deno.test("Http2Exchange: an answer that goes on leaves the room when it begins", async () => {
  const { exchange, seen } = exchangeWith(stated(undefined, ["a"]), { isKnown: false });
  const response = await exchange.answer();
  assertEquals(seen, { owed: 0, entered: 1, left: 1, ends: 0 });
  assertEquals(await response.text(), "a");
  assertEquals(seen.owed, 1);
  exchange.sent(1);
  exchange.delivered();
  assertEquals(seen, { owed: 0, entered: 1, left: 1, ends: 1 });
});
