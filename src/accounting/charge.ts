/** What an exchange counts with against limits and budgets. */

import type { Backend } from "../config/config.ts";
import type { UsageSource } from "../storage/store.ts";
import type { ResponseSummary } from "./response_tap.ts";
import type { Cost } from "./cost.ts";
import { estimatedUsage, type ResponseProgress, type UsageBound, withUnfinished } from "./estimate.ts";
import { sumOf, type Usage, type UsageDraft } from "./usage.ts";

/** The most of one kind that an exchange counts with, and the most that it costs: 10,000 dollars. */
const MAX_AMOUNT = 1e9;
const MAX_COST_MICROS = 1e10;

/** One model at one backend, and the most output that it can give. */
export interface CandidateModel {
  readonly backend: Backend;
  readonly model: string;
  readonly outputTokens: number;
}

/** What is reserved for a request whose answer may cost something. */
export interface ReservedUsage {
  /** The output that the request itself states as its most. */
  readonly statedTokens: number;
  /** By its bytes. */
  readonly inputTokens: number;
  /** The most of any model. */
  readonly outputTokens: number;
  /** Every model that may be asked, at every backend; the dearest is what is reserved. */
  readonly candidates: readonly CandidateModel[];
}

/** What is counted. Undefined is unknown. */
export interface Charge {
  readonly usage: Usage;
  /** What counts towards limits. */
  readonly tokens: number | undefined;
  readonly cost: Cost | undefined;
  readonly source: UsageSource | undefined;
}

/** Prices at the backend that was asked. */
export interface BackendPrices {
  readonly cost: (usage: Usage, models: readonly string[]) => Cost | undefined;
  /** They are those of the standard tier, multiplied by a guess. */
  readonly isGuessed: boolean;
  /** The most input that a model takes. */
  readonly contextTokens: (model: string) => number;
}

/** What an answer reported of itself, as far as it is charged. */
export type Reported = Pick<ResponseSummary, "usage" | "unfinished" | "uncertain" | "steps" | "model">;

/** What was reported, at its price; the first of the models that has one. */
export function chargeReported(reported: Reported, models: readonly string[], prices: BackendPrices): Charge {
  return charge(reported, { used: reported.usage, cost: prices.cost(reported.usage, models) }, prices);
}

/** What was reported, and estimates for what was not, where nothing had been reserved: at the price of the model. */
export function chargeUnreserved(
  { reported, models, inputTokens, outputTokens, progress }: {
    reported: Reported;
    /** The model of the response, then the model of the request. */
    models: readonly string[];
    /** By what was sent. */
    inputTokens: number;
    /** The most that the answer may have. */
    outputTokens: number;
    progress: ResponseProgress;
  },
  prices: BackendPrices,
): Charge {
  const [model] = models;
  const most = model === undefined ? Infinity : prices.contextTokens(model);
  const possible = { inputTokens: Math.min(inputTokens, most), outputTokens, isReserved: false, most };
  const used = usedOf(reported, possible, progress);
  return charge(reported, { used, cost: prices.cost(used, models) }, prices);
}

/**
 * What was reported, and estimates for what was not. By the price of the model that answered; where that has none or was
 * not reported, by the dearest that was ordered. `candidates` are those at the backend that was asked.
 */
export function chargeReserved(
  { reported: certain, reserved, candidates, progress }: {
    reported: Reported;
    reserved: ReservedUsage;
    candidates: readonly CandidateModel[];
    progress: ResponseProgress;
  },
  prices: BackendPrices,
): Charge {
  const { uncertain, unfinished: begun } = certain;
  const reported = begun === undefined || uncertain === undefined
    ? certain
    : { ...certain, unfinished: [...begun, uncertain] };
  const { usage, unfinished, model } = reported;
  const usedBy = (name: string | undefined, outputTokens: number): Usage => {
    // Without an answer, the model is one of those that were ordered.
    const names = name !== undefined ? [name] : candidates.map((candidate) => candidate.model);
    const most = names.length === 0 ? Infinity : Math.max(...names.map(prices.contextTokens));
    const inputTokens = Math.min(reserved.inputTokens, most);
    return usedOf(reported, { inputTokens, outputTokens, isReserved: true, most }, progress);
  };
  const used = usedBy(model, reserved.outputTokens);
  // Of a whole answer that shows nothing, what the request states counts towards tokens, as it was reserved.
  const isUnreported = usage.inputTokens === undefined && usage.outputTokens === undefined;
  const isReadable = progress.isStream && (progress.texts ?? 0) > 0;
  const isDark = isUnreported && progress.isComplete && unfinished === undefined && !isReadable;
  const limited = isDark ? { ...used, outputTokens: reserved.statedTokens } : used;
  const shown = isDark ? usage : used;
  const byAnswer = model === undefined ? undefined : prices.cost(used, [model]);
  if (byAnswer !== undefined) {
    return charge(reported, { used: shown, limited, cost: byAnswer, isEstimated: used !== usage }, prices);
  }
  const costs = candidates.map((candidate) =>
    prices.cost(usedBy(candidate.model, candidate.outputTokens), [candidate.model])
  );
  const [dearest] = costs.filter((cost) => cost !== undefined)
    .sort((one, other) => other.micros - one.micros);
  return charge(reported, { used: shown, limited, cost: dearest, isEstimated: used !== usage }, prices);
}

