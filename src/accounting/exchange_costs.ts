/** The highest cost of an exchange before it runs, and the cost of its attempts afterwards. */

import type { Backend, Endpoint } from "../config/config.ts";
import type { RequestFacts } from "../payload/request_facts.ts";
import type { AwaitedObject } from "../storage/object_store.ts";
import type { AccountedRequest } from "./accounted_request.ts";
import type { BilledOutcome } from "./billed_outcome.ts";
import {
  type CandidateModel,
  type Charge,
  chargeReported,
  chargeReserved,
  chargeUnreserved,
  type ReservedUsage,
} from "./charge.ts";
import { type EndpointPrices, lacksTool, TierPrices } from "./prices/endpoint_prices.ts";
import { priceFactor } from "./prices/price_factor.ts";
import type { RecentOutputs } from "./estimates/recent_outputs.ts";
import type { RecentSpeeds } from "./estimates/recent_speeds.ts";
import type { ResponseSummary } from "./taps/response_summary.ts";
import { callsOf, RESERVED_CALLS, toolsOf, withSearch } from "./estimates/tool_calls.ts";
import { highestCost } from "./prices/dear_kinds.ts";
import { imageTokensFor } from "../payload/image_tokens.ts";
import { inputUsage } from "./estimates/input_usage.ts";
import { UNKNOWN_SOUND_SECONDS } from "../payload/sound_length.ts";
import { chargeOfObject, type ReportedPart } from "./settlement/settlement.ts";

/** The input of content that is not in the body, in tokens, for a model whose maximum input is unknown. */
const UNKNOWN_CONTEXT_TOKENS = 200_000;
/** Families of models with a larger maximum input. The list of prices does not state it for each model. */
const MILLION_MODELS = /gemini|gpt-4\.1/i;
const MILLION_TOKENS = 1_048_576;

const NO_NAMES: readonly string[] = [];

/** The costs that a request reserves, in micro-dollars. */
export interface ReservedCost {
  readonly micros: number;
  readonly mostMicros: number;
}

/** A hosted tool without a price, and the model that would run it. */
export interface UnpricedTool {
  readonly tool: string;
  readonly model: string;
}

/** Computes the costs of one exchange, at the prices of the moment at which it began. */
export class ExchangeCosts {
  readonly #endpoint: Endpoint | undefined;
  readonly #startedAt: number;
  readonly #prices: EndpointPrices;
  readonly #outputs: RecentOutputs;
  readonly #speeds: RecentSpeeds;

  /** `startedAt` is in milliseconds since 1970. */
  constructor(
    endpoint: Endpoint | undefined,
    { startedAt, prices, outputs, speeds }: {
      startedAt: number;
      /** The prices at the backends of the same endpoint. */
      prices: EndpointPrices;
      outputs: RecentOutputs;
      speeds: RecentSpeeds;
    },
  ) {
    this.#endpoint = endpoint;
    this.#startedAt = startedAt;
    this.#prices = prices;
    this.#outputs = outputs;
    this.#speeds = speeds;
  }

  /** Whether every request at the endpoint costs nothing. */
  get areFree(): boolean {
    return this.#prices.areFree;
  }

