import { assertEquals } from "@std/assert";
import { clientFamily } from "../../src/accounting/client_family.ts";

const AGENTS: readonly (readonly [agent: string, family: string])[] = [
  ["", "none"],
  ["claude-cli/2.0.1 (external, cli)", "claude-code"],
  ["codex_cli_rs/0.50.0 (Ubuntu 24.4.0; x86_64)", "codex"],
  ["GeminiCLI/0.9.0 (linux; x64)", "gemini-cli"],
  ["OpenAI/JS 7.55.0", "openai-sdk"],
  ["AsyncOpenAI/Python 2.1.0", "openai-sdk"],
  ["Anthropic/JS 1.11.0", "anthropic-sdk"],
  ["google-genai-sdk/1.2 gl-node/22", "google-genai-sdk"],
  ["curl/8.5.0", "curl"],
  ["Mozilla/5.0 (X11; Linux x86_64)", "browser"],
  ["<script>alert(1)</script>", "other"],
];
Deno.test("clientFamily: a word from a fixed list, whatever the client calls itself", () => {
  for (const [agent, family] of AGENTS) assertEquals(clientFamily(agent), family, agent);
});
