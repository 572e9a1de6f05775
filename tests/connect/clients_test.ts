import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "smol-toml";
import { CLIENT_NAMES, clientOf } from "../../src/connect/clients.ts";
import { command } from "../support/processes/command.ts";
import { unless, withoutUnix } from "../support/runner/left_out.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { configuredEndpoint, suggestedModel } from "../../src/connect/endpoints.ts";
import { settingsFor } from "../../src/connect/settings.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const FACTS = {
  endpointUrl: "http://10.0.0.2:33000/lab",
  endpoint: "lab",
  key: "the token's",
  separateToken: undefined,
  model: "some-model",
  hasResponses: false,
  authority: undefined,
} as const;
const PASSED = { ...FACTS, key: "own-key", separateToken: "the-token" } as const;

Deno.test("clients: every documented client gets the endpoint's URL and the token", () => {
  assertEquals(CLIENT_NAMES, [
    "claude-code",
    "codex",
    "gemini-cli",
    "opencode",
    "qwen-code",
    "cline",
    "continue",
    "open-webui",
    "aider",
    "openai-sdk",
    "anthropic-sdk",
    "genai-sdk",
    "groq-sdk",
    "ollama-sdk",
    "vercel-ai-sdk",
    "langchain",
    "llamaindex",
    "curl",
  ]);
  for (const name of CLIENT_NAMES) {
    const client = clientOf(name);
    for (const dialect of client?.dialects ?? []) {
      const pieces = client?.pieces({ ...FACTS, dialect }) ?? [];
      const text = pieces.map((piece) => piece.text).join("\n");
      assert(text.includes(FACTS.endpointUrl) && text.includes("the token"), `${name}: ${text}`);
      assert(pieces.every(({ where }) => where !== ""), name);
      assert(!/undefined|x-llm-proxy-token|CA_CERT|ca\.pem/.test(text), `${name}: ${text}`);
    }
  }
});

Deno.test("clients: over HTTPS each client gets the file of the authority where it reads it", () => {
  for (const name of CLIENT_NAMES) {
    const client = clientOf(name);
    for (const dialect of client?.dialects ?? []) {
      const pieces = client?.pieces({ ...FACTS, dialect, authority: "/home/anna/ca.pem" }) ?? [];
      assertStringIncludes(pieces.map((piece) => piece.text).join("\n"), "/home/anna/ca.pem", name);
    }
  }
});

Deno.test("clients: if the endpoint forwards the client's key, the token is in a header of clients that can send one", () => {
  for (const name of CLIENT_NAMES) {
    const client = clientOf(name);
    for (const dialect of client?.dialects ?? []) {
      const text = client?.pieces({ ...PASSED, dialect }).map((piece) => piece.text).join("\n") ?? "";
      assertEquals(
        /x-llm-proxy-token.*the-token/.test(text),
        client?.hasHeaderSetting,
        `${name}: ${text}`,
      );
      assertStringIncludes(text, "own-key", name);
    }
  }
});

Deno.test({
  ...unless(withoutUnix(), "clients: the shell reads what is meant"),
  fn: () => {
    for (const name of ["claude-code", "gemini-cli", "aider", "openai-sdk", "anthropic-sdk", "groq-sdk"]) {
      const client = clientOf(name);
      const [{ text } = { text: "" }] =
        client?.pieces({ ...FACTS, dialect: client.dialects[0] ?? "openai" }) ??
          [];
      const [, variable = ""] = /(\w+)='the token/.exec(text) ?? [];
      const { stdout } = command("sh", { args: ["-c", `${text}\nprintf %s "$${variable}"`] }).outputSync();
      assertEquals(new TextDecoder().decode(stdout), FACTS.key, name);
    }
  },
});

Deno.test("clients: settings in TOML and JSON are valid", () => {
  const first = (name: string, facts: Parameters<NonNullable<ReturnType<typeof clientOf>>["pieces"]>[0]) =>
    clientOf(name)?.pieces(facts)[0]?.text ?? "";
  const codex = parse(first("codex", { ...PASSED, dialect: "openai" }));
  assertEquals(codex["model_provider"], "llm-proxy");
  assertEquals(codex["model_providers"], {
    "llm-proxy": {
      name: "llm-proxy",
      base_url: `${FACTS.endpointUrl}/v1`,
      env_key: "OPENAI_API_KEY",
      http_headers: { "x-llm-proxy-token": "the-token" },
      wire_api: "responses",
    },
  });
  const opencode = JSON.parse(first("opencode", { ...FACTS, dialect: "anthropic" }));
  assertEquals(opencode.provider.anthropic.options, {
    baseURL: `${FACTS.endpointUrl}/v1`,
    apiKey: FACTS.key,
  });
});

Deno.test("settingsFor: the model is one of the provider, by the configuration, the name or the address", () => {
  const modelOf = (name: string, origin: string, options: Partial<Endpoint> = {}) =>
    suggestedModel(configuredEndpoint(testEndpoint(name, [testBackend(origin)], options)));
  assertEquals(modelOf("fast", "http://gateway.test", { preset: "groq" }), "openai/gpt-oss-120b");
  assertEquals(modelOf("groq", "http://gateway.test"), "openai/gpt-oss-120b");
  assertEquals(modelOf("fast", "https://api.groq.com"), "openai/gpt-oss-120b");
  assertEquals(modelOf("fast", "http://gateway.test", { preset: "openrouter" }), undefined);
  assertEquals(modelOf("a", "http://gateway.test", { dialect: "gemini" }), "gemini-3.8-flash");
  assertEquals(modelOf("a", "http://gateway.test", { dialect: "generic" }), undefined);
});

Deno.test("settingsFor: clients use /responses only with upstreams of OpenAI and Azure", () => {
  const endpointAt = (origin: string) => configuredEndpoint(testEndpoint("chat", [testBackend(origin)]));
  const settings = (client: string, origin: string) => {
    const proxy = {
      endpoints: [endpointAt(origin)],
      defaultEndpoint: "chat",
      needsToken: true,
      hasSelfSignedRoot: false,
    };
    return settingsFor(proxy, { client, endpoint: undefined, url: "http://10.0.0.2", token: "t" });
  };
  const text = (client: string, origin: string) =>
    settings(client, origin).pieces.map((piece) => piece.text).join("\n");
  assertStringIncludes(text("vercel-ai-sdk", "https://api.openai.com"), "= provider(");
  assertStringIncludes(text("vercel-ai-sdk", "https://api.mistral.ai"), "= provider.chat(");
  assertStringIncludes(text("opencode", "https://api.mistral.ai"), "@ai-sdk/openai-compatible");
  for (const host of ["x.openai.azure.com", "x.services.ai.azure.com", "x.cognitiveservices.azure.com"]) {
    assert(!text("opencode", `https://${host}`).includes("compatible"), host);
  }
  const noted = (origin: string) =>
    settings("codex", origin).notes.some((note) => note.includes("/responses"));
  assertEquals([noted("https://api.openai.com"), noted("https://api.mistral.ai")], [false, true]);
});
