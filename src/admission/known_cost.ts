/** Tells free paths from paths whose cost can be known. A budget allows only these two. */

import { isOpenAi, type ProviderOf } from "./providers.ts";

/** What is known of the cost of a path. */
export type PathCost =
  /** The response reports the usage, or the proxy can estimate it from the request and the response. */
  | "metered"
  /** A request costs nothing. */
  | "free"
  /** The cost is unknown, or the work continues to cost money after the response. */
  | "unknown";

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);
/** Ends of paths at which a model responds, by the API references of the providers. */
const METERED = anyOf([
  // OpenAI and compatible servers, Azure and Anthropic.
  /\/(?:chat\/|fim\/|agents\/)?completions$/,
  /\/responses(?:\/compact)?$/,
  /\/messages$/,
  /\/embeddings$/,
  /\/images\/(?:generations|edits)$/,
  /\/audio\/(?:speech|transcriptions|translations)$/,
  /\/rerank$/,
  // Gemini, also under Vertex AI.
  /:(?:stream)?generatecontent$/,
  /:(?:batch)?embedcontents?$/,
  /:(?:stream)?rawpredict$/,
  // Bedrock.
  /\/model\/[^/]+\/(?:converse|converse-stream|invoke|invoke-with-response-stream)$/,
  // Cohere, and Ollama's native API.
  /\/v\d\/(?:chat|embed)$/,
  /\/api\/(?:chat|generate|embed)$/,
]);
/** Ends of paths that only count, check, store or cancel something. */
const FREE = anyOf([
  /\/(?:count_tokens|tokenize|detokenize|moderations|responses\/input_tokens)$/,
  /:(?:counttokens|computetokens)$/,
  /(?:^|\/v\d[a-z0-9]*|\/openai)\/(?:files|uploads|uploads\/[^/]+(?:\/(?:parts|complete))?)$/,
  /\/(?:responses|batches|jobs|runs|uploads)\/[^/]+\/cancel$/,
  /\/api\/show$/,
]);

/**
 * OpenAI's conversations only store items. Conversations of other providers, such as Mistral, run a model.
 */
const CONVERSATIONS = /(?:^|\/v\d[a-z0-9]*|\/openai)\/conversations(?:\/[^/]+(?:\/items)?)?$/;

/** Sessions of OpenAI's realtime API, the only WebSockets whose usage the proxy can read. */
const REALTIME = /\/realtime\/?$/i;

/** What is known of the cost of a request. `upgrade` means that the client requests a WebSocket. */
export function costOfRequest(
  request: { method: string; path: string; endpoint: ProviderOf; upgrade: boolean },
): PathCost {
  if (!request.upgrade) return costOfPath(request);
  return REALTIME.test(request.path) ? "metered" : "unknown";
}

/** What is known of the cost of a request that is not a WebSocket. */
export function costOfPath(
  { method, path, endpoint }: { method: string; path: string; endpoint: ProviderOf },
): PathCost {
  if (READING.has(method)) return "free";
  // Some servers ignore capitals and a slash at the end.
  const plain = withoutSlashes(path.toLowerCase());
  if (FREE.test(plain)) return "free";
  if (CONVERSATIONS.test(plain)) return isOpenAi(endpoint) ? "free" : "unknown";
  return METERED.test(plain) ? "metered" : "unknown";
}

/** One pattern for several, because each request is compared with all of them. */
function anyOf(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join("|"));
}

/** A path without the slashes at its end. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}
