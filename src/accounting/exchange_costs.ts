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
import { chargeOfObject, type ReportedPart } from "./settlement.ts";

/** The input of content outside of the body, if the maximum of the model is unknown. In tokens. */
const UNKNOWN_CONTEXT_TOKENS = 200_000;

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
  unpricedModel(candidates: readonly CandidateModel[]): string | undefined {
    const isOverridden = (name: string) =>
      this.#endpoint?.backends.some(({ model }) => overridingModel(model, name) !== undefined) === true;
    return candidates.find(({ backend, model }) => this.#prices.lacks(model, backend) && !isOverridden(model))
      ?.model;
  }

  /**
   * The expected and the highest cost of a request. Both are the same if the endpoint reserves the maximum.
   */
  reservation(reserved: ReservedUsage | undefined, facts: RequestFacts): ReservedCost {
    if (reserved === undefined) return { micros: 0, mostMicros: 0 };
    // A background response continues after its request, and no limit counts how many there are.
    const isExpected = this.#endpoint?.reserve === "expected" && facts.background !== true;
    const refersElsewhere = facts.refersElsewhere === true;
    const mostMicros = this.#highestCost(reserved, { facts, refersElsewhere });
    if (!isExpected) return { micros: mostMicros, mostMicros };
    const expectedTokens = facts.model !== undefined && this.#endpoint !== undefined
      ? this.#outputs.expected(this.#endpoint.name, facts.model)
      : undefined;
    const micros = this.#highestCost(reserved, {
      facts,
      refersElsewhere: false,
      mostOutputTokens: expectedTokens,
    });
    return { micros, mostMicros };
  }

  /** The cost of the most expensive candidate, in micro-dollars. */
  #highestCost(
    reserved: ReservedUsage,
    { facts, refersElsewhere, mostOutputTokens = Infinity }: {
      facts: RequestFacts;
      /** Whether the model reads content outside of the body, up to the maximum of its input. */
      refersElsewhere: boolean;
      mostOutputTokens?: number | undefined;
    },
  ): number {
    const { factor } = priceFactor(undefined, facts.tier);
    const costs = reserved.candidates.map(({ backend, model, outputTokens }) => {
      const context = this.#prices.contextTokens(model, backend);
      const elsewhere = Number.isFinite(context) ? context : UNKNOWN_CONTEXT_TOKENS;
      const inputTokens = refersElsewhere ? elsewhere : Math.min(reserved.inputTokens, context);
      const usage = { inputTokens, outputTokens: Math.min(outputTokens, mostOutputTokens) };
      const at = { backend, factor, epochMs: this.#startedAt };
      return this.#prices.cost(usage, [model], at)?.micros ?? 0;
    });
    return Math.max(0, ...costs);
  }

  /** The charge of an attempt at a backend, by what its response reported and by estimates. */
  charge(
    backend: Backend,
    { request, reserved, summary, outcome }: {
      readonly request: AccountedRequest;
      readonly reserved: ReservedUsage | undefined;
      readonly summary: ResponseSummary;
      readonly outcome: AttemptOutcome;
    },
  ): Charge {
    const { model, tier } = summary;
    const { isGood, ...seen } = outcome;
    const facts = request.facts();
    const { factor, isGuessed } = priceFactor(tier, facts.tier);
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
      return chargeUnreserved({ reported: summary, models, inputTokens, outputTokens, progress }, prices);
    }
    const candidates = reserved.candidates.filter((candidate) => candidate.backend.name === backend.name);
    return chargeReserved({ reported: summary, reserved, candidates, progress }, prices);
  }

  /** The charge of an object by the usage that its response reported, at the prices of its creation. */
  chargeOfObject(object: AwaitedObject, part: ReportedPart, backend: Backend | undefined): Charge {
    const { factor, isGuessed } = priceFactor(part.tier, object.tier);
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

/** The usage to reserve, with the input of content outside of the body. */
export function withContentElsewhere(
  reserved: ReservedUsage | undefined,
  { refersElsewhere = false }: RequestFacts,
): ReservedUsage | undefined {
  return reserved && refersElsewhere
    ? { ...reserved, inputTokens: Math.max(reserved.inputTokens, UNKNOWN_CONTEXT_TOKENS) }
    : reserved;
}
