/** What one exchange may cost before it runs, and what its attempts have cost. */

import { overridingModel } from "../config/model_override.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import type { AwaitedObject } from "../storage/store.ts";
import type { AccountedRequest } from "./accounted_request.ts";
import {
  type CandidateModel,
  type Charge,
  chargeReported,
  chargeReserved,
  chargeUnreserved,
  type ReservedUsage,
} from "./charge.ts";
import type { Pricer } from "./cost.ts";
import { EndpointPrices } from "./endpoint_prices.ts";
import type { ResponseProgress } from "./estimate.ts";
import { priceFactor } from "./price_factor.ts";
import type { RecentOutputs } from "./recent_outputs.ts";
import type { RecentSpeeds } from "./recent_speeds.ts";
import type { ResponseSummary } from "./response_summary.ts";
import type { Usage } from "./usage.ts";
import { callsOf, RESERVED_CALLS, toolsOf, withSearch } from "./tool_calls.ts";
import { highestCost } from "./dear_kinds.ts";
import { imageTokensFor, NO_IMAGES } from "../payload/image_tokens.ts";
import { inputUsage } from "./input_usage.ts";
import { UNKNOWN_SOUND_SECONDS } from "../payload/sound_length.ts";
import { chargeOfObject, type ReportedPart } from "./settlement.ts";

/** The input of content outside of the body, if the maximum of the model is unknown. In tokens. */
const UNKNOWN_CONTEXT_TOKENS = 200_000;
/** Families of models with a larger maximum, which the list of prices does not state for each model. */
const MILLION_MODELS = /gemini|gpt-4\.1/i;
const MILLION_TOKENS = 1_048_576;

/** How an attempt ended, as far as its cost depends on that. */
export interface AttemptOutcome extends Omit<ResponseProgress, "tokensPerMs"> {
  /** Whether the provider may have generated a response, and no error. */
  readonly isGood: boolean;
}

/** What a request reserves, in micro-dollars. */
export interface ReservedCost {
  readonly micros: number;
  readonly mostMicros: number;
}

/** A hosted tool without a price, and the model that would run it. */
export interface UnpricedTool {
  readonly tool: string;
  readonly model: string;
}

/** Computes the costs of one exchange at the prices of the moment at which it began. */
export class ExchangeCosts {
  readonly #endpoint: Endpoint | undefined;
  readonly #startedAt: number;
  readonly #prices: EndpointPrices;
  readonly #outputs: RecentOutputs;
  readonly #speeds: RecentSpeeds;

  /** `startedAt` is in milliseconds since 1970. */
  constructor(
    endpoint: Endpoint | undefined,
    { startedAt, pricer, outputs, speeds }: {
      startedAt: number;
      pricer: Pricer;
      outputs: RecentOutputs;
      speeds: RecentSpeeds;
    },
  ) {
    this.#endpoint = endpoint;
    this.#startedAt = startedAt;
    this.#prices = new EndpointPrices(pricer, endpoint);
    this.#outputs = outputs;
    this.#speeds = speeds;
  }

  /** Whether any response of the endpoint can have a price. */
  get isPriced(): boolean {
    return this.#prices.hasAny;
  }

  /**
   * The first unpriced model at a backend with other prices, unless a model override replaces it. Undefined:
   * no such model.
   */
  unpricedModel(
    candidates: readonly CandidateModel[],
    { soundSeconds }: RequestFacts = {},
  ): string | undefined {
    // Some models have prices for sound or for tokens alone.
    const usage = {
      ...inputUsage({
        inputTokens: 1,
        ...(soundSeconds !== undefined && { soundSeconds: 1 }),
        most: Infinity,
      }),
      ...(soundSeconds === undefined && { outputTokens: 1 }),
    };
    const at = { factor: 1, epochMs: this.#startedAt };
    const lacks = (model: string, backend: Backend) =>
      this.#prices.lacks(model, backend) ||
      this.#prices.has(backend) && this.#prices.cost(usage, [model], { ...at, backend }) === undefined;
    const isOverridden = (name: string) =>
      this.#endpoint?.backends.some(({ model }) => overridingModel(model, name) !== undefined) === true;
    return candidates.find(({ backend, model }) => lacks(model, backend) && !isOverridden(model))?.model;
  }

  /**
   * The first hosted tool of a request that has no price with one of the models at a backend where other models
   * have one. Undefined if there is no such tool.
   */
  unpricedTool(candidates: readonly CandidateModel[], facts: RequestFacts): UnpricedTool | undefined {
    for (const { backend, model } of candidates) {
      const tool = toolsOf(facts, model).find(({ charge }) => this.#prices.lacksTool(charge, model, backend));
      if (tool !== undefined) return { tool: tool.name, model };
    }
    return undefined;
  }

  /**
   * The expected and the highest cost of a request. Both are the same if the endpoint reserves the maximum.
   */
  reservation(reserved: ReservedUsage | undefined, facts: RequestFacts): ReservedCost {
    if (reserved === undefined) return { micros: 0, mostMicros: 0 };
    // A background response continues after its request, and no limit counts how many there are.
    const isExpected = this.#endpoint?.reserve === "expected" && facts.background !== true;
    const mostMicros = this.#highestCost(reserved, { facts, isMost: true });
    if (!isExpected) return { micros: mostMicros, mostMicros };
    const expectedTokens = facts.model !== undefined && this.#endpoint !== undefined
      ? this.#outputs.expected(this.#endpoint.name, facts.model)
      : undefined;
    const micros = this.#highestCost(reserved, {
      facts,
      isMost: false,
      mostOutputTokens: expectedTokens,
    });
    return { micros, mostMicros };
  }

