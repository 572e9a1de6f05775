/** The cost of usage by a published price. */

import type { Price } from "../../config/config.ts";
import { flatCost } from "./flat_cost.ts";
import { SOUND_TOKENS_PER_SECOND } from "../estimates/input_usage.ts";
import type { Usage, UsageKind } from "../usage/usage.ts";

/** The published price of one model. */
export interface PublishedPrice {
  /** The prices in US dollars per million tokens, if each is constant. `undefined` if they vary. */
  readonly flat: Price | undefined;
  /** The maximum input in tokens. `undefined` if it is unknown. */
  readonly contextTokens: number | undefined;
  /** Computes a cost in US dollars. Throws an error for impossible usage. */
  readonly cost: (usage: Readonly<Record<string, number>>, at: Date) => number | undefined;
  /** Whether searches have a price. */
  readonly pricesSearches: boolean;
  /**
   * Whether tokens have a price, or nothing of the model costs anything. `false` for models that are priced
   * by the hour.
   */
  readonly pricesTokens: boolean;
  /** Whether the model is free because its name begins with that of a free family of models. */
  readonly isFreeFamily: boolean;
  /** The kinds of tokens that have a separate price. */
  readonly kinds: ReadonlySet<UsageKind>;
}

/** Returns the cost by a published price, in micro-dollars. `undefined` if the library cannot compute it. */
export function publishedCost(usage: Usage, price: PublishedPrice, epochMs: number): number | undefined {
  // Most usage and most prices are simple, so the cost is a multiplication.
  if (price.flat !== undefined && isPlain(usage, price.flat)) return flatCost(usage, price.flat);
  const at = new Date(epochMs);
  const micros = libraryCost(libraryUsage(usage), price, at);
  if (micros === 0 && usage.inputAudioSeconds !== undefined) {
    // The response reported seconds, but the model has a price per token.
    const tokens = Math.ceil(usage.inputAudioSeconds * SOUND_TOKENS_PER_SECOND);
    return libraryCost({ input_tokens: tokens, input_audio_tokens: tokens }, price, at);
  }
  // The library throws errors for parts that exceed their whole, and for unexpected kinds. Parts may overlap:
  // cached audio is priced as audio. If the library also rejects the parts without overlap, only input and
  // output are priced.
  return micros ?? libraryCost(libraryUsage(withoutOverlap(usage)), price, at) ?? libraryCost(
    { input_tokens: usage.inputTokens ?? 0, output_tokens: usage.outputTokens ?? 0 },
    price,
    at,
  );
}

/**
 * Returns the usage without overlap: cached input is limited to the input that is not audio, image or video.
 */
function withoutOverlap(usage: Usage): Usage {
  const { inputTokens = 0, inputAudioTokens = 0, inputImageTokens = 0, inputVideoTokens = 0 } = usage;
  const plain = Math.max(0, inputTokens - inputAudioTokens - inputImageTokens - inputVideoTokens);
  const cachedTokens = Math.min(usage.cachedTokens ?? 0, plain);
  return {
    ...usage,
    cachedTokens,
    cacheWriteTokens: Math.min(usage.cacheWriteTokens ?? 0, plain - cachedTokens),
    cacheWriteHourTokens: 0,
    cachedAudioTokens: 0,
    cachedImageTokens: 0,
  };
}

/** Returns the cost that the library computes, in micro-dollars. `undefined` if it cannot compute it. */
function libraryCost(
  usage: Readonly<Record<string, number>>,
  price: PublishedPrice,
  at: Date,
): number | undefined {
  try {
    const dollars = price.cost(usage, at);
    return dollars === undefined || !Number.isFinite(dollars) ? undefined : dollars * 1_000_000;
  } catch {
    return undefined;
  }
}

/** Whether the usage has only input, output and cached input, and the price has a price for each of them. */
function isPlain(usage: Usage, price: Price): boolean {
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0 } = usage;
  if (cachedTokens > 0 && price.cached === undefined) return false;
  if (cacheWriteTokens > 0 && price.cacheWrite === undefined) return false;
  return !usage.cacheWriteHourTokens && !usage.inputAudioTokens && !usage.outputAudioTokens &&
    !usage.inputImageTokens && !usage.outputImageTokens && !usage.inputAudioSeconds &&
    !usage.reasoningTokens && !usage.citationTokens && !usage.inputVideoTokens && !usage.cachedAudioTokens &&
    !usage.cachedImageTokens && !usage.webSearches && !usage.fileSearches &&
    cachedTokens + cacheWriteTokens <= inputTokens;
}

/**
 * Returns the usage with the names of `@pydantic/genai-prices`. Its input includes cached input, as it does
 * here.
 */
function libraryUsage(usage: Usage): Record<string, number> {
  const names = {
    input_tokens: usage.inputTokens ?? 0,
    output_tokens: usage.outputTokens ?? 0,
    cache_read_tokens: usage.cachedTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    cache_write_1h_tokens: usage.cacheWriteHourTokens,
    input_audio_tokens: usage.inputAudioTokens,
    output_audio_tokens: usage.outputAudioTokens,
    input_image_tokens: usage.inputImageTokens,
    output_image_tokens: usage.outputImageTokens,
    output_reasoning_tokens: usage.reasoningTokens,
    output_citation_tokens: usage.citationTokens,
    input_video_tokens: usage.inputVideoTokens,
    cache_audio_read_tokens: usage.cachedAudioTokens,
    cache_image_read_tokens: usage.cachedImageTokens,
    // The library needs the whole amount in addition to this part.
    audio_seconds: usage.inputAudioSeconds,
    input_audio_seconds: usage.inputAudioSeconds,
    web_searches: usage.webSearches,
    storage_searches: usage.fileSearches,
  };
  const given: Record<string, number> = {};
  for (const [name, value] of Object.entries(names)) {
    // The library needs an explicit zero for cached audio and images.
    if (value !== undefined && (value > 0 || /^cache_(?:audio|image)/.test(name))) given[name] = value;
  }
  return given;
}
