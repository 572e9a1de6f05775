/**
 * The shapes of the providers' usage objects: the names of their amounts, and which amounts include others.
 */

import type { UsageKind } from "./usage.ts";

/** Gets the first of some numbers that the usage object has. */
export type Get = (
  name: string,
  second?: string,
  third?: string,
  fourth?: string,
  fifth?: string,
  sixth?: string,
) => number | undefined;
/** The amounts that a shape reads. Undefined amounts are not in the usage object. */
export type ReportedAmounts = { readonly [Kind in UsageKind]?: number | undefined };

/** The shape of a provider's usage object. */
export interface UsageShape {
  /** Names of numbers that only this shape has. */
  readonly ownNames: readonly string[];
  readonly read: (get: Get) => ReportedAmounts;
}

/**
 * The shapes in the order in which they are tried. The order matters: Anthropic and OpenAI's Responses both
 * have `input_tokens`. So a shape with names that only it has is tried first.
 */
export const USAGE_SHAPES: readonly UsageShape[] = [
  { ownNames: ["prompt_tokens", "completion_tokens"], read: openaiChat },
  { ownNames: ["cache_read_input_tokens", "cache_creation_input_tokens"], read: anthropic },
  {
    ownNames: ["promptTokenCount", "candidatesTokenCount", "responseTokenCount", "totalTokenCount"],
    read: gemini,
  },
  { ownNames: ["inputTokens", "outputTokens"], read: bedrockConverse },
  { ownNames: ["total_input_tokens", "total_output_tokens"], read: geminiInteractions },
  {
    ownNames: ["billed_units.input_tokens", "billed_units.output_tokens", "tokens.input_tokens"],
    read: cohere,
  },
  { ownNames: ["prompt_eval_count", "eval_count"], read: ollama },
  { ownNames: ["tokens_evaluated", "tokens_predicted"], read: llamaCpp },
  { ownNames: ["input_tokens", "output_tokens", "seconds"], read: openaiResponses },
  { ownNames: ["total_tokens"], read: totalAlone },
  // The last event of models on Bedrock that do not report usage in another shape.
  { ownNames: ["inputTokenCount", "outputTokenCount"], read: bedrockConverse },
];

/** OpenAI's chat completions, completions and embeddings, and compatible servers. */
function openaiChat(get: Get): ReportedAmounts {
  const cached = get(
    "prompt_tokens_details.cached_tokens",
    // The names of DeepSeek and Moonshot.
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "cached_prompt_text_tokens",
    // The name of LiteLLM.
    "cache_read_input_tokens",
  );
  const written = get(
    "prompt_tokens_details.cache_write_tokens",
    // The names of Qwen and LiteLLM.
    "prompt_tokens_details.cache_creation_input_tokens",
    "prompt_tokens_details.cache_creation_tokens",
    "cache_creation_input_tokens",
  );
  const reasoning = get("completion_tokens_details.reasoning_tokens");
  const audio = get("prompt_tokens_details.audio_tokens");
  const { inputTokens, outputTokens } = byTotal({
    // Only the total includes the input of Mistral's connectors and the audio that Mistral transcribed.
    input: sum(get("prompt_tokens"), get("connector_tokens")),
    output: get("completion_tokens"),
    total: get("total_tokens"),
    maybeMissing: [(cached ?? 0) + (written ?? 0), audio ?? 0],
    reasoning: reasoning ?? 0,
  });
  // Perplexity bills these in addition to its completion, and its total does not include them.
  const additional = get("citation_tokens") === undefined && get("num_search_queries") === undefined
    ? undefined
    : (get("reasoning_tokens") ?? 0) + (get("citation_tokens") ?? 0);
  return {
    inputTokens,
    outputTokens: additional === undefined ? outputTokens : (outputTokens ?? 0) + additional,
    cachedTokens: cached,
    cacheWriteTokens: written,
    cacheWriteHourTokens: get("prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens"),
    reasoningTokens: reasoning ?? get("reasoning_tokens"),
    citationTokens: get("citation_tokens"),
    inputAudioTokens: audio,
    outputAudioTokens: get("completion_tokens_details.audio_tokens"),
    inputImageTokens: get("prompt_tokens_details.image_tokens"),
    outputImageTokens: get("completion_tokens_details.image_tokens"),
    inputAudioSeconds: get("prompt_audio_seconds"),
  };
}

/**
 * Finds out by the total how a provider counts. The completions of xAI and Gemini do not include reasoning,
 * and the inputs of other providers do not include cached input. Without a total, reasoning counts as
 * separate from the output only if it exceeds the output.
 */
