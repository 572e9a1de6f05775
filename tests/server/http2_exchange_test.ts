import { assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/defaults.ts";
import type { MessageBody } from "../../src/http1/body.ts";
import { FramingError } from "../../src/http1/writer.ts";
import { Http2Exchange } from "../../src/server/http2/exchange.ts";

/** A body that states one length and has these pieces. */
function stated(length: number, texts: readonly string[]): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return {
    length,
    tryRead: () => undefined,
    read: () => Promise.resolve(left.shift() ?? null),
    cancel() {},
  };
}

/** The answer of a handler that gives this body, and how often the exchange has ended. */
async function answerWith(body: MessageBody): Promise<{ response: Response; ends: () => number }> {
  let ends = 0;
  const exchange = new Http2Exchange(new Request("http://proxy.test/openai/v1/x"), {
    handler: () => Promise.resolve({ status: 200, reason: "OK", fields: [], body }),
    peer: "192.0.2.1",
    entry: "all",
    limits: () => DEFAULT_SERVER_SETTINGS.connections,
    now: () => 0,
    mayBeReset: () => false,
    onAuthenticated() {},
    onEnd: () => void ends++,
  });
  return { response: await exchange.answer(), ends: () => ends };
}

Deno.test("Http2Exchange: an answer of another length than stated breaks off, and never looks finished", async () => {
  for (const texts of [["abcd"], ["abc", "d"], ["a", "bcd"], ["ab"], []]) {
    const { response, ends } = await answerWith(stated(3, texts));
    assertEquals(response.headers.get("content-length"), "3");
    await assertRejects(() => response.bytes(), FramingError, "another length");
    assertEquals(ends(), 1);
  }
  const { response, ends } = await answerWith(stated(3, ["a", "bc"]));
  assertEquals([await response.text(), ends()], ["abc", 1]);
});
