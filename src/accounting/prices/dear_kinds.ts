/** Computes the highest cost of usage whose kinds of tokens are not known in advance. */

import type { Price } from "../../config/config.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { Usage, UsageKind } from "../usage/usage.ts";

/** Kinds of tokens that may have a separate price, by the names of the library's prices. */
const PUBLISHED_KINDS: readonly (readonly [name: string, kind: UsageKind])[] = [
  ["cache_write_mtok", "cacheWriteTokens"],
  ["cache_write_1h_mtok", "cacheWriteHourTokens"],
  ["input_audio_mtok", "inputAudioTokens"],
  ["input_image_mtok", "inputImageTokens"],
  ["input_video_mtok", "inputVideoTokens"],
  ["output_audio_mtok", "outputAudioTokens"],
  ["output_image_mtok", "outputImageTokens"],
];
/** The same kinds by the names of prices in the configuration. */
const OWN_KINDS: readonly (readonly [name: keyof Price, kind: UsageKind])[] = [
  ["cacheWrite", "cacheWriteTokens"],
  ["cacheWriteHour", "cacheWriteHourTokens"],
  ["inputAudio", "inputAudioTokens"],
  ["inputImage", "inputImageTokens"],
  ["inputVideo", "inputVideoTokens"],
  ["outputAudio", "outputAudioTokens"],
  ["outputImage", "outputImageTokens"],
];

/** Returns the kinds of tokens that have a separate published price. */
export function publishedKinds(names: ReadonlySet<string>): ReadonlySet<UsageKind> {
  return new Set(PUBLISHED_KINDS.flatMap(([name, kind]) => names.has(name) ? [kind] : []));
}

/** Returns the kinds of tokens that have a separate price in the configuration. */
export function ownKinds(price: Price): ReadonlySet<UsageKind> {
  return new Set(OWN_KINDS.flatMap(([name, kind]) => price[name] === undefined ? [] : [kind]));
}

/** Anthropic writes to its cache only the input that a request marks. Other providers may write any input. */
const CACHES_MARKED_INPUT = /claude/i;

/**
 * Returns the highest cost of usage, in micro-dollars. Its input and its output may be of any kind that the
 * request can produce and that has a price for the model. `costOf` returns the cost of usage in
 * micro-dollars.
 */
export function highestCost(
  usage: Usage,
  { kinds, model, facts, readsImages = false, costOf }: {
    readonly kinds: ReadonlySet<UsageKind>;
    readonly model: string;
    readonly facts: Pick<RequestFacts, "cacheWrites" | "refersElsewhere">;
    /** Whether the body has images. */
    readonly readsImages?: boolean;
    readonly costOf: (usage: Usage) => number;
  },
): number {
  const { inputTokens = 0, outputTokens = 0 } = usage;
  const base = costOf(usage);
  // Most models have one price for input and one for output.
  if (kinds.size === 0) return base;
  const writes = facts.cacheWrites !== undefined || !CACHES_MARKED_INPUT.test(model);
  const inputs: readonly (readonly [UsageKind, boolean, Usage])[] = [
    ["cacheWriteTokens", writes, { cacheWriteTokens: inputTokens }],
    ["cacheWriteHourTokens", facts.cacheWrites === "hour", {
      cacheWriteTokens: inputTokens,
      cacheWriteHourTokens: inputTokens,
    }],
    // Sound and video in the body count as content that is not in the body.
    ["inputAudioTokens", facts.refersElsewhere === true, { inputAudioTokens: inputTokens }],
    ["inputImageTokens", facts.refersElsewhere === true || readsImages, { inputImageTokens: inputTokens }],
    ["inputVideoTokens", facts.refersElsewhere === true, { inputVideoTokens: inputTokens }],
  ];
  const outputs: readonly (readonly [UsageKind, boolean, Usage])[] = [
    ["outputAudioTokens", true, { outputAudioTokens: outputTokens }],
    ["outputImageTokens", true, { outputImageTokens: outputTokens }],
  ];
  const more = (cases: typeof inputs): number =>
    Math.max(
      0,
      ...cases.filter(([kind, isPossible]) => isPossible && kinds.has(kind))
        .map(([, , own]) => costOf({ ...usage, ...own }) - base),
    );
  return base + more(inputs) + more(outputs);
}