function byTotal(
  { input, output, total, maybeMissing, reasoning }: {
    input: number | undefined;
    output: number | undefined;
    total: number | undefined;
    /** Amounts of which `input` may lack one. */
    maybeMissing: readonly number[];
    reasoning: number;
  },
): Pick<ReportedAmounts, "inputTokens" | "outputTokens"> {
  if (input === undefined || output === undefined) return { inputTokens: input, outputTokens: output };
  const remainder = (total ?? 0) - input - output;
  if (remainder > 0) {
    const more = maybeMissing.find((amount) =>
      amount > 0 &&
      (remainder === amount && remainder !== reasoning ||
        amount > input && remainder === amount + reasoning)
    ) ?? 0;
    return { inputTokens: input + more, outputTokens: output + remainder - more };
  }
  return { inputTokens: input, outputTokens: reasoning > output ? output + reasoning : output };
}

/** The usage of OpenAI's responses, images, transcriptions and realtime sessions. */
function openaiResponses(get: Get): ReportedAmounts {
  // Transcriptions and realtime responses have names in the singular.
  const input = (name: string): number | undefined =>
    get(`input_tokens_details.${name}`, `input_token_details.${name}`);
  const output = (name: string): number | undefined =>
    get(`output_tokens_details.${name}`, `output_token_details.${name}`);
  const reasoning = output("reasoning_tokens") ?? output("thinking_tokens");
  const { inputTokens, outputTokens } = byTotal({
    input: get("input_tokens"),
    output: get("output_tokens"),
    total: get("total_tokens"),
    maybeMissing: [input("cached_tokens") ?? 0],
    reasoning: reasoning ?? 0,
  });
  return {
    inputTokens,
    outputTokens,
    // The second name is Perplexity's.
    cachedTokens: input("cached_tokens") ?? input("cache_read_input_tokens"),
    cacheWriteTokens: input("cache_write_tokens") ?? input("cache_creation_input_tokens"),
    reasoningTokens: reasoning,
    inputAudioTokens: input("audio_tokens"),
    outputAudioTokens: output("audio_tokens"),
    inputImageTokens: input("image_tokens"),
    outputImageTokens: output("image_tokens"),
    cachedAudioTokens: input("cached_tokens_details.audio_tokens"),
    cachedImageTokens: input("cached_tokens_details.image_tokens"),
    inputAudioSeconds: get("seconds"),
  };
}

/**
 * The usage of Anthropic's messages. The input does not include tokens that were read from or written to a
 * cache.
 */
function anthropic(get: Get): ReportedAmounts {
  const plain = get("input_tokens");
  const read = get("cache_read_input_tokens");
  const written = get("cache_creation_input_tokens");
  return {
    inputTokens: plain === undefined ? undefined : plain + (read ?? 0) + (written ?? 0),
    outputTokens: get("output_tokens"),
    cachedTokens: read,
    cacheWriteTokens: written,
    cacheWriteHourTokens: get("cache_creation.ephemeral_1h_input_tokens"),
    reasoningTokens: get("output_tokens_details.thinking_tokens"),
  };
}

/**
 * The usage of Gemini. The candidates do not include thoughts, and the prompt does not include the input of
 * tools.
 */
function gemini(get: Get): ReportedAmounts {
  const thoughts = get("thoughtsTokenCount");
  const candidates = get("candidatesTokenCount", "responseTokenCount");
  const prompt = get("promptTokenCount");
  const tools = get("toolUsePromptTokenCount") ?? 0;
  const total = get("totalTokenCount");
  const reported = candidates === undefined && thoughts === undefined
    ? undefined
    : (candidates ?? 0) + (thoughts ?? 0);
  // A response without output, such as one that a filter blocked, has only the prompt and the total.
  const unreported = prompt === undefined || total === undefined
    ? undefined
    : Math.max(0, total - prompt - tools - (reported ?? 0));
  const details = (side: string, ...modalities: readonly string[]): number | undefined => {
    const counts = modalities.map((modality) => get(`${side}.${modality}`)).filter((count) =>
      count !== undefined
    );
    return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count);
  };
  const input = (...modalities: readonly string[]): number | undefined =>
    sum(details("promptTokensDetails", ...modalities), details("toolUsePromptTokensDetails", ...modalities));
  const output = (modality: string): number | undefined =>
    details("candidatesTokensDetails", modality) ?? details("responseTokensDetails", modality);
  return {
    inputTokens: prompt === undefined ? undefined : prompt + tools,
    outputTokens: unreported === undefined ? reported : (reported ?? 0) + unreported,
    cachedTokens: get("cachedContentTokenCount"),
    reasoningTokens: thoughts,
    inputAudioTokens: input("AUDIO"),
    outputAudioTokens: output("AUDIO"),
    inputImageTokens: input("IMAGE", "DOCUMENT"),
    outputImageTokens: output("IMAGE"),
    inputVideoTokens: input("VIDEO"),
    cachedAudioTokens: details("cacheTokensDetails", "AUDIO"),
    cachedImageTokens: details("cacheTokensDetails", "IMAGE", "DOCUMENT"),
  };
}

