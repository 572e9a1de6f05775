import { assertEquals } from "@std/assert";
import { joinPath, versionedPath, withoutParameter } from "../../src/http/join_url.ts";

const JOINS: readonly (readonly [base: string, rest: string, joined: string])[] = [
  ["", "/v1/models", "/v1/models"],
  ["", "", "/"],
  ["", "/", "/"],
  ["/v1", "/v1/models", "/v1/models"],
  ["/v1", "/v1", "/v1"],
  ["/v1", "/models", "/v1/models"],
  ["/v1", "/v1beta/models", "/v1/v1beta/models"],
  ["/v1", "/v10", "/v1/v10"],
  ["/v1", "", "/v1"],
  ["/v1beta", "/v1beta/models", "/v1beta/models"],
  ["/v2alpha1", "/v2alpha1/x", "/v2alpha1/x"],
  ["/v1", "/v1/v1/x", "/v1/v1/x"],
  ["/api/v1", "/v1/x", "/api/v1/x"],
  ["/openai/v1", "/openai/v1/models", "/openai/v1/models"],
  ["/openai/v1", "/openai/v1", "/openai/v1"],
  ["/openai/v1", "/v1/models", "/openai/v1/models"],
  ["/openai/v1", "/openai/v10/models", "/openai/v1/openai/v10/models"],
  // Azure: a base URL with /openai, and an SDK that adds it.
  ["/openai", "/openai/deployments/m/chat/completions", "/openai/deployments/m/chat/completions"],
  ["/openai", "/openai2/x", "/openai/openai2/x"],
  ["/openai", "/openai", "/openai"],
  // Ollama: a base URL with /api.
  ["/api", "/api/chat", "/api/chat"],
  ["/anthropic", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  ["/anthropic", "/v1/messages", "/anthropic/v1/messages"],
  // OpenRouter and Fireworks.
  ["/api/v1", "/api/v1/chat/completions", "/api/v1/chat/completions"],
  ["/inference/v1", "/inference/v1/messages", "/inference/v1/messages"],
  // A gateway in front of Groq.
  ["/x/openai/v1", "/openai/v1/models", "/x/openai/v1/models"],
  ["/x/openai/v1", "/v1/models", "/x/openai/v1/models"],
  ["/x/openai/v1", "/x/openai/v1/models", "/x/openai/v1/models"],
  ["/x/openai/v1", "/openai/models", "/x/openai/v1/openai/models"],
  ["/x/openai", "/openai/models", "/x/openai/openai/models"],
  ["/v1", "/anthropic/v1/messages", "/v1/anthropic/v1/messages"],
  ["/api", "//x", "/api//x"],
  ["/v1", "/%76%31/x", "/v1/%76%31/x"],
  // Clients of OpenAI's API write /v1 for each provider.
  ["/api/paas/v4", "/v1/chat/completions", "/api/paas/v4/chat/completions"],
  ["/api/paas/v4", "/v4/chat/completions", "/api/paas/v4/chat/completions"],
  ["/api/paas/v4", "/v1", "/api/paas/v4"],
  ["/api/paas/v4", "/v10/x", "/api/paas/v4/v10/x"],
  ["/v1beta/openai", "/v1/chat/completions", "/v1beta/openai/chat/completions"],
  ["/v1/openai", "/v1/models", "/v1/openai/models"],
  ["/v1/openai", "/chat/completions", "/v1/openai/chat/completions"],
  ["/v1/account/gateway/openai", "/v1/models", "/v1/account/gateway/openai/v1/models"],
  ["/openai", "/v1/models", "/openai/v1/models"],
];
for (const [base, rest, joined] of JOINS) {
  Deno.test(`joinPath: ${base || "(bare host)"} and ${rest || "(nothing)"}`, () => {
    assertEquals(joinPath({ path: base }, rest), joined);
  });
}

const DEEPSEEK = "https://api.deepseek.com";
const GOOGLE = "https://generativelanguage.googleapis.com";
/** By provider: folders beside the version. */
const BESIDE: readonly (readonly [origin: string, base: string, rest: string, joined: string])[] = [
  [DEEPSEEK, "/v1", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  [DEEPSEEK, "", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  [DEEPSEEK, "/anthropic", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  [DEEPSEEK, "/anthropic", "/v1/messages", "/anthropic/v1/messages"],
  [DEEPSEEK, "/v1", "/beta/completions", "/beta/completions"],
  [DEEPSEEK, "/v1", "/chat/completions", "/v1/chat/completions"],
  [DEEPSEEK, "/v1", "/anthropics/x", "/v1/anthropics/x"],
  [GOOGLE, "/v1beta", "/upload/v1beta/files", "/upload/v1beta/files"],
  [GOOGLE, "", "/upload/v1beta/files", "/upload/v1beta/files"],
  [GOOGLE, "/v1beta/openai", "/upload/x", "/v1beta/openai/upload/x"],
  ["https://api.moonshot.ai", "/v1", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  ["https://api.minimax.io", "/v1", "/anthropic/v1/messages", "/anthropic/v1/messages"],
  ["https://api.example.com", "/v1", "/anthropic/v1/messages", "/v1/anthropic/v1/messages"],
];
for (const [origin, base, rest, joined] of BESIDE) {
  Deno.test(`joinPath: ${origin}${base} and ${rest}`, () => {
    assertEquals(joinPath({ origin, path: base }, rest), joined);
  });
}

Deno.test("versionedPath: what rules for paths see is the path at the provider", () => {
  assertEquals(
    versionedPath({ origin: DEEPSEEK, path: "/v1" }, "/anthropic/v1/messages"),
    "/anthropic/v1/messages",
  );
  assertEquals(versionedPath({ path: "/anthropic" }, "/anthropic/v1/messages"), "/v1/messages");
  assertEquals(versionedPath({ path: "/x/openai/v1" }, "/openai/v1/models"), "/v1/models");
});

const QUERIES: readonly (readonly [query: string, left: string])[] = [
  ["", ""],
  ["key=t", ""],
  ["key", ""],
  ["a=1&key=t&b=2", "a=1&b=2"],
  ["key=1&a=%zz&key=2", "a=%zz"],
  ["%6bey=t&a=1", "a=1"],
  ["k%65y=t", ""],
  ["k%65y", ""],
  ["monkey=1&keys=2", "monkey=1&keys=2"],
  ["a=key&b=%26key%3Dt", "a=key&b=%26key%3Dt"],
  ["a&&b", "a&&b"],
];
for (const [query, left] of QUERIES) {
  Deno.test(`withoutParameter: key removed from ${query || "(nothing)"}`, () => {
    assertEquals(withoutParameter(query, "key"), left);
  });
}
