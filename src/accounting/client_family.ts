/** Recognises the program of a client by its `user-agent`. */

/** Patterns of the user agents of known clients. The first match counts. */
const FAMILIES: readonly (readonly [pattern: RegExp, family: string])[] = [
  [/^claude-cli|claude-code/i, "claude-code"],
  [/^codex/i, "codex"],
  [/^geminicli|gemini-cli/i, "gemini-cli"],
  [/opencode/i, "opencode"],
  [/open-?webui/i, "open-webui"],
  [/aider/i, "aider"],
  [/continue/i, "continue"],
  [/cursor/i, "cursor"],
  [/litellm/i, "litellm"],
  [/langchain/i, "langchain"],
  [/^OpenAI\/|^AsyncOpenAI\//i, "openai-sdk"],
  [/^Anthropic\/|^AsyncAnthropic\//i, "anthropic-sdk"],
  [/google-genai-sdk/i, "google-genai-sdk"],
  [/^(?:Async)?Groq\//, "groq-sdk"],
  [/^(?:Async)?Together\//, "together-sdk"],
  [/^ollama-(?:js|python)/i, "ollama-sdk"],
  [/@mistralai\/|^mistral-client-python/i, "mistral-sdk"],
  [/^cohere-ai\/|^cohere-python/i, "cohere-sdk"],
  [/^qwencode|qwen-code/i, "qwen-code"],
  [/^ai\/|ai-sdk/i, "ai-sdk"],
  [/^curl\//i, "curl"],
  [/^python-requests|^python-httpx|^aiohttp|^Python/i, "python"],
  [/^node|undici/i, "node"],
  [/^Deno\//i, "deno"],
  [/^Bun\//i, "bun"],
  [/^Go-http-client/i, "go"],
  [/^Mozilla\//i, "browser"],
];

/**
 * Returns the family of a client. It comes from a fixed list, because it is a label of metrics. `none` if
 * there is no user agent, and `other` for unknown clients.
 */
export function clientFamily(userAgent: string): string {
  if (userAgent === "") return "none";
  return FAMILIES.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "other";
}
