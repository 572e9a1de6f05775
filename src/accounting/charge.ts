/** Computes the charge of an exchange: its tokens and its cost, which count for limits and budgets. */

import type { Backend } from "../config/config.ts";
import type { UsageSource } from "../storage/store.ts";
import type { ResponseSummary } from "./taps/response_summary.ts";
import type { Cost } from "./prices/cost.ts";
import {
  estimatedUsage,
  type ResponseProgress,
  type UsageBound,
  visibleTokens,
  withUnfinished,
} from "./estimates/estimate.ts";
import { LOCAL_VERSION } from "./prices/place_prices.ts";
import { type ImageTokens, imageTokensFor } from "../payload/image_tokens.ts";
import { inputUsage } from "./estimates/input_usage.ts";
import { sumOf, type Usage, type UsageDraft } from "./usage/usage.ts";

/**
 * The most that one exchange can count: of each amount, and of the cost in micro-dollars (10,000 dollars).
 */
const MAX_AMOUNT = 1e9;
const MAX_COST_MICROS = 1e10;

/** One model at one backend that may respond to a request. */
export interface CandidateModel {
  readonly backend: Backend;
  readonly model: string;
  readonly outputTokens: number;
}

/** The usage that a request may have, for its reservation and for estimates. */
export interface ReservedUsage {
  /** The limit of output tokens that the request states. 0 if it states none. */
  readonly statedTokens: number;
  /** An estimate of the input without its images. */
  readonly inputTokens: number;
  /** The highest input without its images. Absent if it is equal to `inputTokens`. */
  readonly mostInputTokens?: number | undefined;
  /** The tokens of its images. Absent without images. */
  readonly images?: ImageTokens | undefined;
  /** An estimate of its sound in seconds. Absent if the model reads no sound. */
  readonly soundSeconds?: number | undefined;
  /** The highest number of output tokens of any candidate. */
  readonly outputTokens: number;
  /** Every model that may respond, at every backend. The most expensive one is reserved. */
  readonly candidates: readonly CandidateModel[];
}

/** The tokens and the cost of an exchange. Undefined values are unknown. */
export interface Charge {
  readonly usage: Usage;
  /** The tokens that count towards limits. */
  readonly tokens: number | undefined;
  readonly cost: Cost | undefined;
  readonly source: UsageSource | undefined;
}

/** The prices at one backend. */
export interface BackendPrices {
  readonly cost: (usage: Usage, models: readonly string[]) => Cost | undefined;
  /** Whether the factor of the tier is an estimate. */
  readonly isGuessed: boolean;
  /** The maximum input of a model in tokens. Infinity if it is unknown. */
  readonly contextTokens: (model: string) => number;
}

/** The part of a response's summary that decides the charge. */
export type Reported = Pick<ResponseSummary, "usage" | "unfinished" | "uncertain" | "steps" | "model">;

/**
 * Returns the charge of the reported usage, without estimates. Uses the price of the first model that has a
 * price.
 */
export function chargeReported(reported: Reported, models: readonly string[], prices: BackendPrices): Charge {
  return charge(reported, { used: reported.usage, cost: prices.cost(reported.usage, models) }, prices);
}

/**
 * Returns the charge of a request without a reservation: the reported usage, with estimates for what is
 * missing.
 */
export function chargeUnreserved(
  { reported, models, inputTokens, soundSeconds, outputTokens, progress }: {
    reported: Reported;
    /** The model of the response, then the model of the request. */
    models: readonly string[];
    /** An estimate of the input. */
    inputTokens: number;
    /** An estimate of its sound in seconds. `undefined` if the model reads no sound. */
    soundSeconds: number | undefined;
    /** The highest number of output tokens. */
    outputTokens: number;
    progress: ResponseProgress;
  },
  prices: BackendPrices,
): Charge {
  const [model] = models;
  const most = model === undefined ? Infinity : prices.contextTokens(model);
  const input = inputUsage({ inputTokens, soundSeconds, most });
  const possible = { input, outputTokens, isReserved: false, most };
  const used = usedOf(reported, possible, progress);
  return charge(reported, { used, cost: prices.cost(used, models) }, prices);
}

