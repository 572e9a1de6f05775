import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assertEquals } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { FramingError } from "../../src/http/framing_error.ts";
import { Http2Exchange } from "../../src/server/http2/exchange.ts";
import { passing } from "../support/time/passing_time.ts";

/** A body with a stated length and these pieces. */
function stated(length: number | undefined, texts: readonly string[]): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new PulledSource(() => Promise.resolve(left.shift() ?? null), { length });
}

/** The response to a handler's reply with this body, and how often the exchange has ended. */
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
      isAuthenticated: () => true,
      acquireSlot: () => undefined,
      releaseSlot() {},
      isBacklogged: () => false,
      onUnread() {},
      onEnd: () => void ends++,
    },
  );
  return { response: await exchange.answer(), exchange, ends: () => ends };
}

/** Reads a response until it ends or fails. Returns how many bytes came, and the error. */
async function readTillBroken(response: Response): Promise<{ given: number; error: unknown }> {
  let given = 0;
  try {
    for await (const piece of response.body ?? []) given += piece.length;
  } catch (error) {
    return { given, error };
  }
  return { given, error: undefined };
}

Deno.test("Http2Exchange: a request with transfer-encoding is a 400", async () => {
  for (const value of ["chunked", "identity"]) {
    const { response } = await answerWith(stated(0, []), { "transfer-encoding": value });
    assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [400, "bad_request"], value);
  }
});

Deno.test("Http2Exchange: a control character in a header value is a 400, as over HTTP/1.1", async () => {
  for (const value of ["a\x01b", "a\x7fb"]) {
    const { response } = await answerWith(stated(0, []), { "x-other": value });
    assertEquals(response.status, 400, JSON.stringify(value));
  }
});

Deno.test("Http2Exchange: a piece does not change when the next one is read into the same buffer", async () => {
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

Deno.test("Http2Exchange: request heads are limited in bytes and in fields", async () => {
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

Deno.test("Http2Exchange: a response that does not have its stated length fails, and never looks complete", async () => {
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

/** An exchange whose handler returns this body, and what the exchange reports to its connection. */
function exchangeWith(
  body: MessageBody | Uint8Array,
  { method = "GET", isAuthenticated = true, isBacklogged = false, error }: {
    method?: string;
    isAuthenticated?: boolean;
    isBacklogged?: boolean;
    error?: Error;
  } = {},
) {
  const seen = { unread: 0, acquired: 0, released: 0, ends: 0 };
  let now = 0;
  const exchange = new Http2Exchange(
    new Request("http://proxy.test/admin", {
      method,
      headers: method === "POST" ? { "content-length": "2" } : {},
      ...(method === "POST" && { body: "{}" }),
    }),
    {
      handler: async (request) => {
        await request.acquireResponseSlot?.();
        if (error !== undefined) throw error;
        return { status: 200, reason: "OK", fields: [], body };
      },
      peer: "192.0.2.1",
      entry: "all",
      limits: () => DEFAULT_SERVER_SETTINGS.connections,
      now: () => now,
      onAuthenticated() {},
      isAuthenticated: () => isAuthenticated,
      acquireSlot: () => void seen.acquired++,
      releaseSlot: () => void seen.released++,
      isBacklogged: () => isBacklogged,
      onUnread: (bytes) => seen.unread += bytes,
      onEnd: () => void seen.ends++,
    },
  );
  return { exchange, seen, pass: (ms: number) => now += ms };
}

/** Reads until no more bytes arrive within 20 ms. Returns how many arrived. */
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

Deno.test("Http2Exchange: a whole response counts as unread until it was written to the client, and send_timeout runs until then", async () => {
  const { exchange, seen, pass } = exchangeWith(new Uint8Array(100_000));
  const response = await exchange.answer();
  assertEquals(seen, { unread: 100_000, acquired: 1, released: 0, ends: 0 });
  const given = await readWithoutTaking(response);
  assertEquals(given >= 64 * 1024 && given < 100_000, true, `${given} bytes were given ahead`);
  exchange.sent(60_000);
  assertEquals(seen.unread, 40_000);
  pass(10);
  exchange.endOverdue(DEFAULT_SERVER_SETTINGS.connections);
  assertEquals(seen.ends, 0);
  pass(DEFAULT_SERVER_SETTINGS.connections.sendMs);
  exchange.endOverdue(DEFAULT_SERVER_SETTINGS.connections);
  assertEquals(
    seen,
    { unread: 0, acquired: 1, released: 1, ends: 1 },
    "the timeout for sending runs until then",
  );
});

Deno.test("Http2Exchange: with a backlog, the runtime gets little of each response", async () => {
  const { exchange } = exchangeWith(new Uint8Array(100_000), { isBacklogged: true });
  assertEquals(await readWithoutTaking(await exchange.answer()), 4 * 1024);
});

Deno.test("Http2Exchange: only GET and HEAD acquire a slot, and release it when the response was written", async () => {
  for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
    for (const isAuthenticated of [false, true]) {
      const { exchange, seen } = exchangeWith(new Uint8Array(1_600), { method, isAuthenticated });
      await (await exchange.answer()).body?.cancel();
      const acquired = ["GET", "HEAD"].includes(method) ? 1 : 0;
      assertEquals(seen, { unread: method === "HEAD" ? 0 : 1_600, acquired, released: 0, ends: 0 }, method);
      exchange.delivered();
      assertEquals(seen, { unread: 0, acquired, released: acquired, ends: 1 }, method);
    }
  }
});

Deno.test("Http2Exchange: a streamed response releases its slot when it begins", async () => {
  const { exchange, seen } = exchangeWith(stated(undefined, ["a"]), { isAuthenticated: false });
  const response = await exchange.answer();
  assertEquals(seen, { unread: 0, acquired: 1, released: 1, ends: 0 });
  assertEquals(await response.text(), "a");
  assertEquals(seen.unread, 1);
  exchange.sent(1);
  exchange.delivered();
  assertEquals(seen, { unread: 0, acquired: 1, released: 1, ends: 1 });
});

Deno.test("Http2Exchange: a reset of the client ends a whole response that the client has not read", async () => {
  const { exchange, seen } = exchangeWith(new Uint8Array(1_600));
  await exchange.answer();
  exchange.reset();
  assertEquals(seen, { unread: 0, acquired: 1, released: 1, ends: 1 });
});

Deno.test("Http2Exchange: a reset before the response ends the exchange", async () => {
  for (const body of [new Uint8Array(1_600), new Uint8Array()]) {
    const { exchange, seen } = exchangeWith(body);
    const answer = exchange.answer();
    exchange.reset();
    assertEquals((await answer).status, 499);
    assertEquals(seen, { unread: 0, acquired: 1, released: 1, ends: 1 });
  }
});

Deno.test("Http2Exchange: a handler that fails ends the exchange with a 500", async () => {
  const { exchange, seen } = exchangeWith(new Uint8Array(), { error: new Error("for the test") });
  assertEquals((await exchange.answer()).status, 500);
  assertEquals(seen, { unread: 0, acquired: 1, released: 1, ends: 1 });
});
