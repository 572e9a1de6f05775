import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assertEquals } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { FramingError } from "../../src/http/writer.ts";
import { Http2Exchange } from "../../src/server/http2/exchange.ts";

/** A body that states one length and has these pieces. */
function stated(length: number, texts: readonly string[]): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new PulledSource(() => Promise.resolve(left.shift() ?? null), { length });
}

/** The answer of a handler that gives this body, and how often the exchange has ended. */
async function answerWith(
  body: MessageBody,
  headers: Record<string, string> = {},
): Promise<{ response: Response; ends: () => number }> {
  let ends = 0;
  const exchange = new Http2Exchange(new Request("http://proxy.test/openai/v1/x", { headers }), {
    handler: () => Promise.resolve({ status: 200, reason: "OK", fields: [], body }),
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => 0,
    mayBeReset: () => false,
    onAuthenticated() {},
    enter: () => undefined,
    onAnswered() {},
    onWhole() {},
    onEnd: () => void ends++,
  });
  return { response: await exchange.answer(), ends: () => ends };
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
  const { response, ends } = await answerWith(stated(3, ["a", "bc"]));
  assertEquals([await response.text(), ends()], ["abc", 1]);
});

Deno.test("Http2Exchange: only what cannot keep the proxy waiting waits itself, and only what is given counts", async () => {
  const entered: string[] = [];
  for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
    let whole = 0;
    const request = new Request("http://proxy.test/admin", {
      method,
      headers: method === "POST" ? { "content-length": "2" } : {},
      ...(method === "POST" && { body: "{}" }),
    });
    const exchange = new Http2Exchange(request, {
      handler: () => Promise.resolve({ status: 200, reason: "OK", fields: [], body: new Uint8Array(1_600) }),
      peer: "192.0.2.1",
      entry: "all",
      limits: () => DEFAULT_SERVER_SETTINGS.connections,
      now: () => 0,
      mayBeReset: () => false,
      onAuthenticated() {},
      enter: () => void entered.push(method),
      onAnswered: () => void entered.push(`${method} answered`),
      onWhole: (bytes) => whole += bytes,
      onEnd() {},
    });
    await (await exchange.answer()).body?.cancel();
    assertEquals(whole, method === "HEAD" ? 0 : 1_600, method);
  }
  assertEquals(entered, ["GET", "GET answered", "HEAD", "HEAD answered"]);
});