/**
 * Returns the charge of a request with a reservation: the reported usage, with estimates for what is missing.
 * Uses the price of the model that responded. If it has no price, or if the response does not name it, uses
 * the most expensive candidate at `backend`. `backend` is the backend that got the request.
 */
export function chargeReserved(
  { reported: certain, reserved, backend, progress }: {
    reported: Reported;
    reserved: ReservedUsage;
    backend: Backend;
    progress: ResponseProgress;
  },
  prices: BackendPrices,
): Charge {
  const { uncertain, unfinished: begun } = certain;
  const reported = begun === undefined || uncertain === undefined
    ? certain
    : { ...certain, unfinished: [...begun, uncertain] };
  const { usage, unfinished, model } = reported;
  const candidates = () => reserved.candidates.filter((candidate) => candidate.backend.name === backend.name);
  const usedBy = (name: string | undefined, outputTokens: number): Usage => {
    // If the response does not name its model, the model is one of the candidates.
    const all = name === undefined ? candidates() : undefined;
    const most = name !== undefined ? prices.contextTokens(name) : mostContext(all ?? [], prices);
    const ofImages = imagesOf(reserved, name, all);
    const input = inputUsage(
      ofImages === 0
        ? { ...reserved, most }
        : { ...reserved, inputTokens: reserved.inputTokens + ofImages, most },
    );
    return usedOf(reported, { input, outputTokens, isReserved: true, most }, progress);
  };
  const used = usedBy(model, reserved.outputTokens);
  // A complete response without usage or text counts the output limit that the request states.
  const isUnreported = usage.inputTokens === undefined && usage.outputTokens === undefined;
  const isReadable = progress.isStream && (progress.texts ?? 0) > 0;
  const isDark = isUnreported && progress.isComplete && unfinished === undefined && !isReadable;
  const limited = isDark
    ? {
      ...used,
      outputTokens: Math.max(reserved.statedTokens, reserved.outputTokens && visibleTokens(progress)),
    }
    : used;
  const shown = isDark ? usage : used;
  const stepsLike = reported.steps === undefined
    ? undefined
    : [...model === undefined ? [] : [model], ...candidates().map((candidate) => candidate.model)];
  const byAnswer = model === undefined ? undefined : prices.cost(used, [model]);
  // At a local server, a model without a price in the configuration costs nothing. The request may have
  // another name of the model, with a price.
  if (byAnswer !== undefined && byAnswer.version !== LOCAL_VERSION) {
    const spent = { used: shown, limited, cost: byAnswer, isEstimated: used !== usage, stepsLike };
    return charge(reported, spent, prices);
  }
  const costs = candidates().map((candidate) =>
    prices.cost(usedBy(candidate.model, candidate.outputTokens), [candidate.model])
  );
  const [dearest] = costs.filter((cost) => cost !== undefined)
    .sort((one, other) => other.micros - one.micros);
  const spent = { used: shown, limited, cost: dearest, isEstimated: used !== usage, stepsLike };
  return charge(reported, spent, prices);
}

/**
 * Returns the tokens of the images of a request, for the model that responded. If the model is unknown,
 * returns the highest number of all candidates.
 */
function imagesOf(
  { images }: ReservedUsage,
  name: string | undefined,
  candidates: readonly CandidateModel[] = [],
): number {
  if (images === undefined) return 0;
  return name !== undefined
    ? imageTokensFor(images, name)
    : Math.max(0, ...candidates.map(({ model }) => imageTokensFor(images, model)));
}

/** Returns the maximum input of the candidate with the largest one, in tokens. */
function mostContext(candidates: readonly CandidateModel[], prices: BackendPrices): number {
  return candidates.length === 0
    ? Infinity
    : Math.max(...candidates.map(({ model }) => prices.contextTokens(model)));
}

