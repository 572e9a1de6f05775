/** Recognises the operation of a request by its path. Only this module maps paths of APIs to operations. */

import type { Operation } from "./operations.ts";

/** The methods that create nothing, so that a request with them costs nothing. */
export const NON_CREATING_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

/**
 * The ends of paths, by the API references of the providers. The first that matches counts. Some servers
 * ignore capitals, so that a text is in lower case. Prefixes such as `/openai/deployments/NAME` do not
 * matter. A group in a pattern is the id of an object.
 */
const PATHS: readonly (readonly [Operation, ...ends: (string | RegExp)[]])[] = [
  // Batches of prompts have other paths, such as Mistral's `/batch/jobs`.
  [
    "request_batch",
    /^\/batch(?:\/(?!jobs(?:\/|$)).*)?$|^\/v\d[a-z0-9]*[:/]batch$|\/\$batch(?:\/|$)/i,
  ],
  // Members, keys and invoices of an account. They and the changes of a server are first, so that nothing
  // behind them looks like the end of another path. Gateways serve them behind any prefix.
  ["organization", /(?<!\/(?:deployments|models?|engines))\/organizations?(?:\/|$)/i],
  [
    "organization",
    // OpenAI, Anthropic, OpenRouter, xAI.
    /(?:^|\/v\d[a-z0-9]*|\/openai)\/(?:projects\/[^/]+\/(?:groups|roles|users)|safety|tunnels|webhook_endpoints|webhook_event_types|compliance|dashboard|usage|keys?|api-keys?|api_keys|credits|activity|guardrails|workspaces|auth\/keys?|admin)(?:\/|$)/i,
  ],
  [
    "organization",
    // DeepSeek and LiteLLM; Ollama's account; Azure's resources and connections; the permissions of Google's
    // resources.
    /^\/(?:user|key|team|customer|budget)\/(?:balance|(?:re)?generate|new|\w*update|\w*delete|\w*info|\w*list|\w*block|member_\w+|settings|health)(?:\/|$)|^\/(?:spend|global|credentials)\/|^\/api\/(?:me|signin|signout|user\/keys)(?:\/|$)|^\/(?:subscriptions|providers)\/|^\/api\/projects\/[^/]+\/connections(?:\/|$)|:(?:get|set)iampolicy$|:testiampermissions$/i,
  ],
  // Changes of a server: llama.cpp, vLLM, SGLang, LM Studio, LiteLLM, llama-swap. The names of models between
  // llama-swap's /upstream and the path of the server may have slashes.
  [
    "server_management",
    /^(?:\/upstream\/[^]+)?(?:(?:\/v\d)?\/(?:un)?load_lora_adapter|\/(?:unload|running|logs|api\/(?:events|metrics|captures)|slots|lora-adapters|metrics|sleep|wake_up|is_sleeping|pause|resume|reset_[a-z]+_cache|flush_cache|collective_rpc|(?:start|stop)_profile|scale_elastic_ep|abort_requests?|init_weight\w*|update_weights?\w*|(?:release|resume)_memory_occupation|cors-proxy))(?:\/|$)/i,
  ],
  [
    "server_management",
    /^\/api\/blobs(?:\/|$)|\/models\/(?:(?:un)?load|download)(?:\/|$)|\/model\/(?:new|update|delete)(?:\/|$)/i,
  ],
  ["server_properties", /^\/props(?:\/|$)/i],
  ["ollama_models", /\/api\/(?:create|copy|pull|push|delete)(?:\/|$)/i],
  // What costs nothing. It is first, so that no id looks like the end of another path.
  ["count_tokens", "/count_tokens"],
  ["response_input_tokens", "/responses/input_tokens"],
  ["tokenize", "/detokenize", "/tokenize", "/apply-template"],
  // Vertex AI counts the tokens of Anthropic's models at the path of a model with this name.
  ["google_count_tokens", ":counttokens", ":computetokens", "/anthropic/models/count-tokens:rawpredict"],
  ["tokenize", bedrockPath("count-tokens")],
  ["moderations", "/moderations"],
  ["files", /(?:^|\/v\d[a-z0-9]*|\/openai)\/files$/i],
  ["uploads", /(?:^|\/v\d[a-z0-9]*|\/openai)\/uploads$/i],
  ["upload_parts", /(?:^|\/v\d[a-z0-9]*|\/openai)\/uploads\/[^/]+\/parts$/i],
  ["upload", /(?:^|\/v\d[a-z0-9]*|\/openai)\/uploads\/[^/]+(?:\/complete)?$/i],
  ["upload", /\/uploads\/[^/]+\/cancel$/i],
  ["batch_cancel", /\/(?:batches|batch\/jobs)\/([^/:]+)\/cancel$/i],
  ["response_cancel", /\/responses\/([^/]+)\/cancel$/i],
  ["thread_run_cancel", /\/threads\/[^/]+\/runs\/([^/]+)\/cancel$/i],
  ["fine_tuning_cancel", /\/jobs\/[^/]+\/cancel$/i],
  ["other_cancel", /\/(?:batches|runs)\/[^/]+\/cancel$/i],
  ["ollama_show", "/api/show"],
  ["conversations", /(?:^|\/v\d[a-z0-9]*|\/openai)\/conversations(?:\/[^/]+(?:\/items)?)?$/i],
  // OpenAI and compatible servers, Azure, Anthropic, Mistral.
  ["chat_completions", "/chat/completions"],
  ["completions", "/completions"],
  ["responses", "/responses"],
  ["responses_compact", "/responses/compact"],
  ["stored_completions", /\/chat\/completions\/[^/]+(?:\/messages)?$/i],
  ["thread_messages", /\/(?:threads|conversations)\/[^/]+\/messages$/i],
  ["messages", "/messages"],
  ["embeddings", "/embeddings"],
  ["images", "/images/generations", "/images/edits"],
  ["audio_speech", "/audio/speech"],
  ["audio_transcriptions", "/audio/transcriptions"],
  ["audio_translations", "/audio/translations"],
  ["rerank", "/rerank", "/reranking"],
  ["realtime", "/realtime"],
  // Gemini, also under Vertex AI.
  ["generate_content", ":generatecontent"],
  ["stream_generate_content", ":streamgeneratecontent"],
  ["embed_content", /:(?:batch)?embedcontents?$/i],
  ["batch_generate_content", ":batchgeneratecontent", ":asyncbatchembedcontent"],
  ["raw_predict", ":rawpredict"],
  ["stream_raw_predict", ":streamrawpredict"],
  ["predict", ":predictlongrunning", ":predict"],
  ["other_stream", /:stream[a-z]+$/i],
  ["converse", bedrockPath("converse", "converse-stream")],
  ["invoke", bedrockPath("invoke", "invoke-with-response-stream")],
  // Ollama's native API, Cohere, and llama.cpp's native API.
  ["ollama_chat", "/api/chat"],
  ["ollama_generate", "/api/generate"],
  ["cohere_chat", /\/v\d\/chat$/i],
  ["embed", /\/(?:v\d|api)\/embed$/i],
  ["other_embed", "/embed"],
  ["other_embed", /(?:^|\/v\d)\/embedding$/i],
  ["llamacpp_completion", /(?:^|\/v\d)\/(?:completion|infill)$/i],
  // Batches, their results, and other objects that continue after their request.
  ["batches", "/batches"],
  ["batch_jobs", "/batch/jobs"],
  ["batch", /\/(?:batches|batch\/jobs)\/([^/:]+)(?::cancel)?$/i],
  ["batch_results", /\/batches\/([^/]+)\/results$/i],
  ["file_content", /\/files\/([^/]+)\/content$/i],
  ["file_content", /\/files\/([^/:]+):download$/i],
  ["nested_files", "/files"],
  ["interactions", "/interactions"],
  ["interaction", /\/interactions\/([^/]+)(?:\/cancel)?$/i],
  ["thread_runs", /\/threads\/(?:[^/]+\/)?runs$/i],
  ["thread_run", /\/threads\/[^/]+\/runs\/([^/]+)(?:\/submit_tool_outputs)?$/i],
  ["response", /\/responses\/([^/]+)$/i],
  // The rest has no known cost.
  ["other_upload", /\/uploads\//i],
  ["other_images", /\/images\/[^/]+$/i],
  ["prediction_jobs", /\/batchpredictionjobs(?:\/|$)/i],
  ["fine_tuning", /\/(?:fine_tuning|fine-tunes|tunedmodels|tuningjobs)(?:[/:]|$)/i],
  ["realtime_sessions", /(?:^|\/v\d[a-z0-9]*|\/openai)\/(?:realtime|live|auth_tokens)(?:\/|$)/i],
  [
    "other_inference",
    /(?:^|\/v\d[a-z0-9]*)\/(?:chat\/|audio\/)?(?:ocr|classifications|decisions|score|pooling|classify|generate|generate_stream|invocations)$/i,
  ],
  ["other_inference", /\/(?:predictions|infer)$/i],
  ["videos", /(?:^|\/v\d[a-z0-9]*|\/openai)\/(?:videos|video\/generations\/jobs)(?:\/|$)/i],
  ["file", /(?:^|\/v\d[a-z0-9]*|\/openai)\/files(?:\/[^/]+(?:\/url)?|:register)$/i],
  ["server_status", /^$|^(?:\/v\d)?\/(?:health|healthz|livez|readyz|ping|load|version|tokenizer_info)$/i],
  [
    "models",
    /\/models(?:\/[^:]+)?$|\/api\/(?:tags|ps|version)$|^\/foundation-models(?:\/|$)|\/openai\/deployments(?:\/[^/]+)?$/i,
  ],
  [
    "other_stored",
    /(?:^|\/v\d[a-z0-9]*|\/openai|\/locations\/[^/]+)\/(?:agents|assistants|audio\/voices|audio\/voice_consents|cachedcontents|chatkit|containers|content_provenance_checks|conversations|corpora|deployment_runs|dreams|environments|evals|filesearchstores|libraries|memory_stores|prompts|responses|sessions|skills|threads|user_profiles|vaults|vector_stores)(?:[/:]|$)/i,
  ],
  ["other_stored", /(?:^|\/v\d[a-z0-9]*)\/deployments(?:\/|$)/i],
];

/** The operation of a path, and the id of the object that the path names. */
export interface RecognisedPath {
  readonly operation: Operation;
  /** The id as it is in the path. `undefined` if the path names no object. */
  readonly id: string | undefined;
}

const UNKNOWN: RecognisedPath = { operation: "unknown", id: undefined };
/** Most requests have one of a few paths. */
const MAX_REMEMBERED = 500;
/** Longer paths are not remembered, so that the memory for them is bounded. In characters. */
const MAX_REMEMBERED_LENGTH = 200;
const remembered = new Map<string, RecognisedPath>();

/** Stands for an id in the paths that are remembered, so that paths with ids do not fill the memory. */
const ANY_ID = "0";

/** Bedrock's paths of a model. Its name can be an ARN, which contains slashes if it is decoded. */
function bedrockPath(...actions: readonly string[]): RegExp {
  return new RegExp(`/model/(?:arn:[^/]+(?:/[^/]+){1,3}|[^/]+)/(?:${actions.join("|")})$`, "i");
}

/**
 * Recognises a path as it is sent, without its query. Of the encoded characters, only the colon is decoded:
 * some clients encode the colon before Gemini's actions, and it has one meaning.
 */
export function recognisedPath(sent: string): RecognisedPath {
  const path = sent.includes("%3") ? sent.replaceAll(/%3a/gi, ":") : sent;
  const known = remembered.get(path);
  if (known !== undefined) return known;
  const start = path.lastIndexOf("/") + 1;
  const last = path.slice(start);
  // No end in PATHS has a digit in its last segment, so such a segment is an id.
  if (!/\d/.test(last) || last.includes(":")) return remember(path);
  const ofAny = remember(path.slice(0, start) + ANY_ID);
  return ofAny.id === ANY_ID ? { operation: ofAny.operation, id: last } : ofAny;
}

function remember(path: string): RecognisedPath {
  const known = remembered.get(path);
  if (known !== undefined) return known;
  const recognised = recognise(withoutSlashes(path));
  if (path.length <= MAX_REMEMBERED_LENGTH) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(path, recognised);
  }
  return recognised;
}

