/** The usage of an exchange, in the same form for all providers. */

/** The amounts that an exchange used. Absent amounts are unknown, not zero. */
export interface Usage {
  /** All input tokens, cached or not. */
  readonly inputTokens?: number;
  /** All output tokens, reasoning included. */
  readonly outputTokens?: number;
  /** The part of the input that was read from a cache. */
  readonly cachedTokens?: number;
  /** The part of the input that was written to a cache. */
  readonly cacheWriteTokens?: number;
  /** The part of {@link cacheWriteTokens} that is cached for an hour. It has a separate price. */
  readonly cacheWriteHourTokens?: number;
  readonly reasoningTokens?: number;
  /** The part of the output that quotes search results (Perplexity). */
  readonly citationTokens?: number;
  readonly inputAudioTokens?: number;
  readonly outputAudioTokens?: number;
  readonly inputImageTokens?: number;
  readonly outputImageTokens?: number;
  readonly inputVideoTokens?: number;
  /** The part of {@link cachedTokens} that is audio. */
  readonly cachedAudioTokens?: number;
  /** The part of {@link cachedTokens} that is images. */
  readonly cachedImageTokens?: number;
  /** The length of speech in seconds, for models that price it by its duration. */
  readonly inputAudioSeconds?: number;
  /** Web searches of the provider's tools. */
  readonly webSearches?: number;
  /** Searches in files that the provider stores. */
  readonly fileSearches?: number;
  /** Work that is billed without a published price: code execution, search units, grounding. */
  readonly unpricedUnits?: number;
  /** The cost that the provider states, in millionths of a US dollar. */
  readonly statedCostMicros?: number;
}

/** The name of an amount in {@link Usage}. */
export type UsageKind = keyof Usage;

/** Usage whose amounts can be set. */
export type UsageDraft = { -readonly [Kind in keyof Usage]: Usage[Kind] };

/** The sum of two usages. An amount that is unknown in both stays unknown. */
export function sumOf(one: Usage, other: Usage): Usage {
  const total: UsageDraft = { ...one };
  let kind: UsageKind;
  for (kind in other) total[kind] = (one[kind] ?? 0) + (other[kind] ?? 0);
  return total;
}
