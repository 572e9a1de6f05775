/** Reads the usage objects of providers, and checks their numbers. */

import type { Usage, UsageDraft, UsageKind } from "./usage.ts";
import {
  additionalAmounts,
  type Get,
  type ReportedAmounts,
  USAGE_SHAPES,
  type UsageShape,
} from "./usage_shapes.ts";

/**
 * The usage in a usage object, and the contradictions between its numbers. A part that exceeds its whole is
 * reduced to the whole.
 */
export interface ReadUsage {
  readonly usage: Usage;
  /** Texts for a log, such as `more cachedTokens than inputTokens`. */
  readonly contradictions: readonly string[];
}

/** Reads a usage object. `numbers` has its numbers by their paths. */
export function readUsage(numbers: ReadonlyMap<string, number>): ReadUsage {
  const get: Get = (name, second, third, fourth, fifth, sixth) =>
    numbers.get(name) ??
      (second === undefined ? undefined : numbers.get(second) ??
        (third === undefined ? undefined : numbers.get(third) ??
          (fourth === undefined ? undefined : numbers.get(fourth) ??
            (fifth === undefined ? undefined : numbers.get(fifth) ??
              (sixth === undefined ? undefined : numbers.get(sixth))))));
  const draft: UsageDraft = {};
  addDefined(draft, shapeOf(numbers)?.read(get));
  addDefined(draft, additionalAmounts(get));
  const contradictions = bound(draft);
  if (isTotalTooSmall(get)) {
    return { usage: draft, contradictions: [...contradictions, "a total that is less than its parts"] };
  }
  return { usage: draft, contradictions };
}

function shapeOf(numbers: ReadonlyMap<string, number>): UsageShape | undefined {
  for (const shape of USAGE_SHAPES) {
    for (const name of shape.ownNames) if (numbers.has(name)) return shape;
  }
  return undefined;
}

function addDefined(usage: UsageDraft, amounts: ReportedAmounts | undefined): void {
  if (amounts === undefined) return;
  let kind: UsageKind;
  for (kind in amounts) {
    const amount = amounts[kind];
    if (amount !== undefined) usage[kind] = amount;
  }
}

/** Whether the total is less than the sum of input and output. */
function isTotalTooSmall(get: Get): boolean {
  const total = get("total_tokens", "totalTokenCount", "totalTokens");
  const input = get("prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens");
  const output = get("completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens");
  return total !== undefined && total > 0 && total < (input ?? 0) + (output ?? 0);
}

/** Pairs of an amount and the amount that includes it. A part is limited to its whole. */
const PARTS: readonly { readonly part: UsageKind; readonly whole: UsageKind }[] = [
  { part: "cachedTokens", whole: "inputTokens" },
  { part: "inputAudioTokens", whole: "inputTokens" },
  { part: "inputImageTokens", whole: "inputTokens" },
  { part: "inputVideoTokens", whole: "inputTokens" },
  { part: "cachedAudioTokens", whole: "cachedTokens" },
  { part: "cachedImageTokens", whole: "cachedTokens" },
  { part: "reasoningTokens", whole: "outputTokens" },
  { part: "citationTokens", whole: "outputTokens" },
  { part: "outputAudioTokens", whole: "outputTokens" },
  { part: "outputImageTokens", whole: "outputTokens" },
  { part: "cacheWriteHourTokens", whole: "cacheWriteTokens" },
];

const NO_CONTRADICTIONS: readonly string[] = [];

/** Limits each part to its whole, and returns texts for the parts that exceeded it. */
function bound(usage: UsageDraft): readonly string[] {
  let contradictions: string[] | undefined;
  const limit = (part: UsageKind, whole: UsageKind, most: number): void => {
    if ((usage[part] ?? 0) <= most) return;
    usage[part] = most;
    (contradictions ??= []).push(`more ${part} than ${whole}`);
  };
  limit("cachedTokens", "inputTokens", usage.inputTokens ?? Infinity);
  const written = (usage.inputTokens ?? Infinity) - (usage.cachedTokens ?? 0);
  limit("cacheWriteTokens", "inputTokens", written);
  // The list has objects and not pairs, because an iterator for each pair made 3 % of the garbage of a
  // request.
  for (const { part, whole } of PARTS) {
    if (usage[part] !== undefined) limit(part, whole, usage[whole] ?? Infinity);
  }
  return contradictions ?? NO_CONTRADICTIONS;
}
