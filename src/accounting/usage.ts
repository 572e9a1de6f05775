/** How much of what an exchange used, out of the shapes in which providers say it. */

/** Tokens by kind. What the provider did not say is absent: it is unknown, not zero. */
export interface Usage {
  /** All of the input, cached or not. */
  readonly inputTokens?: number;
  /** All of the output, reasoning included. */
  readonly outputTokens?: number;
  /** Input that was read from a cache. */
  readonly cachedTokens?: number;
  /** Input that was written to a cache. */
  readonly cacheWriteTokens?: number;
  /** The part of that which is kept for an hour, at a price of its own. */
  readonly cacheWriteHourTokens?: number;
  readonly reasoningTokens?: number;
  readonly inputAudioTokens?: number;
  readonly outputAudioTokens?: number;
  readonly inputImageTokens?: number;
  readonly outputImageTokens?: number;
  /** Speech that is priced by its length. */
  readonly inputAudioSeconds?: number;
}

/** The numbers of a provider's usage object by their paths, like `prompt_tokens_details.cached_tokens`. */
export type RawUsage = Map<string, number>;

/** The nesting of usage objects is two deep; more is nothing that is known. */
const MAX_DEPTH = 3;
const MAX_NUMBERS = 64;
const MAX_COUNT = 1e9;

/**
 * Adds a provider's usage object to what came before. Streams tell it several times, each time more of it: the
 * greatest of each number is the last word.
 */
export function addRawUsage(raw: RawUsage, value: unknown, prefix = "", depth = 1): void {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  const members: Record<string, unknown> = { ...value };
  for (const key in members) {
    const inner = members[key];
    const path = prefix + key;
    if (typeof inner === "number") {
      // What is below zero, beyond all sense or no number of tokens is no usage.
      const isSensible = inner >= 0 && inner <= MAX_COUNT && (Number.isInteger(inner) || key === "seconds");
      if (isSensible && (raw.has(path) || raw.size < MAX_NUMBERS)) {
        raw.set(path, Math.max(raw.get(path) ?? 0, inner));
      }
    } else if (Array.isArray(inner)) addModalities(raw, inner, path);
    else addRawUsage(raw, inner, `${path}.`, depth + 1);
  }
}

/** Gemini's details: `[{"modality":"AUDIO","tokenCount":5}]`. */
function addModalities(raw: RawUsage, details: readonly unknown[], path: string): void {
  for (const detail of details.slice(0, MAX_NUMBERS)) {
    if (typeof detail !== "object" || detail === null) continue;
    const { modality, tokenCount }: { modality?: unknown; tokenCount?: unknown } = detail;
    if (typeof modality === "string") addRawUsage(raw, { [modality]: tokenCount }, `${path}.`);
  }
}

/** Tells the dialects apart by their names and gives what they have in common. */
export function usageOf(raw: RawUsage): Usage {
  if (raw.size === 0) return {};
  const read = SHAPES.find(({ sign }) => sign.some((name) => raw.has(name)))?.read ?? openaiResponses;
  return defined(
    read((name, otherName) => raw.get(name) ?? (otherName === undefined ? undefined : raw.get(otherName))),
  );
}

type Get = (name: string, otherName?: string) => number | undefined;
type Draft = { readonly [Kind in keyof Usage]: number | undefined };
const KINDS = [
  "inputTokens",
  "outputTokens",
  "cachedTokens",
  "cacheWriteTokens",
  "cacheWriteHourTokens",
  "reasoningTokens",
  "inputAudioTokens",
  "outputAudioTokens",
  "inputImageTokens",
  "outputImageTokens",
  "inputAudioSeconds",
] as const satisfies readonly (keyof Usage)[];