  /**
   * Returns the first model without a price at its backend. The candidates are the models that backends get:
   * a model override has already replaced its models. `undefined` if there is no such model.
   */
  unpricedModel(
    candidates: readonly CandidateModel[],
    { soundSeconds }: RequestFacts = {},
  ): string | undefined {
    const hasSound = soundSeconds !== undefined;
    return candidates.find(({ backend, model }) => this.#isUnpriced(model, { backend, hasSound }))?.model;
  }

  #isUnpriced(model: string, { backend, hasSound }: { backend: Backend; hasSound: boolean }): boolean {
    const prices = this.#prices.at(backend);
    // Some models have prices only for sound, or only for tokens.
    if (!hasSound && prices.hasFlatPrice(model)) return false;
    if (!prices.hasPrice(model)) return true;
    const sound = hasSound ? { soundSeconds: 1 } : undefined;
    const input = inputUsage({ inputTokens: 1, ...sound, most: Infinity });
    const usage = hasSound ? input : { ...input, outputTokens: 1 };
    return prices.cost(usage, [model], this.#startedAt) === undefined;
  }

  /**
   * Returns the first hosted tool of a request without a price. `undefined` if there is no such tool.
   */
  unpricedTool(candidates: readonly CandidateModel[], facts: RequestFacts): UnpricedTool | undefined {
    for (const { backend, model } of candidates) {
      const tools = toolsOf(facts, model);
      if (tools.length === 0) continue;
      const prices = this.#prices.at(backend);
      const tool = tools.find(({ charge }) => lacksTool(prices, charge, model));
      if (tool !== undefined) return { tool: tool.name, model };
    }
    return undefined;
  }

  /**
   * Returns the expected and the highest cost of a request. Both are equal if the endpoint reserves the
   * maximum.
   */
  reservation(reserved: ReservedUsage | undefined, facts: RequestFacts): ReservedCost {
    if (reserved === undefined) return { micros: 0, mostMicros: 0 };
    // A background response continues after its request, and no limit counts the number of such responses. So
    // the highest cost is reserved.
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
       * Whether to count the input that is not in the body: content at other places, and results of hosted
       * tools. The model reads both, up to its maximum input.
       */
      isMost: boolean;
      mostOutputTokens?: number | undefined;
    },
  ): number {
    let highest = 0;
    for (const { backend, model, outputTokens } of reserved.candidates) {
      const prices = this.#prices.at(backend);
      const context = prices.contextTokens(model);
      const tools = isMost ? toolsOf(facts, model) : [];
      const readsMore = isMost && (facts.refersElsewhere === true || tools.length > 0);
      const most = Number.isFinite(context) || !MILLION_MODELS.test(model) ? context : MILLION_TOKENS;
      const inBody = {
        inputTokens: inputOf(reserved, { model, isMost }),
        soundSeconds: reserved.soundSeconds,
      };
      const { inputTokens, soundSeconds } = readsMore ? elsewhere(inBody, most) : inBody;
      const input = inputUsage({ inputTokens, soundSeconds, most });
      const output = Math.min(outputTokens, mostOutputTokens);
      const usage = tools.length === 0 ? { ...input, outputTokens: output } : {
        ...input,
        outputTokens: output,
        ...callsOf(tools.map(({ charge }) => charge), RESERVED_CALLS),
      };
      const { provider } = prices;
      const { factor, isGuessed } = priceFactor({ reported: undefined, requested: facts.tier, provider });
      const tier = new TierPrices(prices, { factor, isGuessed, epochMs: this.#startedAt });
      const models = [model];
      const kinds = isMost ? prices.kindsOf(model) : undefined;
      // Most models have one price for input and one for output.
      const micros = kinds === undefined || kinds.size === 0
        ? tier.cost(usage, models)?.micros ?? 0
        : highestCost(usage, {
          kinds,
          model,
          facts,
          readsImages: reserved.images !== undefined,
          costOf: (one) => tier.cost(one, models)?.micros ?? 0,
        });
      if (micros > highest) highest = micros;
    }
    return highest;
  }

  /** The speed of a model at the endpoint, in tokens per millisecond. */
  tokensPerMs(model: string | undefined): number {
    return this.#speeds.tokensPerMs(this.#endpoint?.name ?? "", model ?? "");
  }

  /**
   * Returns the charge of an attempt at a backend, by the usage that its response reported and by estimates.
   */
  charge(
    backend: Backend,
    { request, reserved, summary: shown, outcome }: {
      readonly request: AccountedRequest;
      readonly reserved: ReservedUsage | undefined;
      readonly summary: ResponseSummary;
      readonly outcome: BilledOutcome;
    },
  ): Charge {
    const { model, tier } = shown;
    const facts = request.facts();
    const usage = withSearch(shown.usage, facts, model ?? facts.model);
    const summary = usage === shown.usage ? shown : { ...shown, usage };
    const prices = this.#tierPrices(backend, {
      reported: tier,
      requested: facts.tier,
      epochMs: this.#startedAt,
    });
    if (!outcome.isGood || reserved === undefined && !request.isMetered) {
      return chargeReported(summary, namesOf(model, facts.model), prices);
    }
    if (reserved === undefined) {
      const inputTokens = request.inputTokens();
      const outputTokens = request.outputTokens();
      const { soundSeconds } = facts;
      const used = { models: namesOf(model, facts.model), inputTokens, soundSeconds, outputTokens };
      return chargeUnreserved({ reported: summary, ...used, progress: outcome }, prices);
    }
    return chargeReserved({ reported: summary, reserved, backend, progress: outcome }, prices);
  }

