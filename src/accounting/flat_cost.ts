/** The cost of usage by flat prices: each kind of token, of audio and of search has one price. */

import type { Price } from "../config/config.ts";
import type { Usage } from "./usage.ts";

/** A token of audio is a tenth of a second (https://platform.openai.com/docs/guides/realtime-costs). */
export const AUDIO_TOKENS_PER_SECOND = 10;

/**
 * The cost by flat prices, in micro-dollars. Dollars per million tokens are micro-dollars per token. Dollars
 * per thousand searches are a thousand micro-dollars per search.
 */
export function flatCost(usage: Usage, price: Price): number {
  const { webSearches = 0, fileSearches = 0 } = usage;
  return inputCost(usage, price) + outputCost(usage, price) + audioCost(usage, price) +
    (webSearches * (price.webSearches ?? 0) + fileSearches * (price.fileSearches ?? 0)) * 1_000;
}

function inputCost(usage: Usage, { input, ...price }: Price): number {
  const { cached = input, cacheWrite = input } = price;
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0, cacheWriteHourTokens = 0 } = usage;
  const { cachedAudioTokens = 0, cachedImageTokens = 0 } = usage;
  // Cached audio and cached images are included in both amounts.
  return parts(Math.max(0, inputTokens - cachedTokens - cacheWriteTokens), input, [
    [(usage.inputAudioTokens ?? 0) - cachedAudioTokens, price.inputAudio],
    [(usage.inputImageTokens ?? 0) - cachedImageTokens, price.inputImage],
    [usage.inputVideoTokens ?? 0, price.inputVideo],
  ]) + parts(cachedTokens, cached, [
    [cachedAudioTokens, price.cachedAudio],
    [cachedImageTokens, price.cachedImage],
  ]) + parts(cacheWriteTokens, cacheWrite, [[cacheWriteHourTokens, price.cacheWriteHour]]);
}

function outputCost(usage: Usage, { output, outputAudio, outputImage, reasoning, citation }: Price): number {
  return parts(usage.outputTokens ?? 0, output, [
    [usage.outputAudioTokens ?? 0, outputAudio],
    [usage.outputImageTokens ?? 0, outputImage],
    [usage.reasoningTokens ?? 0, reasoning],
    [usage.citationTokens ?? 0, citation],
  ]);
}

/** The cost of audio whose length is reported instead of tokens. */
function audioCost(
  { inputAudioSeconds = 0, inputTokens }: Usage,
  { input, inputAudio = input, audioHour }: Price,
): number {
  if (audioHour !== undefined) return inputAudioSeconds / 3_600 * audioHour * 1_000_000;
  return inputTokens === undefined ? inputAudioSeconds * AUDIO_TOKENS_PER_SECOND * inputAudio : 0;
}

/**
 * The cost of an amount whose parts may have separate prices. No part exceeds what the earlier parts leave.
 */
function parts(
  whole: number,
  price: number,
  kinds: readonly (readonly [tokens: number, price: number | undefined])[],
): number {
  let left = whole;
  let cost = 0;
  for (const [tokens, own] of kinds) {
    if (own === undefined) continue;
    const part = Math.max(0, Math.min(tokens, left));
    left -= part;
    cost += part * own;
  }
  return cost + left * price;
}
