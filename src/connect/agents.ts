/** The settings of agents and chats. Files and names are from the documentation of each program. */

import {
  type Client,
  type ConnectFacts,
  exports,
  exportsIfAny,
  headerLine,
  headersAs,
  JSON_NOTE,
  jsonFile,
  TOKEN_HEADER,
  TOKEN_VARIABLE,
} from "./client.ts";
import { shellWord } from "../text/shell_word.ts";

/** The agents and chats by their names for `llm-proxy connect`. */
export const AGENTS = {
  "claude-code": {
    title: "Claude Code",
    dialects: ["anthropic"],
    hasHeaderSetting: true,
    pieces: (facts) => [
      exports({
        ANTHROPIC_BASE_URL: facts.endpointUrl,
        // The proxy token goes into a bearer token, a key for Anthropic into the header that Anthropic reads.
        [facts.separateToken === undefined ? "ANTHROPIC_AUTH_TOKEN" : "ANTHROPIC_API_KEY"]: facts.key,
        ANTHROPIC_CUSTOM_HEADERS: headerLine(facts),
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
    ],
    notes: ({ separateToken }) => [
      "With CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY, /model lists the models of the endpoint.",
      ...(separateToken === undefined ? [] : ["With a login at claude.ai, leave ANTHROPIC_API_KEY out."]),
    ],
  },
  codex: {
    title: "Codex",
    dialects: ["openai"],
    hasHeaderSetting: true,
    pieces: (facts) => {
      const variable = facts.separateToken === undefined ? TOKEN_VARIABLE : "OPENAI_API_KEY";
      return [
        { where: "~/.codex/config.toml", text: codexConfig(facts, variable) },
        exports({ [variable]: facts.key, CODEX_CA_CERTIFICATE: facts.authority }),
      ];
    },
    notes: ({ hasResponses, endpoint }) =>
      hasResponses ? [] : [
        `Codex uses only /responses, so the upstream of ${endpoint} must support it. Mistral and DeepSeek do not.`,
      ],
  },
  "gemini-cli": {
    title: "Gemini CLI",
    dialects: ["gemini"],
    hasHeaderSetting: true,
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
    hasHeaderSetting: true,
    pieces: (facts) => [
      jsonFile("~/.config/opencode/opencode.json", opencodeConfig(facts)),
      ...exportsIfAny({ NODE_EXTRA_CA_CERTS: facts.authority }),
    ],
    notes: () => [JSON_NOTE],
  },
  "qwen-code": {
    title: "Qwen Code",
    dialects: ["openai"],
    hasHeaderSetting: true,
    pieces: (facts) => [
      exports({
        OPENAI_BASE_URL: `${facts.endpointUrl}/v1`,
        OPENAI_API_KEY: facts.key,
        OPENAI_MODEL: facts.model,
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
      jsonFile("~/.qwen/settings.json", {
        security: { auth: { selectedType: "openai" } },
        ...(facts.separateToken !== undefined &&
          { model: { generationConfig: headersAs("customHeaders", facts) } }),
      }),
    ],
    notes: () => [JSON_NOTE],
  },
  cline: {
    title: "Cline",
    // Cline's provider for Anthropic has no setting for the base URL.
    dialects: ["openai"],
    hasHeaderSetting: false,
    pieces: ({ endpointUrl, key, model, authority }) => {
      const words = ["cline", "auth", "--provider", "openai", "--apikey", key];
      const auth = [...words, "--baseurl", `${endpointUrl}/v1`, "--modelid", model].map(shellWord).join(" ");
      return [
        { where: "run once in a terminal", text: auth },
        ...exportsIfAny({ NODE_EXTRA_CA_CERTS: authority }),
      ];
    },
    notes: () => [
      "In an editor: Settings → API Provider → OpenAI Compatible, with the same base URL, key and model.",
    ],
  },
  continue: {
    title: "Continue",
    dialects: ["openai", "anthropic"],
    hasHeaderSetting: true,
    pieces: (facts) => [{ where: "~/.continue/config.yaml", text: continueConfig(facts) }],
    notes: ({ hasResponses, dialect }) =>
      hasResponses || dialect === "anthropic" ? [] : [
        "For models named gpt-5…, o1, o3, …, the command line of Continue uses only /responses.",
      ],
  },
  "open-webui": {
    title: "Open WebUI",
    dialects: ["openai"],
    hasHeaderSetting: false,
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
    hasHeaderSetting: false,
    pieces: ({ endpointUrl, key, authority }) => [
      exports({ OPENAI_API_BASE: `${endpointUrl}/v1`, OPENAI_API_KEY: key, SSL_CERT_FILE: authority }),
    ],
    notes: ({ model }) => [`Aider names models openai/<model>: aider --model openai/${model}.`],
  },
} as const satisfies Record<string, Client>;

function codexConfig(
  { endpointUrl, model, hasResponses, separateToken }: ConnectFacts,
  variable: string,
): string {
  return [
    // The default of Codex is a model of OpenAI.
    ...(hasResponses ? [] : [`model = ${JSON.stringify(model)}`]),
    `model_provider = "llm-proxy"`,
    "",
    "[model_providers.llm-proxy]",
    `name = "llm-proxy"`,
    `base_url = ${JSON.stringify(`${endpointUrl}/v1`)}`,
    `env_key = ${JSON.stringify(variable)}`,
    ...(separateToken === undefined
      ? []
      : [`http_headers = { "${TOKEN_HEADER}" = ${JSON.stringify(separateToken)} }`]),
    `wire_api = "responses"`,
  ].join("\n");
}

/**
 * The provider `openai` of opencode uses `/responses`. The compatible provider uses `/chat/completions`, and
 * needs a list of models.
 */
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
  const { dialect, model, endpointUrl, key, separateToken, authority } = facts;
  const options = [
    ...(separateToken === undefined
      ? []
      : ["      headers:", `        ${TOKEN_HEADER}: ${JSON.stringify(separateToken)}`]),
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