/** Returns the usage with estimates. `most` is the maximum input of the model in tokens. */
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
      tokensPerMs: possible.isReserved ? progress.tokensPerMs : 0,
    });
}

/** Returns the charge of an exchange plus the charges of attempts that got no response within a timeout. */
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

const NO_STEPS: NonNullable<Reported["steps"]> = [];

function withSteps(usage: Usage, steps: NonNullable<Reported["steps"]>): Usage {
  let total = usage;
  for (const step of steps) total = sumOf(total, step.usage);
  return total;
}

/** Builds a charge that includes the steps of other models. */
function charge(
  { usage: reported, steps = NO_STEPS }: Reported,
  { used, limited = used, cost, isEstimated = used !== reported, stepsLike = [] }: {
    used: Usage;
    limited?: Usage;
    cost: Cost | undefined;
    isEstimated?: boolean;
    /** The models whose prices apply to steps of a model without a price. */
    stepsLike?: readonly string[] | undefined;
  },
  prices: BackendPrices,
): Charge {
  const { inputTokens, outputTokens } = withSteps(limited, steps);
  const isUnknown = inputTokens === undefined && outputTokens === undefined;
  const ofSteps = steps.map((step) => costOfStep(step, stepsLike, prices));
  // In a session that only transcribes, nothing but the steps costs something.
  const hasOnlySteps = cost === undefined && Object.keys(used).length === 0;
  const price = steps.length === 0 ? cost : hasOnlySteps ? costOfSteps(ofSteps) : ofSteps.reduce(plus, cost);
  const isGuessed = isEstimated || prices.isGuessed || steps.some((step) => step.isEstimated === true);
  const isSaid = price !== undefined || used.inputTokens !== undefined || used.outputTokens !== undefined;
  return {
    usage: bounded(withSteps(used, steps)),
    tokens: isUnknown ? undefined : Math.min((inputTokens ?? 0) + (outputTokens ?? 0), MAX_AMOUNT),
    cost: price !== undefined && price.micros > MAX_COST_MICROS
      ? { ...price, micros: MAX_COST_MICROS }
      : price,
    source: isSaid && (isGuessed ? "estimated" : "provider") || undefined,
  };
}

/**
 * Limits all amounts, so that sums stay exact. A provider may report any number, and the amounts of sessions
 * and steps are added up.
 */
function bounded(usage: Usage): Usage {
  let kind: keyof Usage;
  let isWithin = true;
  for (kind in usage) if (!((usage[kind] ?? 0) <= MAX_AMOUNT)) isWithin = false;
  if (isWithin) return usage;
  const amounts: UsageDraft = { ...usage };
  for (kind in usage) amounts[kind] = Math.min(usage[kind] ?? 0, MAX_AMOUNT);
  return amounts;
}

/** Returns the cost of a step. It is a guess, and partial, if only other models have a price. */
function costOfStep(
  { usage, model }: NonNullable<Reported["steps"]>[number],
  others: readonly string[],
  prices: BackendPrices,
): Cost | undefined {
  const known = prices.cost(usage, [model]);
  if (known !== undefined) return known;
  const guessed = prices.cost(usage, others);
  return guessed && { ...guessed, isPartial: true };
}

/** Returns the cost of steps. It is partial if one of them has an unknown cost. */
function costOfSteps(steps: readonly (Cost | undefined)[]): Cost | undefined {
  const known = steps.find((step) => step !== undefined);
  return steps.reduce(plus, known && { micros: 0, version: known.version });
}

/** Returns the cost of a response plus the cost of one of its steps. */
function plus(total: Cost | undefined, step: Cost | undefined): Cost | undefined {
  if (total === undefined) return undefined;
  if (step === undefined) return { ...total, isPartial: true };
  const isPartial = total.isPartial === true || step.isPartial === true;
  return { micros: total.micros + step.micros, version: total.version, ...(isPartial && { isPartial }) };
}