/** By what only one of them has. OpenAI's newer shape is the rest: it shares its plain names with Anthropic's. */
const SHAPES: readonly { readonly sign: readonly string[]; readonly read: (get: Get) => Draft }[] = [
  { sign: ["prompt_tokens", "completion_tokens"], read: openaiChat },
  { sign: ["cache_read_input_tokens", "cache_creation_input_tokens"], read: anthropic },
  { sign: ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"], read: gemini },
];

/** Chat completions, completions, embeddings, and all who imitate them. */
function openaiChat(get: Get): Draft {
  return {
    inputTokens: get("prompt_tokens"),
    outputTokens: get("completion_tokens"),
    // The second name is DeepSeek's.
    cachedTokens: get("prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens"),
    // OpenRouter's.
    cacheWriteTokens: get("prompt_tokens_details.cache_write_tokens"),
    reasoningTokens: get("completion_tokens_details.reasoning_tokens"),
    inputAudioTokens: get("prompt_tokens_details.audio_tokens"),
    outputAudioTokens: get("completion_tokens_details.audio_tokens"),
    inputImageTokens: get("prompt_tokens_details.image_tokens"),
    outputImageTokens: get("completion_tokens_details.image_tokens"),
  };
}

/** Responses, images, transcriptions. */
function openaiResponses(get: Get): Draft {
  return {
    inputTokens: get("input_tokens"),
    outputTokens: get("output_tokens"),
    // Transcriptions and realtime answers say it in the singular.
    cachedTokens: get("input_tokens_details.cached_tokens", "input_token_details.cached_tokens"),
    reasoningTokens: get("output_tokens_details.reasoning_tokens"),
    inputAudioTokens: get("input_token_details.audio_tokens", "input_tokens_details.audio_tokens"),
    outputAudioTokens: get("output_tokens_details.audio_tokens", "output_token_details.audio_tokens"),
    inputImageTokens: get("input_tokens_details.image_tokens", "input_token_details.image_tokens"),
    outputImageTokens: get("output_tokens_details.image_tokens"),
    inputAudioSeconds: get("seconds"),
  };
}

/** Its input does not count what was read from or written to a cache. */
function anthropic(get: Get): Draft {
  const plain = get("input_tokens");
  const read = get("cache_read_input_tokens");
  const written = get("cache_creation_input_tokens");
  return {
    inputTokens: plain === undefined ? undefined : plain + (read ?? 0) + (written ?? 0),
    outputTokens: get("output_tokens"),
    cachedTokens: read,
    cacheWriteTokens: written,
    cacheWriteHourTokens: get("cache_creation.ephemeral_1h_input_tokens"),
  };
}

/** Its candidates do not count thoughts, nor its prompt what tools brought in. */
function gemini(get: Get): Draft {
  const thoughts = get("thoughtsTokenCount");
  const output = get("candidatesTokenCount") ?? get("responseTokenCount");
  const prompt = get("promptTokenCount");
  return {
    inputTokens: prompt === undefined ? undefined : prompt + (get("toolUsePromptTokenCount") ?? 0),
    outputTokens: output === undefined && thoughts === undefined
      ? undefined
      : (output ?? 0) + (thoughts ?? 0),
    cachedTokens: get("cachedContentTokenCount"),
    reasoningTokens: thoughts,
    inputAudioTokens: get("promptTokensDetails.AUDIO"),
    outputAudioTokens: get("candidatesTokensDetails.AUDIO"),
    inputImageTokens: get("promptTokensDetails.IMAGE"),
    outputImageTokens: get("candidatesTokensDetails.IMAGE"),
  };
}

/** What both say together; what neither says stays unknown. */
export function sumOf(one: Usage, other: Usage): Usage {
  const total: { -readonly [Kind in keyof Usage]: Usage[Kind] } = { ...one };
  let kind: keyof Usage;
  for (kind in other) total[kind] = (one[kind] ?? 0) + (other[kind] ?? 0);
  return total;
}

function defined(draft: Draft): Usage {
  const usage: { -readonly [Kind in keyof Usage]: Usage[Kind] } = {};
  for (const kind of KINDS) {
    const count = draft[kind];
    if (count !== undefined) usage[kind] = count;
  }
  return usage;
}
