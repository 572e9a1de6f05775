/** Whose program a request comes from, as far as its `user-agent` tells. */

/** What user agents of known clients begin with or hold. */
const FAMILIES: readonly (readonly [sign: RegExp, family: string])[] = [
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

/** A word from a fixed list, so that it can be a label; `none` without a user agent, `other` for all unknown ones. */
export function clientFamily(userAgent: string): string {
  if (userAgent === "") return "none";
  return FAMILIES.find(([sign]) => sign.test(userAgent))?.[1] ?? "other";
}
