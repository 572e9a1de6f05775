import { assert, assertEquals } from "@std/assert";
import { parse } from "smol-toml";
import { CLIENT_NAMES, clientOf } from "../../src/connect/clients.ts";
import { command } from "../support/command.ts";
import { unless, withoutUnix } from "../support/left_out.ts";

const FACTS = { endpointUrl: "http://10.0.0.2:33000/lab", token: "the token's", model: "some-model" };

Deno.test("clients: the ones that are promised, each with the endpoint's address and the token", () => {
  assertEquals(CLIENT_NAMES, [
    "claude-code",
    "codex",
    "gemini-cli",
    "opencode",
    "open-webui",
    "continue",
    "aider",
    "openai-sdk",
    "anthropic-sdk",
    "vercel-ai-sdk",
    "curl",
  ]);
  for (const name of CLIENT_NAMES) {
    const client = clientOf(name);
    for (const dialect of client?.dialects ?? []) {
      const { text, where } = client?.snippet(FACTS, dialect) ?? { text: "", where: "" };
      assert(
        text.includes(FACTS.endpointUrl) && text.includes("the token") && where !== "",
        `${name}: ${text}`,
      );
    }
  }
});

Deno.test({
  ...unless(withoutUnix(), "clients: the shell reads what is meant"),
  fn: () => {
    for (const name of ["claude-code", "gemini-cli", "aider", "openai-sdk", "anthropic-sdk"]) {
      const client = clientOf(name);
      const { text } = client?.snippet(FACTS, client.dialects[0] ?? "openai") ?? { text: "" };
      const [, variable = ""] = /(\w+)='the token/.exec(text) ?? [];
      const { stdout } = command("sh", { args: ["-c", `${text}\nprintf %s "$${variable}"`] }).outputSync();
      assertEquals(new TextDecoder().decode(stdout), FACTS.token, name);
    }
  },
});

Deno.test("clients: settings in TOML and JSON are proper ones", () => {
  const codex = parse(clientOf("codex")?.snippet(FACTS, "openai").text ?? "");
  assertEquals(codex["model_provider"], "llm-proxy");
  const opencode = JSON.parse(clientOf("opencode")?.snippet(FACTS, "anthropic").text ?? "");
  assertEquals(opencode.provider.anthropic.options, {
    baseURL: `${FACTS.endpointUrl}/v1`,
    apiKey: FACTS.token,
  });
});
