/** Which requests cost nothing, and which tell what they cost: a budget can hold for these alone. */

import { isOpenAi, type ProviderOf } from "./providers.ts";

/** What a request at a path costs. */
export type PathCost =
  /** The answer tells it, or it can be estimated from what is asked and answered. */
  | "metered"
  | "free"
  /** Nobody knows, or what is begun goes on costing after its answer. */
  | "unknown";

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);
/** Ends of paths where a model answers, by the providers' references. */
const METERED = [
  // OpenAI and who imitates it, Azure and Anthropic.
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
  // Cohere, and Ollama's own.
  /\/v\d\/(?:chat|embed)$/,
  /\/api\/(?:chat|generate|embed)$/,
];
/** What only counts, checks, keeps or stops something. */
const FREE = [
  /\/(?:count_tokens|tokenize|detokenize|moderations|responses\/input_tokens)$/,
  /:(?:counttokens|computetokens)$/,
  /(?:^|\/v\d[a-z0-9]*|\/openai)\/(?:files|uploads|uploads\/[^/]+(?:\/(?:parts|complete))?)$/,
  /\/(?:responses|batches|jobs|runs|uploads)\/[^/]+\/cancel$/,
  /\/api\/show$/,
];

/** OpenAI's conversations keep items. Other providers' conversations run a model (Mistral's do). */
const CONVERSATIONS = /(?:^|\/v\d[a-z0-9]*|\/openai)\/conversations(?:\/[^/]+(?:\/items)?)?$/;

/** What is known of the cost of a request that opens no WebSocket. */
export function costOfPath(
  { method, path, endpoint }: { method: string; path: string; endpoint: ProviderOf },
): PathCost {
  if (READING.has(method)) return "free";
  // Some servers take capitals and a slash at the end for the same path.
  const plain = withoutSlashes(path.toLowerCase());
  if (FREE.some((end) => end.test(plain))) return "free";
  if (CONVERSATIONS.test(plain)) return isOpenAi(endpoint) ? "free" : "unknown";
  return METERED.some((end) => end.test(plain)) ? "metered" : "unknown";
}

/** A path without the slashes at its end. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}
