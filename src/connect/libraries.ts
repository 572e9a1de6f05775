/** The settings of libraries and of curl. */

import { DIALECTS } from "../apis/dialects.ts";
import { shellWord } from "../text/shell_word.ts";
import {
  type Client,
  type ConnectFacts,
  exports,
  exportsIfAny,
  headerLine,
  headersAs,
  literal,
  type Piece,
  PROGRAM,
} from "./client.ts";

const PYTHON_NOTE = "Python: set SSL_CERT_FILE to the authority, which replaces the default authorities.";
const pythonNotes = ({ authority }: ConnectFacts): string[] => authority === undefined ? [] : [PYTHON_NOTE];

/** The libraries by their names for `llm-proxy connect`. */
export const LIBRARIES = {
  "openai-sdk": {
    title: "OpenAI SDKs",
    dialects: ["openai"],
    hasHeaderSetting: true,
    pieces: (facts) => [
      exports({
        OPENAI_BASE_URL: `${facts.endpointUrl}/v1`,
        OPENAI_API_KEY: facts.key,
        OPENAI_CUSTOM_HEADERS: headerLine(facts),
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
    ],
    notes: pythonNotes,
  },
  "anthropic-sdk": {
    title: "Anthropic SDKs",
    dialects: ["anthropic"],
    hasHeaderSetting: true,
    pieces: (facts) => [
      exports({
        ANTHROPIC_BASE_URL: facts.endpointUrl,
        ANTHROPIC_API_KEY: facts.key,
        ANTHROPIC_CUSTOM_HEADERS: headerLine(facts),
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
    ],
    notes: pythonNotes,
  },
  "genai-sdk": {
    title: "Google Gen AI SDKs",
    dialects: ["gemini"],
    hasHeaderSetting: false,
    pieces: ({ endpointUrl, key, authority }) => [
      exports({ GOOGLE_GEMINI_BASE_URL: endpointUrl, GEMINI_API_KEY: key, NODE_EXTRA_CA_CERTS: authority }),
    ],
    notes: pythonNotes,
  },
  "groq-sdk": {
    title: "Groq SDKs",
    dialects: ["openai"],
    preferredEndpoint: "groq",
    hasHeaderSetting: true,
    pieces: (facts) => [
      exports({
        GROQ_BASE_URL: facts.endpointUrl,
        GROQ_API_KEY: facts.key,
        GROQ_CUSTOM_HEADERS: headerLine(facts),
        NODE_EXTRA_CA_CERTS: facts.authority,
      }),
    ],
    notes: (facts) => [
      "The SDK adds /openai/v1 to each path, so the base URL of the upstream must end in it, as that of Groq does.",
      ...pythonNotes(facts),
    ],
  },
  "ollama-sdk": {
    title: "Ollama SDKs",
    dialects: ["openai"],
    preferredEndpoint: "ollama",
    hasHeaderSetting: true,
    pieces: (facts) => [
      inProgram({
        imports: `import { Ollama } from "ollama";`,
        creates: `const ollama = new Ollama(${
          literal({
            host: facts.endpointUrl,
            headers: { Authorization: `Bearer ${facts.key}`, ...headersAs("headers", facts)["headers"] },
          })
        });`,
      }),
      ...trust(facts),
    ],
    notes: (facts) => [
      "The SDK uses /api/…, so the upstream must be Ollama with a base URL that does not end in /v1.",
      ...pythonNotes(facts),
    ],
  },
  "vercel-ai-sdk": {
    title: "Vercel AI SDK",
    dialects: ["openai", "anthropic"],
    hasHeaderSetting: true,
    pieces: (facts) => {
      const [name, create] = facts.dialect === "anthropic"
        ? ["anthropic", "createAnthropic"]
        : ["openai", "createOpenAI"];
      // The provider of OpenAI uses /responses, its method `chat` uses /chat/completions.
      const call = facts.dialect !== "anthropic" && !facts.hasResponses ? "provider.chat" : "provider";
      const settings = {
        baseURL: `${facts.endpointUrl}/v1`,
        apiKey: facts.key,
        ...headersAs("headers", facts),
      };
      return [
        inProgram({
          imports: `import { ${create} } from "@ai-sdk/${name}";`,
          creates: `const provider = ${create}(${literal(settings)});
const model = ${call}(${JSON.stringify(facts.model)});`,
        }),
        ...trust(facts),
      ];
    },
  },
  langchain: {
    title: "LangChain",
    dialects: ["openai", "anthropic"],
    hasHeaderSetting: true,
    pieces: (facts) => {
      const { endpointUrl, key: apiKey, model } = facts;
      const headers = headersAs("defaultHeaders", facts);
      const [name, type, settings] = facts.dialect === "anthropic"
        ? ["anthropic", "ChatAnthropic", {
          model,
          apiKey,
          anthropicApiUrl: endpointUrl,
          ...(facts.separateToken !== undefined && { clientOptions: headers }),
        }]
        : ["openai", "ChatOpenAI", {
          model,
          apiKey,
          configuration: { baseURL: `${endpointUrl}/v1`, ...headers },
        }];
      return [
        inProgram({
          imports: `import { ${type} } from "@langchain/${name}";`,
          creates: `const model = new ${type}(${literal(settings)});`,
        }),
        ...trust(facts),
      ];
    },
    notes: (facts) => ["In Python: base_url, api_key and default_headers.", ...pythonNotes(facts)],
  },
  llamaindex: {
    title: "LlamaIndex",
    dialects: ["openai"],
    hasHeaderSetting: true,
    pieces: (facts) => [
      inProgram({
        imports: `import { openai } from "@llamaindex/openai";`,
        creates: `const model = openai(${
          literal({
            model: facts.model,
            apiKey: facts.key,
            baseURL: `${facts.endpointUrl}/v1`,
            ...(facts.separateToken !== undefined &&
              { additionalSessionOptions: headersAs("defaultHeaders", facts) }),
          })
        });`,
      }),
      ...trust(facts),
    ],
    notes: (
      facts,
    ) => ["In Python: OpenAILike with api_base, api_key and is_chat_model=True.", ...pythonNotes(facts)],
  },
  curl: {
    title: "curl",
    dialects: ["openai", "anthropic", "gemini", "generic"],
    hasHeaderSetting: true,
    pieces: (facts) => [{ where: "in a terminal", text: curlCommand(facts) }],
  },
} as const satisfies Record<string, Client>;

function inProgram({ imports, creates }: { imports: string; creates: string }): Piece {
  return { where: PROGRAM, text: `${imports}\n\n${creates}` };
}

/** The authority for Node.js, which reads it only from the environment. */
function trust({ authority }: ConnectFacts): Piece[] {
  return exportsIfAny({ NODE_EXTRA_CA_CERTS: authority });
}

function curlCommand(facts: ConnectFacts): string {
  const { endpointUrl, dialect, key, authority } = facts;
  const { keyField, modelsPath, version } = DIALECTS[dialect];
  const headers = [
    keyField === "authorization" ? `Authorization: Bearer ${key}` : `${keyField}: ${key}`,
    version && `${version.field}: ${version.value}`,
    headerLine(facts),
  ].filter((line) => line !== undefined);
  return [
    "curl",
    ...(authority === undefined ? [] : ["--cacert", shellWord(authority)]),
    endpointUrl + modelsPath,
    ...headers.map((line) => `-H ${shellWord(line)}`),
  ].join(" ");
}
