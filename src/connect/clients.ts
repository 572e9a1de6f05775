/** The settings under which each known client uses this proxy, ready to be pasted. */

import type { Provider } from "../config/schema.ts";
import { shellWord } from "../shell_word.ts";

/** What settings are made of. */
export interface ConnectFacts {
  /** The address of an endpoint, like `http://192.168.1.20:33000/openai`. */
  readonly endpointUrl: string;
  readonly token: string;
  /** A model to begin with, where a client wants one. */
  readonly model: string;
}

/** A piece of settings, and where it goes. */
export interface Snippet {
  /** A file, or what else is to be done with it. */
  readonly where: string;
  readonly text: string;
}

/** A program that talks to models. */
export interface Client {
  readonly title: string;
  /** The dialects it speaks, the one it is made for first. */
  readonly dialects: readonly Provider[];
  readonly snippet: (facts: ConnectFacts, dialect: Provider) => Snippet;
  /** What has to be known besides. */
  readonly note?: string;
}

const SHELL = "in the shell, or in its start file";

/** By name: what `llm-proxy connect` takes. Places and names are those of each client's own documentation. */
export const CLIENTS = {
  "claude-code": {
    title: "Claude Code",
    dialects: ["anthropic"],
    snippet: ({ endpointUrl, token }) =>
      exports({ ANTHROPIC_BASE_URL: endpointUrl, ANTHROPIC_AUTH_TOKEN: token }),
  },
  codex: {
    title: "Codex",
    dialects: ["openai"],
    snippet: ({ endpointUrl, token }) => ({
      where: "~/.codex/config.toml",
      text: `model_provider = "llm-proxy"

[model_providers.llm-proxy]
name = "llm-proxy"
base_url = ${JSON.stringify(`${endpointUrl}/v1`)}
env_key = "LLM_PROXY_TOKEN"   # export LLM_PROXY_TOKEN=${shellWord(token)}
wire_api = "responses"`,
    }),
  },
  "gemini-cli": {
    title: "Gemini CLI",
    dialects: ["gemini"],
    snippet: ({ endpointUrl, token }) =>
      exports({ GOOGLE_GEMINI_BASE_URL: endpointUrl, GEMINI_API_KEY: token }),
    note: "Some versions take http only for localhost; others than that want this proxy to speak HTTPS.",
  },
  opencode: {
    title: "opencode",
    dialects: ["openai", "anthropic"],
    snippet: ({ endpointUrl, token }, dialect) => ({
      where: "~/.config/opencode/opencode.json",
      text: JSON.stringify(
        {
          $schema: "https://opencode.ai/config.json",
          provider: { [dialect]: { options: { baseURL: `${endpointUrl}/v1`, apiKey: token } } },
        },
        null,
        2,
      ),
    }),
  },
  "open-webui": {
    title: "Open WebUI",
    dialects: ["openai"],
    snippet: ({ endpointUrl, token }) => ({
      where: "its environment, or Settings → Connections → OpenAI API",
      text: `OPENAI_API_BASE_URL=${endpointUrl}/v1\nOPENAI_API_KEY=${token}`,
    }),
  },
  continue: {
    title: "Continue",
    dialects: ["openai", "anthropic"],
    snippet: ({ endpointUrl, token, model }, dialect) => ({
      where: "~/.continue/config.yaml",
      text: `models:
  - name: llm-proxy
    provider: ${dialect}
    model: ${model}
    apiBase: ${endpointUrl}/v1
    apiKey: ${JSON.stringify(token)}`,
    }),
  },
  aider: {
    title: "Aider",
    dialects: ["openai"],
    snippet: ({ endpointUrl, token }) =>
      exports({ OPENAI_API_BASE: `${endpointUrl}/v1`, OPENAI_API_KEY: token }),
    note: "Models are then named openai/<model>: aider --model openai/gpt-4o-mini.",
  },
  "openai-sdk": {
    title: "OpenAI SDKs",
    dialects: ["openai"],
    snippet: ({ endpointUrl, token }) =>
      exports({ OPENAI_BASE_URL: `${endpointUrl}/v1`, OPENAI_API_KEY: token }),
  },
  "anthropic-sdk": {
    title: "Anthropic SDKs",
    dialects: ["anthropic"],
    snippet: ({ endpointUrl, token }) =>
      exports({ ANTHROPIC_BASE_URL: endpointUrl, ANTHROPIC_API_KEY: token }),
  },
  "vercel-ai-sdk": {
    title: "Vercel AI SDK",
    dialects: ["openai", "anthropic"],
    snippet: ({ endpointUrl, token, model }, dialect) => {
      const [name, create] = dialect === "anthropic"
        ? ["anthropic", "createAnthropic"]
        : ["openai", "createOpenAI"];
      return {
        where: "in the program",
        text: `import { ${create} } from "@ai-sdk/${name}";

const provider = ${create}({ baseURL: ${JSON.stringify(`${endpointUrl}/v1`)}, apiKey: ${
          JSON.stringify(token)
        } });
const model = provider(${JSON.stringify(model)});`,
      };
    },
  },
  curl: {
    title: "curl",
    dialects: ["openai", "anthropic", "gemini", "generic"],
    snippet: ({ endpointUrl, token }, dialect) => {
      const header = {
        anthropic: "x-api-key: ",
        gemini: "x-goog-api-key: ",
        openai: "Authorization: Bearer ",
        generic: "Authorization: Bearer ",
      };
      const path = dialect === "gemini" ? "/v1beta/models" : "/v1/models";
      const version = dialect === "anthropic" ? " -H 'anthropic-version: 2023-06-01'" : "";
      return {
        where: "in a terminal",
        text: `curl ${endpointUrl}${path} -H ${shellWord(header[dialect] + token)}${version}`,
      };
    },
  },
} as const satisfies Record<string, Client>;

/** The name of a known client. */
export type ClientName = keyof typeof CLIENTS;

/** Every client's name. */
// Object.keys gives strings; these are the keys of a constant that is written out above.
export const CLIENT_NAMES = Object.keys(CLIENTS) as ClientName[];

/** A client by its name; undefined where it is not known. */
export function clientOf(name: string): Client | undefined {
  const known = CLIENT_NAMES.find((candidate) => candidate === name);
  return known && CLIENTS[known];
}

function exports(variables: Readonly<Record<string, string>>): Snippet {
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${shellWord(value)}`);
  return { where: SHELL, text: lines.join("\n") };
}