/** The usage of Gemini's interactions (`Usage` in the interactions of `@google/genai`). */
function geminiInteractions(get: Get): ReportedAmounts {
  const by = (side: string, modality: string): number | undefined =>
    get(`${side}_tokens_by_modality.${modality}`);
  return {
    inputTokens: sum(get("total_input_tokens"), get("total_tool_use_tokens")),
    outputTokens: sum(get("total_output_tokens"), get("total_thought_tokens")),
    cachedTokens: get("total_cached_tokens"),
    reasoningTokens: get("total_thought_tokens"),
    inputAudioTokens: by("input", "AUDIO"),
    outputAudioTokens: by("output", "AUDIO"),
    inputImageTokens: by("input", "IMAGE"),
    outputImageTokens: by("output", "IMAGE"),
    inputVideoTokens: by("input", "VIDEO"),
  };
}

/** Bedrock's Converse (`TokenUsage` of `@aws-sdk/client-bedrock-runtime`), which counts like Anthropic. */
function bedrockConverse(get: Get): ReportedAmounts {
  const plain = get("inputTokens", "inputTokenCount");
  const read = get("cacheReadInputTokens", "cacheReadInputTokenCount");
  const written = get("cacheWriteInputTokens", "cacheWriteInputTokenCount");
  return {
    inputTokens: plain === undefined ? undefined : plain + (read ?? 0) + (written ?? 0),
    outputTokens: get("outputTokens", "outputTokenCount"),
    cachedTokens: read,
    cacheWriteTokens: written,
    cacheWriteHourTokens: get("cacheDetails.1H"),
  };
}

/** The usage of Cohere. The billed input does not include Cohere's own text around the prompt. */
function cohere(get: Get): ReportedAmounts {
  return {
    inputTokens: get("billed_units.input_tokens", "tokens.input_tokens"),
    outputTokens: get("billed_units.output_tokens", "tokens.output_tokens"),
    cachedTokens: get("cached_tokens"),
  };
}

function ollama(get: Get): ReportedAmounts {
  return { inputTokens: get("prompt_eval_count"), outputTokens: get("eval_count") };
}

/** The usage of llama.cpp's native API, `/completion`. */
function llamaCpp(get: Get): ReportedAmounts {
  return { inputTokens: get("tokens_evaluated"), outputTokens: get("tokens_predicted") };
}

/** The usage of Voyage and Jina. Embeddings and rankings have no output. */
function totalAlone(get: Get): ReportedAmounts {
  return { inputTokens: get("total_tokens") };
}

/** Work that is billed without a published price: Cohere's rankings, and tools of xAI and Mistral. */
const UNPRICED = [
  "billed_units.search_units",
  "server_side_tool_usage_details.x_search_calls",
  "server_side_tool_usage_details.code_interpreter_calls",
  "server_side_tool_usage_details.document_search_calls",
  "connectors.web_search_premium",
  "connectors.code_interpreter",
  "connectors.image_generation",
];

/** Returns the amounts that any provider may report in addition to its tokens. */
export function additionalAmounts(get: Get): ReportedAmounts {
  const stated = get("cost", "cost.total_cost");
  // xAI's ticks: 10^10 ticks are a dollar.
  const ticks = get("cost_in_usd_ticks");
  const upstream = get("cost_details.upstream_inference_cost");
  const isOwnKey = get("is_byok") === 1;
  return {
    webSearches: get(
      // The names of Anthropic, OpenRouter, Perplexity, xAI, Mistral and Gemini.
      "server_tool_use.web_search_requests",
      "server_tool_use_details.web_search_requests",
      "num_search_queries",
      "server_side_tool_usage_details.web_search_calls",
      "connectors.web_search",
      "grounding_tool_count.GOOGLE_SEARCH",
    ),
    unpricedUnits: UNPRICED.reduce<number | undefined>((total, name) => sum(total, get(name)), undefined),
    statedCostMicros: stated !== undefined
      ? (stated + (isOwnKey ? upstream ?? 0 : 0)) * 1e6
      : ticks === undefined
      ? undefined
      : ticks / 1e4,
  };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}
