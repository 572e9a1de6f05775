/** The cost of usage by flat prices: each kind of token, of audio and of search has one price. */

import type { Price } from "../../config/config.ts";
import { SOUND_TOKENS_PER_SECOND } from "../estimates/input_usage.ts";
import type { Usage } from "../usage/usage.ts";

/**
 * Returns the cost by flat prices, in micro-dollars. A price in dollars per million tokens is the same number
 * of micro-dollars per token. A price in dollars per thousand searches is a thousand times that number of
 * micro-dollars per search.
 */
export function flatCost(usage: Usage, price: Price): number {
  const { webSearches = 0, fileSearches = 0 } = usage;
  return inputCost(usage, price) + outputCost(usage, price) + audioCost(usage, price) +
    (webSearches * (price.webSearches ?? 0) + fileSearches * (price.fileSearches ?? 0)) * 1_000;
}

function inputCost(usage: Usage, price: Price): number {
  const { input, cached = input, cacheWrite = input } = price;
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0, cacheWriteHourTokens = 0 } = usage;
  const { cachedAudioTokens = 0, cachedImageTokens = 0 } = usage;
  // Cached audio and cached images are part of both amounts.
  return new Divided(Math.max(0, inputTokens - cachedTokens - cacheWriteTokens))
    .part((usage.inputAudioTokens ?? 0) - cachedAudioTokens, price.inputAudio)
    .part((usage.inputImageTokens ?? 0) - cachedImageTokens, price.inputImage)
    .part(usage.inputVideoTokens, price.inputVideo)
    .rest(input) +
    new Divided(cachedTokens)
      .part(cachedAudioTokens, price.cachedAudio)
      .part(cachedImageTokens, price.cachedImage)
      .rest(cached) +
    new Divided(cacheWriteTokens)
      .part(cacheWriteHourTokens, price.cacheWriteHour)
      .rest(cacheWrite);
}

function outputCost(usage: Usage, { output, outputAudio, outputImage, reasoning, citation }: Price): number {
  return new Divided(usage.outputTokens ?? 0)
    .part(usage.outputAudioTokens, outputAudio)
    .part(usage.outputImageTokens, outputImage)
    .part(usage.reasoningTokens, reasoning)
    .part(usage.citationTokens, citation)
    .rest(output);
}

/** Returns the cost of audio whose length is reported, and not its tokens. */
function audioCost(
  { inputAudioSeconds = 0, inputTokens }: Usage,
  { input, inputAudio = input, audioHour }: Price,
): number {
  if (audioHour !== undefined) return inputAudioSeconds / 3_600 * audioHour * 1_000_000;
  return inputTokens === undefined ? inputAudioSeconds * SOUND_TOKENS_PER_SECOND * inputAudio : 0;
}

/**
 * The cost of an amount whose parts may have separate prices. A part never exceeds the amount that earlier
 * parts have left.
 */
class Divided {
  #left: number;
  #cost = 0;

  constructor(whole: number) {
    this.#left = whole;
  }

  /** Adds the cost of a part. If the part has no price, it stays in the rest. */
  part(tokens: number | undefined, price: number | undefined): this {
    if (price === undefined || tokens === undefined) return this;
    const part = Math.max(0, Math.min(tokens, this.#left));
    this.#left -= part;
    this.#cost += part * price;
    return this;
  }

  /** Returns the cost of all parts, plus the cost of the rest at `price`. */
  rest(price: number): number {
    return this.#cost + this.#left * price;
  }
}
