/** The operations of the providers' APIs, with all that the proxy knows of each. */

import type { Dialect } from "./dialects.ts";

/** What is known of the cost of an operation that is not a read. */
export type OperationCost =
  /** The response reports the usage, or the proxy can estimate it from the request and the response. */
  | "metered"
  /** It costs nothing. */
  | "free"
  /** OpenAI and Azure only store something, while a model responds at other providers. */
  | "free at openai, else unknown"
  /** OpenAI and Azure charge nothing, while other providers, such as Mistral, charge for the tokens. */
  | "free at openai, else metered"
  /** The cost is unknown, or the work continues to cost money after the response. */
  | "unknown";

/** What the operations are for, by the names that rules for paths use, with a description for people. */
export const OPERATION_GROUPS = {
  inference: "a model reads or responds",
  models: "lists of models, and the state of a server",
  files: "files and uploads",
  batches: "batches and their results",
  stored: "stored objects, such as responses, threads and vector stores",
  fine_tuning: "training of models",
  realtime_sessions: "sessions that bypass the proxy, and their short-lived keys",
  model_management: "loading, pulling and deleting models, and other changes of a server",
  admin: "members, keys, usage and invoices of an account",
  other: "paths that the proxy does not know",
} as const;

/** What an operation is for, as a name of {@link OPERATION_GROUPS}. */
export type OperationGroup = keyof typeof OPERATION_GROUPS;

/** The kinds of objects that continue after their request. */
export const OBJECT_KINDS = ["response", "interaction", "run", "batch"] as const;
/** A kind of object, of {@link OBJECT_KINDS}. */
export type ObjectKind = typeof OBJECT_KINDS[number];

/** A member of the body that limits the output. */
export type OutputLimit = "max_output_tokens" | "max_completion_tokens" | "max_tokens";

/** What the proxy knows of one operation. An absent property has the cautious value. */
export interface OperationFacts {
  readonly group: OperationGroup;
  readonly cost: OperationCost;
  /** Where clients name the model. Absent: the operation names none, or in several places. */
  readonly modelIn?: "body" | "form" | "path" | "query";
  /** The model responds in another form than text, so that the response has no output tokens. */
  readonly hasNoOutput?: true;
  /** The path alone requests a stream. */
  readonly isStream?: true;
  /**
   * The members of the body that limit the output. The API ignores other members. `generationConfig`: the
   * members within Gemini's configuration.
   */
  readonly outputLimits?: readonly OutputLimit[] | "generationConfig";
  /** The model responds to each prompt of a list. */
  readonly respondsToEachPrompt?: true;
  /** Streams report their usage only with `stream_options.include_usage`. */
  readonly hasUsageOption?: true;
  /** A model reads sound. */
  readonly readsSound?: true;
  /**
   * A request that changes something makes an object at the provider, or work that costs much: a second one
   * makes it twice.
   */
  readonly isCreation?: true;
  /** The response contains images in Base64. */
  readonly respondsWithImages?: true;
  /** `whole`: the form may contain the requests of a batch. `part`: the form is a part of a larger file. */
  readonly fileInForm?: "whole" | "part";
  /** The body names models by `name`, `from`, `source` and `destination` too. */
  readonly hasOllamaKeys?: true;
  /** The kind of object that a `POST` creates. */
  readonly creates?: ObjectKind;
  /** The kind of object that the path names by its id. */
  readonly reads?: ObjectKind;
  /** A `GET` lists batches, or fetches results of a batch: by its id, or by the id of a file. */
  readonly fetches?: "list" | "results" | "file";
  /** The name in the GenAI semantic conventions of OpenTelemetry. */
  readonly telemetryName?: string;
  /** The dialect whose clients use the operation. Absent: clients of several dialects do. */
  readonly dialect?: Dialect;
  /** Where responses have URLs of the provider that clients open with their token: see `body_urls.ts`. */
  readonly urlsIn?: "body";
}