  /**
   * Returns the charge of an object by the usage that its response reported, at the prices of the time when
   * the object was created.
   */
  chargeOfObject(object: AwaitedObject, part: ReportedPart, backend: Backend | undefined): Charge {
    const prices = backend && this.#tierPrices(backend, {
      reported: part.tier,
      requested: object.tier,
      epochMs: object.madeAt,
    });
    const models = namesOf(part.model, object.model);
    return chargeOfObject(object, prices && chargeReported(part, models, prices));
  }

  #tierPrices(
    backend: Backend,
    { reported, requested, epochMs }: {
      reported: string | undefined;
      requested: string | undefined;
      epochMs: number;
    },
  ): TierPrices {
    const prices = this.#prices.at(backend);
    const { factor, isGuessed } = priceFactor({ reported, requested, provider: prices.provider });
    return new TierPrices(prices, { factor, isGuessed, epochMs });
  }

  /** Returns the tokens of a charge that count for limits. `undefined` if they are unknown. */
  countedTokens({ tokens, usage }: Charge): number | undefined {
    const uncounted = this.#endpoint?.countCacheReads === true ? 0 : usage.cachedTokens ?? 0;
    return tokens === undefined ? undefined : Math.max(0, tokens - uncounted);
  }
}

/**
 * Returns the tokens of a body for a model, with its images. `isMost` chooses the highest number instead of
 * the expected one.
 */
function inputOf(
  { inputTokens, mostInputTokens = inputTokens, images }: ReservedUsage,
  { model, isMost }: { readonly model: string; readonly isMost: boolean },
): number {
  const tokens = isMost ? mostInputTokens : inputTokens;
  return images === undefined ? tokens : tokens + imageTokensFor(images, model);
}

/** Returns the known models: first the model of the response, then the model of the request. */
function namesOf(answered: string | undefined, asked: string | undefined): readonly string[] {
  if (answered === undefined) return asked === undefined ? NO_NAMES : [asked];
  return asked === undefined || asked === answered ? [answered] : [answered, asked];
}

/** Returns the usage to reserve, with the input of content that is not in the body. */
export function withContentElsewhere(
  reserved: ReservedUsage | undefined,
  { refersElsewhere = false }: RequestFacts,
): ReservedUsage | undefined {
  return reserved && refersElsewhere
    ? { ...reserved, ...elsewhere(reserved, UNKNOWN_CONTEXT_TOKENS) }
    : reserved;
}

/**
 * Returns the input with content that is not in the body. It does not exceed the maximum of a model in
 * tokens.
 */
function elsewhere(
  { inputTokens, soundSeconds }: Pick<ReservedUsage, "inputTokens" | "soundSeconds">,
  context: number,
): Pick<ReservedUsage, "inputTokens" | "soundSeconds"> {
  return {
    inputTokens: Math.max(inputTokens, Number.isFinite(context) ? context : UNKNOWN_CONTEXT_TOKENS),
    soundSeconds: soundSeconds === undefined ? undefined : Math.max(soundSeconds, UNKNOWN_SOUND_SECONDS),
  };
}
