/** What an exchange counts with against limits and budgets. */

import type { Backend } from "../config/schema.ts";
import type { CostSource } from "../storage/store.ts";
import type { Cost } from "./cost.ts";
import { estimated, type Progress, withUnfinished } from "./estimate.ts";
import type { Usage } from "./usage.ts";

/** One model at one backend, and the most output that it can give. */
export interface Order {
  readonly backend: Backend;
  readonly model: string;
  readonly outputTokens: number;
}

/** What is reserved for a request whose answer may cost something. */
export interface Reserving {
  /** The output that the request itself states as its most. */
  readonly statedTokens: number;
  /** By its bytes. */
  readonly inputTokens: number;
  /** The most of any model. */
  readonly outputTokens: number;
  /** Every model that may be asked, at every backend; the dearest is what is reserved. */
  readonly orders: readonly Order[];
}

/** What is counted. Undefined is unknown. */
export interface Charge {
  readonly tokens: number | undefined;
  readonly cost: Cost | undefined;
  readonly source: CostSource | undefined;
}

/** Prices at the backend that was asked. */
export interface PricesThere {
  readonly cost: (usage: Usage, models: readonly string[]) => Cost | undefined;
  /** They are those of the standard tier, multiplied by a guess. */
  readonly isGuessed: boolean;
  /** The most input that a model takes. */
  readonly contextTokens: (model: string) => number;
}

/** What was told, at its price. */
export function chargeAsTold(usage: Usage, models: readonly string[], prices: PricesThere): Charge {
  return charge(usage, prices.cost(usage, models), { isEstimated: prices.isGuessed });
}

/**
 * What was told, and estimates for what was not. By the price of the model that answered; where that has none or was
 * not told, by the dearest that was ordered. `orders` are those at the backend that was asked.
 */
export function chargeWithEstimates(
  { usage, unfinished, model, reserving, orders, progress }: {
    usage: Usage;
    /** Of a session, whose other answers have told what they used. */
    unfinished: readonly Usage[] | undefined;
    /** As the answer told it. */
    model: string | undefined;
    reserving: Reserving;
    orders: readonly Order[];
    progress: Progress;
  },
  prices: PricesThere,
): Charge {
  const usedOf = (name: string | undefined, outputTokens: number): Usage => {
    const most = name === undefined ? Infinity : prices.contextTokens(name);
    return unfinished === undefined
      ? estimated(usage, { inputTokens: Math.min(reserving.inputTokens, most), outputTokens }, progress)
      : withUnfinished(usage, unfinished, { inputTokens: most, outputTokens });
  };
  const used = usedOf(model, reserving.outputTokens);
  const isEstimated = used !== usage || prices.isGuessed;
  // Of output that nobody told or cut, what the request states counts towards tokens, as it was reserved.
  const isUntold = usage.inputTokens === undefined && usage.outputTokens === undefined;
  const tokens = isUntold && progress.isComplete && unfinished === undefined
    ? { ...used, outputTokens: reserving.statedTokens }
    : used;
  const byAnswer = model === undefined ? undefined : prices.cost(used, [model]);
  if (byAnswer !== undefined) return charge(tokens, byAnswer, { isEstimated });
  const costs = orders.map(({ model, outputTokens }) => prices.cost(usedOf(model, outputTokens), [model]));
  const [dearest] = costs.filter((cost) => cost !== undefined).sort((one, other) =>
    other.micros - one.micros
  );
  return charge(tokens, dearest, { isEstimated });
}

function charge(
  { inputTokens, outputTokens }: Usage,
  cost: Cost | undefined,
  { isEstimated }: { isEstimated: boolean },
): Charge {
  const isUnknown = inputTokens === undefined && outputTokens === undefined;
  return {
    tokens: isUnknown ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0),
    cost,
    source: cost && (isEstimated ? "estimated" : "usage"),
  };
}
