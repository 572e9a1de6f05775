/** Which requests cost nothing, and which tell what they cost: a budget can hold for these alone. */

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
  /(?:^|\/v\d[a-z0-9]*|\/openai)\/conversations(?:\/[^/]+(?:\/items)?)?$/,
  /\/(?:responses|batches|jobs|runs|uploads)\/[^/]+\/cancel$/,
  /\/api\/show$/,
];

/** What is known of the cost of a request that opens no WebSocket. */
export function costOfPath({ method, path }: { method: string; path: string }): PathCost {
  if (READING.has(method)) return "free";
  // Some servers take capitals and a slash at the end for the same path.
  const plain = withoutSlashes(path.toLowerCase());
  if (FREE.some((end) => end.test(plain))) return "free";
  return METERED.some((end) => end.test(plain)) ? "metered" : "unknown";
}

/** A path without the slashes at its end. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}