/**
 * The operation of a request. `path` is the path without its query; parts before that of the API do not
 * matter. `method` is in capitals.
 */
export function operationOf(method: string, path: string): Operation {
  const { operation } = recognisedPath(path);
  // OpenAI stores completions, which clients read at the path that makes them.
  return operation === "chat_completions" && NON_CREATING_METHODS.has(method)
    ? "stored_completions"
    : operation;
}

/** The paths of Ollama's own API, at any prefix. `/api/embeddings` is older than `/api/embed`. */
const OLLAMA =
  /\/api\/(?:chat|generate|embed|embeddings|tags|ps|version|show|create|copy|pull|push|delete|blobs\/[^/]*)\/*$/i;

/** Whether a path belongs to Ollama's own API, whose errors differ from those of the server's other APIs. */
export function isOllamaPath(path: string): boolean {
  return OLLAMA.test(path);
}

const BARE_OLLAMA =
  /^\/(?:chat|generate|embed|tags|ps|version|show|create|copy|pull|push|delete|blobs\/[^/]*)\/*$/i;

/**
 * Adds the folder `/api` to a path of Ollama's own API: clients whose base URL ends in `/api` leave it out.
 * Other paths stay.
 */
export function withOllamaFolder(path: string): string {
  return BARE_OLLAMA.test(path) ? `/api${path}` : path;
}

/** All ends in one list, which is faster to read than a list of lists. */
const ENDS = PATHS.flatMap(([operation, ...ends]) => ends.map((end) => ({ operation, end })));

/** Where llama-swap forwards to the server of one model. */
const ONE_MODEL = /^\/upstream(?:\/[^/]*|$)/i;

function recognise(path: string): RecognisedPath {
  const whole = firstMatch(path);
  const prefix = ONE_MODEL.exec(path)?.[0];
  if (prefix === undefined || whole.operation === "server_management") return whole;
  const behind = path.slice(prefix.length);
  const found = behind === "" ? UNKNOWN : firstMatch(behind);
  // Everything else that the server has, such as its page.
  return found.operation === "unknown" ? { operation: "server_management", id: undefined } : found;
}

function firstMatch(path: string): RecognisedPath {
  const lower = path.toLowerCase();
  for (const { operation, end } of ENDS) {
    if (typeof end === "string") {
      if (lower.endsWith(end)) return { operation, id: undefined };
    } else {
      const found = end.exec(path);
      if (found !== null) return { operation, id: found[1] };
    }
  }
  return UNKNOWN;
}

/** A path without the slashes at its end, which some servers ignore. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}