  /** The cost of the most expensive candidate, in micro-dollars. */
  #highestCost(
    reserved: ReservedUsage,
    { facts, isMost, mostOutputTokens = Infinity }: {
      facts: RequestFacts;
      /**
       * Whether to count what the body does not show: content outside of it, and calls of hosted tools. The
       * model reads both, up to the maximum of its input.
       */
      isMost: boolean;
      mostOutputTokens?: number | undefined;
    },
  ): number {
    const costs = reserved.candidates.map(({ backend, model, outputTokens }) => {
      const context = this.#prices.contextTokens(model, backend);
      const most = Number.isFinite(context) || !MILLION_MODELS.test(model) ? context : MILLION_TOKENS;
      const tools = isMost ? toolsOf(facts, model).map(({ charge }) => charge) : [];
      const readsMore = isMost && (facts.refersElsewhere === true || tools.length > 0);
      const inBody = { ...reserved, inputTokens: inputOf(reserved, { model, isMost }) };
      const usage = {
        ...inputUsage({ ...(readsMore ? elsewhere(inBody, most) : inBody), most }),
        outputTokens: Math.min(outputTokens, mostOutputTokens),
        ...callsOf(tools, RESERVED_CALLS),
      };
      const provider = this.#prices.providerOf(backend);
      const { factor } = priceFactor({ reported: undefined, requested: facts.tier, provider });
      const at = { backend, factor, epochMs: this.#startedAt };
      const costOf = (one: Usage) => this.#prices.cost(one, [model], at)?.micros ?? 0;
      if (!isMost) return costOf(usage);
      const kinds = this.#prices.kindsOf(model, backend);
      return highestCost(usage, { kinds, model, facts, readsImages: reserved.images !== undefined, costOf });
    });
    return Math.max(0, ...costs);
  }

  /** The charge of an attempt at a backend, by what its response reported and by estimates. */
  charge(
    backend: Backend,
    { request, reserved, summary: shown, outcome }: {
      readonly request: AccountedRequest;
      readonly reserved: ReservedUsage | undefined;
      readonly summary: ResponseSummary;
      readonly outcome: AttemptOutcome;
    },
  ): Charge {
    const { model, tier } = shown;
    const { isGood, ...seen } = outcome;
    const facts = request.facts();
    const summary = { ...shown, usage: withSearch(shown.usage, facts, model ?? facts.model) };
    const { factor, isGuessed } = priceFactor({
      reported: tier,
      requested: facts.tier,
      provider: this.#prices.providerOf(backend),
    });
    const prices = this.#prices.atBackend(backend, { factor, isGuessed, epochMs: this.#startedAt });
    const models = [model, facts.model].filter((name) => name !== undefined);
    const tokensPerMs = this.#speeds.tokensPerMs(this.#endpoint?.name ?? "", facts.model ?? "");
    const progress = { ...seen, tokensPerMs };
    if (!isGood || reserved === undefined && !request.isMetered) {
      return chargeReported(summary, models, prices);
    }
    if (reserved === undefined) {
      const inputTokens = request.inputTokens();
      const outputTokens = request.outputTokens();
      const { soundSeconds } = facts;
      const used = { models, inputTokens, soundSeconds, outputTokens };
      return chargeUnreserved({ reported: summary, ...used, progress }, prices);
    }
    const candidates = reserved.candidates.filter((candidate) => candidate.backend.name === backend.name);
    return chargeReserved({ reported: summary, reserved, candidates, progress }, prices);
  }

  /** The charge of an object by the usage that its response reported, at the prices of its creation. */
  chargeOfObject(object: AwaitedObject, part: ReportedPart, backend: Backend | undefined): Charge {
    const { factor, isGuessed } = priceFactor({
      reported: part.tier,
      requested: object.tier,
      provider: backend && this.#prices.providerOf(backend),
    });
    const prices = backend && this.#prices.atBackend(backend, { factor, isGuessed, epochMs: object.madeAt });
    const models = [part.model, object.model].filter((name) => name !== undefined);
    return chargeOfObject(object, prices && chargeReported(part, models, prices));
  }

  /** The tokens of a charge that count towards limits. Undefined: they are unknown. */
  countedTokens({ tokens, usage }: Charge): number | undefined {
    const uncounted = this.#endpoint?.countCacheReads === true ? 0 : usage.cachedTokens ?? 0;
    return tokens === undefined ? undefined : Math.max(0, tokens - uncounted);
  }
}

/** The tokens of a body for a model, its images included. `isMost` chooses the highest number. */
function inputOf(
  { inputTokens, mostInputTokens = inputTokens, images = NO_IMAGES }: ReservedUsage,
  { model, isMost }: { readonly model: string; readonly isMost: boolean },
): number {
  return (isMost ? mostInputTokens : inputTokens) + imageTokensFor(images, model);
}

/** The usage to reserve, with the input of content outside of the body. */
export function withContentElsewhere(
  reserved: ReservedUsage | undefined,
  { refersElsewhere = false }: RequestFacts,
): ReservedUsage | undefined {
  return reserved && refersElsewhere
    ? { ...reserved, ...elsewhere(reserved, UNKNOWN_CONTEXT_TOKENS) }
    : reserved;
}

/** The input with content outside of the body, up to the maximum of a model in tokens. */
function elsewhere(
  { inputTokens, soundSeconds }: Pick<ReservedUsage, "inputTokens" | "soundSeconds">,
  context: number,
): Pick<ReservedUsage, "inputTokens" | "soundSeconds"> {
  return {
    inputTokens: Math.max(inputTokens, Number.isFinite(context) ? context : UNKNOWN_CONTEXT_TOKENS),
    soundSeconds: soundSeconds === undefined ? undefined : Math.max(soundSeconds, UNKNOWN_SOUND_SECONDS),
  };
}
