/** How much of what an exchange used, whichever provider says it. */

/** Amounts by kind. What the provider did not say is absent: it is unknown, not zero. */
export interface Usage {
  /** All of the input in tokens, cached or not. */
  readonly inputTokens?: number;
  /** All of the output in tokens, reasoning included. */
  readonly outputTokens?: number;
  /** Input that was read from a cache. */
  readonly cachedTokens?: number;
  /** Input that was written to a cache. */
  readonly cacheWriteTokens?: number;
  /** The part of that which is kept for an hour, at its own price. */
  readonly cacheWriteHourTokens?: number;
  readonly reasoningTokens?: number;
  /** Output that quotes what a search found (Perplexity). */
  readonly citationTokens?: number;
  readonly inputAudioTokens?: number;
  readonly outputAudioTokens?: number;
  readonly inputImageTokens?: number;
  readonly outputImageTokens?: number;
  readonly inputVideoTokens?: number;
  /** The parts of {@link cachedTokens} that are sound and images. */
  readonly cachedAudioTokens?: number;
  readonly cachedImageTokens?: number;
  /** Speech that is priced by its length. */
  readonly inputAudioSeconds?: number;
  /** Searches of the web that the provider's tools made. */
  readonly webSearches?: number;
  /** Searches in files that the provider keeps. */
  readonly fileSearches?: number;
  /** Work that costs money and has no published price here: code execution, search units, grounding. */
  readonly unpricedUnits?: number;
  /** What the provider itself says that the answer costs, in millionths of a US dollar. */
  readonly statedCostMicros?: number;
}

/** A name of an amount. */
export type UsageKind = keyof Usage;

/** Usage that is being put together. */
export type UsageDraft = { -readonly [Kind in keyof Usage]: Usage[Kind] };

/** What both say together; what neither says stays unknown. */
export function sumOf(one: Usage, other: Usage): Usage {
  const total: UsageDraft = { ...one };
  let kind: UsageKind;
  for (kind in other) total[kind] = (one[kind] ?? 0) + (other[kind] ?? 0);
  return total;
}

/** Usage without the kinds that are undefined. */
export function definedUsage(draft: { readonly [Kind in keyof Usage]?: number | undefined }): Usage {
  const usage: UsageDraft = {};
  let kind: UsageKind;
  for (kind in draft) {
    const amount = draft[kind];
    if (amount !== undefined) usage[kind] = amount;
  }
  return usage;
}