const INFERENCE = { group: "inference", cost: "unknown", modelIn: "body" } as const;
const METERED = { ...INFERENCE, cost: "metered" } as const;
const METERED_FORM = { ...METERED, modelIn: "form" } as const;
const METERED_PATH = { ...METERED, modelIn: "path" } as const;
const COMPLETIONS = {
  ...METERED,
  outputLimits: ["max_tokens"],
  respondsToEachPrompt: true,
  hasUsageOption: true,
  telemetryName: "text_completion",
  dialect: "openai",
} as const;
const MESSAGES = { ...METERED, outputLimits: ["max_tokens"], telemetryName: "chat" } as const;
const GENERATE_CONTENT = {
  ...METERED_PATH,
  outputLimits: "generationConfig",
  telemetryName: "generate_content",
  dialect: "gemini",
} as const;
const EMBEDDINGS = { ...METERED, hasNoOutput: true, telemetryName: "embeddings" } as const;
const RAW_PREDICT = { ...METERED_PATH, outputLimits: ["max_tokens"] } as const;
const COUNTING = { group: "inference", cost: "free", hasNoOutput: true } as const;
const FILES = { group: "files", cost: "unknown", isCreation: true } as const;
const URLS_IN_BODY = { urlsIn: "body" } as const;
const BATCH_JOBS = {
  group: "batches",
  cost: "unknown",
  isCreation: true,
  creates: "batch",
  fetches: "list",
} as const;
const STORED = { group: "stored", cost: "unknown", isCreation: true } as const;

