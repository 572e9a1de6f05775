/**
 * Under a limit of tokens or money, a body that a model reads must be one that the proxy reads: it may ask
 * for several responses, and for content elsewhere.
 */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 + text.length * 2);
  bytes.set([0xff, 0xfe]);
  for (let i = 0; i < text.length; i++) {
    bytes[2 + 2 * i] = text.charCodeAt(i) & 255;
    bytes[3 + 2 * i] = text.charCodeAt(i) >> 8;
  }
  return bytes;
}
const BODY = JSON.stringify({
  contents: [{
    parts: [{ text: "Watch this" }, {
      fileData: { fileUri: "https://www.youtube.com/watch?v=x", mimeType: "video/mp4" },
    }],
  }],
  generationConfig: { candidateCount: 8, maxOutputTokens: 65_536 },
});

const GENERATE = "/api/v1beta/models/gemini-2.5-pro:generateContent";
const google = { dialect: "gemini", priceProvider: "google" } as const;
const answer = () => ({
  body: JSON.stringify({
    modelVersion: "gemini-2.5-pro",
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 5, totalTokenCount: 10 },
  }),
});
const UNREADABLE: Record<string, [type: string, bytes: Uint8Array]> = {
  "protobuf": ["application/x-protobuf", new TextEncoder().encode("\x0a\x12gemini-2.5-pro…")],
  "JSON in UTF-16": ["text/plain", utf16(BODY)],
  "JSON in UTF-16 that says so": ["application/json; charset=utf-16", utf16(BODY)],
  "YAML": ["application/yaml", new TextEncoder().encode("contents:\n- parts:\n  - text: Watch this\n")],
  "an unknown type": ["application/octet-stream", new Uint8Array([1, 2, 3])],
  "a form of a page": ["application/x-www-form-urlencoded", new TextEncoder().encode("contents=x")],
};
for (const rules of [{ budget: { total_usd: 0.1 } }, { limits: { tokens_per_minute: 1_000 } }]) {
  for (const [what, [type, bytes]] of Object.entries(UNREADABLE)) {
    Deno.test(`${Object.keys(rules)}: a model's path takes no body that the proxy cannot read: ${what}`, async () => {
      await withBench({ answer, ...google, rules }, async ({ send, upstream }) => {
        const headers = { "content-type": type };
        const { status } = await send(GENERATE, bytes as BodyInit, { headers });
        assertEquals([status === 400 || status === 403, upstream.requests.length], [true, 0]);
      });
    });
  }
}

Deno.test("budgets: a model's path takes JSON and an empty body, and any body without a limit", async () => {
  await withBench({ answer, ...google, rules: { budget: { total_usd: 0.1 } } }, async ({ send }) => {
    const json = JSON.stringify({ contents: [{ parts: [{ text: "x" }] }] });
    for (const type of ["application/json", "application/json; charset=UTF-8", "application/vnd.a+json"]) {
      assertEquals((await send(GENERATE, json, { headers: { "content-type": type } })).status, 200, type);
    }
    assertEquals((await send(GENERATE, undefined)).status, 200);
  });
  await withBench({ answer, ...google, rules: {} }, async ({ send }) => {
    for (const [what, [type, bytes]] of Object.entries(UNREADABLE)) {
      const { status } = await send(GENERATE, bytes as BodyInit, { headers: { "content-type": type } });
      assertEquals(status, 200, what);
    }
  });
});
