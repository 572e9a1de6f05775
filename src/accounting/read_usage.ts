/** Reads the usage objects of providers, and checks their numbers. */

import { definedUsage, type Usage, type UsageDraft, type UsageKind } from "./usage.ts";
import { additionalAmounts, type Get, USAGE_SHAPES } from "./usage_shapes.ts";

/** What a usage object says, and where its numbers contradict each other: what goes beyond the whole is left out. */
export interface ReadUsage {
  readonly usage: Usage;
  /** In words for people, like `more cachedTokens than inputTokens`. */
  readonly contradictions: readonly string[];
}

/** Reads the numbers of a usage object by their paths. */
export function readUsage(numbers: ReadonlyMap<string, number>): ReadUsage {
  const get: Get = (...names) => {
    for (const name of names) {
      const number = numbers.get(name);
      if (number !== undefined) return number;
    }
    return undefined;
  };
  const shape = USAGE_SHAPES.find(({ ownNames }) => ownNames.some((name) => numbers.has(name)));
  const draft = { ...shape?.read(get), ...additionalAmounts(get) };
  const { usage, contradictions } = withinBounds(definedUsage(draft));
  return {
    usage,
    contradictions: isTotalTooSmall(get)
      ? [...contradictions, "a total that is less than its parts"]
      : contradictions,
  };
}

/** The total is that of the input and the output, at least. */
function isTotalTooSmall(get: Get): boolean {
  const total = get("total_tokens", "totalTokenCount", "totalTokens");
  const input = get("prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens");
  const output = get("completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens");
  return total !== undefined && total > 0 && total < (input ?? 0) + (output ?? 0);
}

/** No part is greater than the whole: what goes beyond it is left out. */
const PARTS: readonly (readonly [part: UsageKind, whole: UsageKind])[] = [
  ["cachedTokens", "inputTokens"],
  ["inputAudioTokens", "inputTokens"],
  ["inputImageTokens", "inputTokens"],
  ["inputVideoTokens", "inputTokens"],
  ["cachedAudioTokens", "cachedTokens"],
  ["cachedImageTokens", "cachedTokens"],
  ["reasoningTokens", "outputTokens"],
  ["citationTokens", "outputTokens"],
  ["outputAudioTokens", "outputTokens"],
  ["outputImageTokens", "outputTokens"],
  ["cacheWriteHourTokens", "cacheWriteTokens"],
];

function withinBounds(usage: Usage): ReadUsage {
  const bounded: UsageDraft = { ...usage };
  const contradictions: string[] = [];
  const bound = (part: UsageKind, whole: UsageKind, most = bounded[whole] ?? Infinity): void => {
    if ((bounded[part] ?? 0) <= most) return;
    bounded[part] = most;
    contradictions.push(`more ${part} than ${whole}`);
  };
  bound("cachedTokens", "inputTokens");
  bound("cacheWriteTokens", "inputTokens", (bounded.inputTokens ?? Infinity) - (bounded.cachedTokens ?? 0));
  for (const [part, whole] of PARTS) bound(part, whole);
  return { usage: bounded, contradictions };
}
