import { operationOf } from "../../src/apis/operation_of.ts";
import { assertEquals } from "@std/assert";
import { possibleOutputTokens } from "../../src/admission/reservation.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import type { RequestFacts } from "../../src/payload/request_facts.ts";

const ENDPOINT = testEndpoint("openai", [testBackend("https://api.openai.com")], {
  reserveOutputTokens: 7_000,
});
const OTHER = testEndpoint("other", [testBackend("https://api.deepseek.com")], {
  reserveOutputTokens: 7_000,
});
const CHAT = { path: "/v1/chat/completions", hasBody: true, endpoint: ENDPOINT };

/** What a request says, where it goes, and how many output tokens it may use. */
const CASES: readonly (readonly [facts: RequestFacts, at: Partial<typeof CHAT>, tokens: number])[] = [
  [{ model: "gpt-4o", maxOutputTokens: 5, choices: 3 }, {}, 5],
  [{ model: "gpt-4o" }, {}, 16_384],
  [{ model: "gpt-4o", maxOutputTokens: 5, isCompletionLimit: true }, {}, 5],
  // A limit that the provider may not know lowers nothing.
  [{ model: "x", maxOutputTokens: 5, isCompletionLimit: true }, { endpoint: OTHER }, 7_000],
  [{ model: "x", maxOutputTokens: 5 }, { endpoint: OTHER }, 5],
  [{ model: "openai/GPT-4o-mini" }, {}, 16_384],
  [{ model: "gpt-4o", choices: 3 }, {}, 3 * 16_384],
  [{ model: "gpt-4.1" }, {}, 32_768],
  [{ model: "o3" }, {}, 100_000],
  [{ model: "claude-3-5-haiku" }, {}, 8_192],
  [{ model: "claude-sonnet-4-5" }, {}, 128_000],
  [{ model: "gemini-2.5-pro" }, {}, 65_536],
  [{ model: "somebody's" }, {}, 7_000],
  [{ choices: 2 }, {}, 14_000],
  [{}, { hasBody: false }, 0],
  [{ model: "gpt-4o" }, { path: "/v1/embeddings" }, 0],
  [{ model: "gpt-4o" }, { path: "/v1/files/" }, 0],
  [{ model: "gpt-4o" }, { path: "/v1/files/chat/completions" }, 16_384],
  [{ model: "gemini-2.5-pro" }, { path: "/v1beta/models/gemini-2.5-pro:countTokens" }, 0],
];
for (const [facts, at, tokens] of CASES) {
  Deno.test(`possibleOutputTokens: ${JSON.stringify(facts)} at ${JSON.stringify({ ...at, endpoint: at.endpoint?.name })}`, () => {
    const { path, ...rest } = { ...CHAT, ...at };
    assertEquals(possibleOutputTokens(facts, { ...rest, operation: operationOf("POST", path) }), tokens);
  });
}