/** The properties of every operation. */
export const OPERATIONS = {
  chat_completions: {
    ...METERED,
    outputLimits: ["max_completion_tokens", "max_tokens"],
    hasUsageOption: true,
    telemetryName: "chat",
    dialect: "openai",
  },
  completions: COMPLETIONS,
  responses: {
    ...METERED,
    outputLimits: ["max_output_tokens"],
    creates: "response",
    telemetryName: "chat",
    dialect: "openai",
  },
  responses_compact: { ...METERED, dialect: "openai" },
  messages: { ...MESSAGES, dialect: "anthropic" },
  embeddings: { ...EMBEDDINGS, dialect: "openai" },
  moderations: { ...COUNTING, cost: "free at openai, else metered", modelIn: "body" },
  rerank: { ...METERED, hasNoOutput: true },
  images: { ...METERED, isCreation: true, respondsWithImages: true, dialect: "openai" },
  /** Images in ways whose cost the proxy does not know, such as variations. */
  other_images: { ...INFERENCE, isCreation: true, respondsWithImages: true },
  videos: { ...INFERENCE, isCreation: true },
  audio_speech: { ...METERED, dialect: "openai" },
  audio_transcriptions: { ...METERED_FORM, readsSound: true, dialect: "openai" },
  audio_translations: { ...METERED_FORM, readsSound: true, dialect: "openai" },
  /** A WebSocket of OpenAI's realtime API. Its cost is that of the WebSocket. */
  realtime: { group: "inference", cost: "unknown", modelIn: "query" },
  /** Sessions that bypass the proxy. */
  realtime_sessions: { ...INFERENCE, group: "realtime_sessions", isCreation: true },
  /** Anthropic's and OpenAI's count of the tokens of a request. */
  count_tokens: { ...COUNTING, modelIn: "body", dialect: "anthropic" },
  response_input_tokens: { group: "inference", cost: "free", modelIn: "body", dialect: "openai" },
  tokenize: COUNTING,

  generate_content: GENERATE_CONTENT,
  stream_generate_content: { ...GENERATE_CONTENT, isStream: true },
  embed_content: { ...EMBEDDINGS, modelIn: "path", dialect: "gemini" },
  google_count_tokens: { ...COUNTING, modelIn: "path", dialect: "gemini" },
  /** Vertex AI's path for models of other makers. */
  raw_predict: RAW_PREDICT,
  stream_raw_predict: { ...RAW_PREDICT, isStream: true },
  /** Google's models of images and videos. */
  predict: { ...INFERENCE, modelIn: "path", isCreation: true },
  /** A model responds in another form, such as the text of a page or a class. */
  other_inference: INFERENCE,
  other_stream: { ...INFERENCE, modelIn: "path", isStream: true },
  interactions: { ...INFERENCE, isCreation: true, creates: "interaction" },
  /** Bedrock. */
  converse: METERED_PATH,
  invoke: RAW_PREDICT,
  cohere_chat: { ...METERED, outputLimits: ["max_tokens"] },
  /** Cohere's and Ollama's embeddings. */
  embed: { ...METERED, hasNoOutput: true },
  /** Embeddings of other servers. */
  other_embed: { ...INFERENCE, hasNoOutput: true },
  ollama_chat: METERED,
  ollama_generate: METERED,
  /** The native API of llama.cpp. */
  llamacpp_completion: INFERENCE,

  models: { group: "models", cost: "unknown" },
  /** The health and the version of a server, and its root. */
  server_status: { group: "models", cost: "unknown" },
  /** The settings of llama.cpp's server, which a `POST` changes. */
  server_properties: { group: "models", cost: "unknown" },
  ollama_show: { group: "models", cost: "free", modelIn: "body", hasOllamaKeys: true },
  /** Ollama's `/api/pull`, `/api/delete` and so on. */
  ollama_models: {
    group: "model_management",
    cost: "unknown",
    isCreation: true,
    modelIn: "body",
    hasOllamaKeys: true,
  },
  /**
   * Loads and unloads models and adapters, clears caches, reads logs, and so on (llama.cpp, vLLM, SGLang, LM
   * Studio, llama-swap).
   */
  server_management: { group: "model_management", cost: "unknown", isCreation: true },

  files: { ...FILES, cost: "free", hasNoOutput: true, fileInForm: "whole" },
  /** Files of a vector store, a container and so on. Storage costs money. */
  nested_files: { ...FILES, hasNoOutput: true, fileInForm: "whole" },
  file: FILES,
  file_content: { ...FILES, fetches: "file" },
  uploads: { ...FILES, cost: "free", hasNoOutput: true },
  upload: { ...FILES, cost: "free", fileInForm: "part" },
  upload_parts: { ...FILES, cost: "free", hasNoOutput: true, fileInForm: "part" },
  other_upload: { ...FILES, fileInForm: "part" },

  batches: { ...BATCH_JOBS, ...URLS_IN_BODY, hasNoOutput: true },
  /** Mistral's. */
  batch_jobs: BATCH_JOBS,
  batch_generate_content: {
    group: "batches",
    cost: "unknown",
    modelIn: "path",
    isCreation: true,
    creates: "batch",
    dialect: "gemini",
  },
  /** Vertex AI's batches. */
  prediction_jobs: { group: "batches", cost: "unknown", isCreation: true },
  batch: { ...URLS_IN_BODY, group: "batches", cost: "unknown", reads: "batch" },
  batch_cancel: { ...URLS_IN_BODY, group: "batches", cost: "free", reads: "batch" },
  batch_results: { group: "batches", cost: "unknown", fetches: "results" },

  fine_tuning: { group: "fine_tuning", cost: "unknown", isCreation: true },
  fine_tuning_cancel: { group: "fine_tuning", cost: "free" },

  response: { ...STORED, reads: "response" },
  response_cancel: { ...STORED, cost: "free", reads: "response" },
  interaction: { ...STORED, reads: "interaction" },
  stored_completions: STORED,
  conversations: { ...STORED, cost: "free at openai, else unknown" },
  thread_messages: { ...MESSAGES, group: "stored", isCreation: true },
  thread_runs: { ...STORED, creates: "run" },
  thread_run: { ...STORED, reads: "run" },
  thread_run_cancel: { ...STORED, cost: "free", reads: "run" },
  /** Cancels a run of another kind, such as an evaluation. */
  other_cancel: { ...STORED, cost: "free" },
  other_stored: STORED,

  /**
   * Whole HTTP requests in one body, each to any path: Google's `/batch`, and `$batch` of Microsoft's
   * servers.
   */
  request_batch: { group: "admin", cost: "unknown", isCreation: true },
  organization: { group: "admin", cost: "unknown", isCreation: true },
  unknown: { group: "other", cost: "unknown" },
} as const satisfies Readonly<Record<string, OperationFacts>>;

/** What a client does with an API, by its path. `unknown` is a path that the proxy does not know. */
export type Operation = keyof typeof OPERATIONS;

/** The properties of an operation. */
export function factsOf(operation: Operation): OperationFacts {
  return OPERATIONS[operation];
}
