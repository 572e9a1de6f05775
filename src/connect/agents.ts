/** Agents and chats: programs that people talk to. Places and names are those of each one's own documentation. */

import {
  type Client,
  type ConnectFacts,
  exports,
  exportsIfAny,
  headerLine,
  headersAs,
  JSON_NOTE,
  jsonFile,
  TOKEN_VARIABLE,
} from "./client.ts";
import { shellWord } from "../text/shell_word.ts";

/** By name, as `llm-proxy connect` takes them. */
export const AGENTS = {
  "claude-code": {
    title: "Claude Code",
    dialects: ["anthropic"],
    takesHeader: true,
    pieces: (facts) => [
      exports({
        ANTHROPIC_BASE_URL: facts.endpointUrl,
        // A token of the proxy's as a bearer token; a key for Anthropic where Anthropic looks for one.
        [facts.proxyAuthorization === undefined ? "ANTHROPIC_AUTH_TOKEN" : "ANTHROPIC_API_KEY"]: facts.key,
        ANTHROPIC_CUSTOM_HEADERS: headerLine(facts),
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
    ],
    notes: () => ["With the discovery Claude Code's /model lists the models of the endpoint."],
  },
  codex: {
    title: "Codex",
    dialects: ["openai"],
    takesHeader: true,
    pieces: (facts) => {
      const variable = facts.proxyAuthorization === undefined ? TOKEN_VARIABLE : "OPENAI_API_KEY";
      return [
        { where: "~/.codex/config.toml", text: codexConfig(facts, variable) },
        exports({ [variable]: facts.key, CODEX_CA_CERTIFICATE: facts.authority }),
      ];
    },
    notes: ({ hasResponses, endpoint }) =>
      hasResponses ? [] : [
        `Codex asks /responses only: it works where the upstream of ${endpoint} has it (Mistral's and DeepSeek's do not).`,
      ],
  },
  "gemini-cli": {
    title: "Gemini CLI",
    dialects: ["gemini"],
    takesHeader: true,
    pieces: (facts) => [
      exports({
        GOOGLE_GEMINI_BASE_URL: facts.endpointUrl,
        GEMINI_API_KEY: facts.key,
        GEMINI_CLI_CUSTOM_HEADERS: headerLine(facts),
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
      jsonFile("~/.gemini/settings.json", { security: { auth: { selectedType: "gemini-api-key" } } }),
    ],
    notes: () => [JSON_NOTE],
  },
  opencode: {
    title: "opencode",
    dialects: ["openai", "anthropic"],
    takesHeader: true,
    pieces: (facts) => [
      jsonFile("~/.config/opencode/opencode.json", opencodeConfig(facts)),
      ...exportsIfAny({ NODE_EXTRA_CA_CERTS: facts.authority }),
    ],
    notes: () => [JSON_NOTE],
  },
  "qwen-code": {
    title: "Qwen Code",
    dialects: ["openai"],
    takesHeader: true,
    pieces: (facts) => [
      exports({
        OPENAI_BASE_URL: `${facts.endpointUrl}/v1`,
        OPENAI_API_KEY: facts.key,
        OPENAI_MODEL: facts.model,
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
      jsonFile("~/.qwen/settings.json", {
        security: { auth: { selectedType: "openai" } },
        ...(facts.proxyAuthorization !== undefined &&
          { model: { generationConfig: headersAs("customHeaders", facts) } }),
      }),
    ],
    notes: () => [JSON_NOTE],
  },
  cline: {
    title: "Cline",
    // Its provider for Anthropic takes no base URL.
    dialects: ["openai"],
    takesHeader: false,
    pieces: ({ endpointUrl, key, model, authority }) => {
      const words = ["cline", "auth", "--provider", "openai", "--apikey", key];
      const auth = [...words, "--baseurl", `${endpointUrl}/v1`, "--modelid", model].map(shellWord).join(" ");
      return [
        { where: "in a terminal, once", text: auth },
        ...exportsIfAny({ NODE_EXTRA_CA_CERTS: authority }),
      ];
    },
    notes: () => [
      "In an editor: Settings → API Provider → OpenAI Compatible, with the same address, key and model.",
    ],
  },
  continue: {
    title: "Continue",
    dialects: ["openai", "anthropic"],
    takesHeader: true,
    pieces: (facts) => [{ where: "~/.continue/config.yaml", text: continueConfig(facts) }],
    notes: ({ hasResponses, dialect }) =>
      hasResponses || dialect === "anthropic" ? [] : [
        "Continue's command line asks /responses for every model named gpt-5… or o1, o3, …, and nothing else.",
      ],
  },
  "open-webui": {
    title: "Open WebUI",
    dialects: ["openai"],
    takesHeader: false,
    pieces: ({ endpointUrl, key, authority }) => [{
      where: "in its environment, or under Settings → Connections → OpenAI API",
      text: [
        `OPENAI_API_BASE_URL=${endpointUrl}/v1`,
        `OPENAI_API_KEY=${key}`,
        ...(authority === undefined ? [] : [`SSL_CERT_FILE=${authority}`]),
      ].join("\n"),
    }],
  },
  aider: {
    title: "Aider",
    dialects: ["openai"],
    takesHeader: false,
    pieces: ({ endpointUrl, key, authority }) => [
      exports({ OPENAI_API_BASE: `${endpointUrl}/v1`, OPENAI_API_KEY: key, SSL_CERT_FILE: authority }),
    ],
    notes: ({ model }) => [`Models are then named openai/<model>: aider --model openai/${model}.`],
  },
} as const satisfies Record<string, Client>;

function codexConfig(
  { endpointUrl, model, hasResponses, proxyAuthorization }: ConnectFacts,
  variable: string,
): string {
  return [
    // Codex' own choice is a model of OpenAI's.
    ...(hasResponses ? [] : [`model = ${JSON.stringify(model)}`]),
    `model_provider = "llm-proxy"`,
    "",
    "[model_providers.llm-proxy]",
    `name = "llm-proxy"`,
    `base_url = ${JSON.stringify(`${endpointUrl}/v1`)}`,
    `env_key = ${JSON.stringify(variable)}`,
    ...(proxyAuthorization === undefined
      ? []
      : [`http_headers = { "Proxy-Authorization" = ${JSON.stringify(proxyAuthorization)} }`]),
    `wire_api = "responses"`,
  ].join("\n");
}

/** Its provider `openai` asks `/responses`; the compatible one asks `/chat/completions`, and has to be given models. */
function opencodeConfig(facts: ConnectFacts): unknown {
  const { dialect, hasResponses, endpointUrl, key, model } = facts;
  const isCompatible = dialect !== "anthropic" && !hasResponses;
  const name = isCompatible ? "llm-proxy" : dialect === "anthropic" ? "anthropic" : "openai";
  const provider = {
    ...(isCompatible && { npm: "@ai-sdk/openai-compatible", name }),
    options: { baseURL: `${endpointUrl}/v1`, apiKey: key, ...headersAs("headers", facts) },
    models: { [model]: {} },
  };
  return {
    $schema: "https://opencode.ai/config.json",
    model: `${name}/${model}`,
    provider: { [name]: provider },
  };
}

function continueConfig(facts: ConnectFacts): string {
  const { dialect, model, endpointUrl, key, proxyAuthorization, authority } = facts;
  const options = [
    ...(proxyAuthorization === undefined
      ? []
      : ["      headers:", `        Proxy-Authorization: ${JSON.stringify(proxyAuthorization)}`]),
    ...(authority === undefined ? [] : [`      caBundlePath: ${JSON.stringify(authority)}`]),
  ];
  return [
    "name: llm-proxy",
    "version: 1.0.0",
    "schema: v1",
    "models:",
    "  - name: llm-proxy",
    `    provider: ${dialect === "anthropic" ? "anthropic" : "openai"}`,
    `    model: ${JSON.stringify(model)}`,
    `    apiBase: ${JSON.stringify(`${endpointUrl}/v1`)}`,
    `    apiKey: ${JSON.stringify(key)}`,
    ...(options.length === 0 ? [] : ["    requestOptions:", ...options]),
  ].join("\n");
}