/** `most` is the most input that the model takes. */
function usedOf(
  { usage, unfinished }: Reported,
  { most, ...possible }: UsageBound & { readonly most: number },
  progress: ResponseProgress,
): Usage {
  return unfinished === undefined
    ? estimatedUsage(usage, possible, progress)
    : withUnfinished(usage, unfinished, {
      inputTokens: most,
      outputTokens: possible.isReserved ? possible.outputTokens : Infinity,
    });
}

/** An exchange with what attempts may have used that nobody answered. */
export function withTimedOutAttempts(charge: Charge, timedOut: readonly Charge[]): Charge {
  if (timedOut.length === 0) return charge;
  const all = [charge, ...timedOut].filter(({ source }) => source !== undefined);
  const costs = all.map(({ cost }) => cost).filter((cost) => cost !== undefined);
  const [first] = costs;
  const isPartial = costs.length < all.length || costs.some((cost) => cost.isPartial === true);
  const micros = costs.reduce((total, cost) => total + cost.micros, 0);
  return {
    usage: bounded(all.reduce<Usage>((total, { usage }) => sumOf(total, usage), {})),
    tokens: Math.min(all.reduce((total, { tokens = 0 }) => total + tokens, 0), MAX_AMOUNT),
    cost: first && {
      micros: Math.min(micros, MAX_COST_MICROS),
      version: first.version,
      ...(isPartial && { isPartial }),
    },
    source: "estimated",
  };
}

/** With what other models did for the answer. */
function charge(
  { usage: reported, steps = [] }: Reported,
  { used, limited = used, cost, isEstimated = used !== reported }: {
    used: Usage;
    limited?: Usage;
    cost: Cost | undefined;
    isEstimated?: boolean;
  },
  prices: BackendPrices,
): Charge {
  const all = (usage: Usage): Usage => steps.reduce((total, step) => sumOf(total, step.usage), usage);
  const { inputTokens, outputTokens } = all(limited);
  const isUnknown = inputTokens === undefined && outputTokens === undefined;
  const price = steps.reduce((total, { usage, model }) => plus(total, prices.cost(usage, [model])), cost);
  const isSaid = cost !== undefined || used.inputTokens !== undefined || used.outputTokens !== undefined;
  return {
    usage: bounded(all(used)),
    tokens: isUnknown ? undefined : Math.min((inputTokens ?? 0) + (outputTokens ?? 0), MAX_AMOUNT),
    cost: price && { ...price, micros: Math.min(price.micros, MAX_COST_MICROS) },
    source: isSaid && (isEstimated || prices.isGuessed ? "estimated" : "provider") || undefined,
  };
}

/** Amounts that can be summed for ever: a provider may state what it likes, and sessions and steps add up. */
function bounded(usage: Usage): Usage {
  const amounts: UsageDraft = { ...usage };
  let kind: keyof Usage;
  for (kind in usage) amounts[kind] = Math.min(usage[kind] ?? 0, MAX_AMOUNT);
  return amounts;
}

/** The cost of an answer with that of a step of it. */
function plus(total: Cost | undefined, step: Cost | undefined): Cost | undefined {
  if (total === undefined) return undefined;
  if (step === undefined) return { ...total, isPartial: true };
  const isPartial = total.isPartial === true || step.isPartial === true;
  return { micros: total.micros + step.micros, version: total.version, ...(isPartial && { isPartial }) };
}
