/** The text of "Try it", read out of event streams. */

import { assertEquals, assertRejects } from "@std/assert";
import { streamResponse } from "../../../src/management/page/stream_response.ts";

const REQUEST = { endpoint: "openai", provider: "openai", model: "m", token: "t", prompt: "Hello" };

const chunk = (content: string) => JSON.stringify({ choices: [{ delta: { content } }] });

/** The text that the page shows for a stream of bytes that arrives in pieces of `size`. */
async function textOf(stream: string, size: number): Promise<string> {
  const bytes = new TextEncoder().encode(stream);
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.slice(index * size, (index + 1) * size),
  );
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.resolve(new Response(ReadableStream.from(pieces)));
  try {
    let text = "";
    for await (const piece of streamResponse(REQUEST, new AbortController().signal)) text += piece;
    return text;
  } finally {
    globalThis.fetch = fetch;
  }
}

for (const [name, lineEnd] of [["LF", "\n"], ["CR LF", "\r\n"], ["CR", "\r"]] as const) {
  for (const size of [1, 3, 1_000]) {
    Deno.test(`streamResponse: events with ${name} line ends, in pieces of ${size} bytes`, async () => {
      const lines = [
        ...[": a comment", `data: ${chunk("Grüße")}`, ""],
        ...["event: message", `data:${chunk(" an")}`, ""],
        ...[`data: {"choices":`, `data: [{"delta":{"content":" alle"}}]}`, ""],
        ...["data: [DONE]", "", ""],
      ];
      assertEquals(await textOf(lines.join(lineEnd), size), "Grüße an alle");
    });
  }
}

Deno.test("streamResponse: throws the error of a response that fails after it has begun", async () => {
  const error = { error: { message: "The server had an error" } };
  const stream = `data: ${chunk("Hi")}\n\ndata: ${JSON.stringify(error)}\n\n`;
  await assertRejects(() => textOf(stream, 1_000), Error, "The server had an error");
});

for (
  const [provider, path, fields] of [
    ["openai", "/v1/chat/completions", { authorization: "Bearer t" }],
    ["generic", "/v1/chat/completions", { authorization: "Bearer t" }],
    ["anthropic", "/v1/messages", { "x-api-key": "t", "anthropic-version": "2023-06-01" }],
    ["gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", { "x-goog-api-key": "t" }],
  ] as const
) {
  Deno.test(`streamResponse: the path and the header fields of ${provider}`, async () => {
    const asked: unknown[] = [];
    const { fetch } = globalThis;
    globalThis.fetch = (url, init) => {
      asked.push(url, init?.headers);
      return Promise.resolve(new Response(""));
    };
    try {
      await Array.fromAsync(streamResponse({ ...REQUEST, provider }, new AbortController().signal));
    } finally {
      globalThis.fetch = fetch;
    }
    assertEquals(asked, [`/admin/try/openai${path}`, { "content-type": "application/json", ...fields }]);
  });
}
