/**
 * Tokens per minute count the output of a complete response that states no usage, also without max_tokens.
 */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const TEXT = "word ".repeat(20_000);
const GENERATE = "/api/v1beta/models/gemini-2.5-pro:generateContent";
const GEMINI = { contents: [{ parts: [{ text: "hi" }] }] };
/** Responses, and whether they use up 1,000 tokens per minute. */
const CASES: Record<string, [path: string, body: unknown, type: string, reply: string, usesUp: boolean]> = {
  "JSON": [
    GENERATE,
    GEMINI,
    "application/json",
    JSON.stringify({ candidates: [{ content: { parts: [{ text: TEXT }] } }] }),
    true,
  ],
  "JSON of an unknown API": [GENERATE, GEMINI, "application/json", JSON.stringify({ answer: TEXT }), true],
  "a type that the proxy does not read": [GENERATE, GEMINI, "application/x-protobuf", TEXT, true],
  "a stream": [
    GENERATE,
    GEMINI,
    "text/event-stream",
    `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: TEXT }] } }] })}\n\n`,
    true,
  ],
  "a short text": [
    GENERATE,
    GEMINI,
    "application/json",
    JSON.stringify({ candidates: [{ content: { parts: [{ text: "Hello" }] } }] }),
    false,
  ],
  "embeddings": [
    "/api/v1/embeddings",
    { model: "text-embedding-3-small", input: "x" },
    "application/json",
    JSON.stringify({ data: [{ embedding: Array(5_000).fill(0.123456) }] }),
    false,
  ],
  "a short sound": [
    "/api/v1/audio/speech",
    { model: "gpt-4o-mini-tts", input: "Hello" },
    "audio/mpeg",
    "A".repeat(30_000),
    false,
  ],
  "an image": [
    "/api/v1/images/generations",
    { model: "gpt-image-1", prompt: "A cat" },
    "application/json",
    JSON.stringify({ data: [{ b64_json: "A".repeat(500_000) }] }),
    false,
  ],
};
for (const [what, [path, body, type, reply, usesUp]] of Object.entries(CASES)) {
  Deno.test(`limits: tokens per minute count a response without usage by what it shows: ${what}`, async () => {
    await withBench({
      answer: () => ({ type, body: reply }),
      dialect: "gemini",
      priceProvider: "google",
      rules: { limits: { tokens_per_minute: 1_000 } },
    }, async ({ send }) => {
      const statuses: number[] = [];
      for (let i = 0; i < 2; i++) statuses.push((await send(path, JSON.stringify(body))).status);
      assertEquals(statuses, [200, usesUp ? 429 : 200]);
    });
  });
}
