/** Reads the usage objects of providers, and checks their numbers. */

import { definedUsage, type Usage, type UsageDraft, type UsageKind } from "./usage.ts";
import { additionalAmounts, type Get, USAGE_SHAPES } from "./usage_shapes.ts";

/**
 * The usage in a usage object, and the contradictions between its numbers. Parts are limited to their whole.
 */
export interface ReadUsage {
  readonly usage: Usage;
  /** Texts for a log, such as `more cachedTokens than inputTokens`. */
  readonly contradictions: readonly string[];
}

/** Reads a usage object from its numbers, by their paths. */
export function readUsage(numbers: ReadonlyMap<string, number>): ReadUsage {
  // Most calls have one name.
  const get: Get = (name, ...others) => {
    const first = numbers.get(name);
    if (first !== undefined || others.length === 0) return first;
    for (const other of others) {
      const number = numbers.get(other);
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

/** Whether the total is less than the sum of input and output. */
function isTotalTooSmall(get: Get): boolean {
  const total = get("total_tokens", "totalTokenCount", "totalTokens");
  const input = get("prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens");
  const output = get("completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens");
  return total !== undefined && total > 0 && total < (input ?? 0) + (output ?? 0);
}

/** Amounts and the amounts that include them. A part is limited to its whole. */
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
