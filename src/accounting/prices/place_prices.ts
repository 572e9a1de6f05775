/** The prices at one backend, by the configuration of its endpoint and by published prices. */

import { LOCAL_PRICES } from "../../config/values/price_providers.ts";
import type { Price } from "../../config/config.ts";
import { MAX_NAME as CUT_LENGTH } from "../../payload/model_name.ts";
import { modelSpellings } from "../../text/model_spellings.ts";
import type { Cost, PricedBackend, PriceLibrary } from "./cost.ts";
import { ownKinds } from "./dear_kinds.ts";
import { flatCost } from "./flat_cost.ts";
import { publishedCost, type PublishedPrice } from "./published_cost.ts";
import type { Usage, UsageKind } from "../usage/usage.ts";

/** The version of a cost that was computed with the prices of the configuration. */
const OWN_VERSION = "configuration";
/** The version of a cost that the provider stated. */
export const STATED_VERSION = "provider";
/** The version of the cost at a local server, which is 0. */
export const LOCAL_VERSION = "local";
const NO_KINDS: ReadonlySet<UsageKind> = new Set();
/** Providers that state the cost of each response, tools included. */
const STATING: ReadonlySet<string> = new Set(["openrouter", "perplexity", "x-ai"]);
/** The most models whose prices are remembered. It is limited because clients choose the names. */
const MAX_MODELS = 1_000;
/** The longest name of a model whose price is remembered, in characters. */
const MAX_NAME = 256;

/** The prices of one model. */
interface ModelPrices {
  /** The price in the configuration. */
  readonly own: Price | undefined;
  readonly published: PublishedPrice | undefined;
  readonly ownKinds: ReadonlySet<UsageKind>;
}

/**
 * Computes costs at one backend. It remembers the prices of models, so that a known model costs one look-up.
 */
export class PlacePrices {
  /** The provider whose prices apply. `undefined` if it is unknown. */
  readonly provider: string | undefined;
  readonly #library: PriceLibrary;
  readonly #place: PricedBackend;
  readonly #models = new Map<string, ModelPrices>();

  constructor(library: PriceLibrary, place: PricedBackend) {
    this.#library = library;
    this.#place = place;
    const { provider, isProviderGuessed = provider === undefined, url } = place;
    this.provider = isProviderGuessed ? library.providerAt(url) ?? provider : provider;
  }

  /** Whether every request costs nothing. */
  get isFree(): boolean {
    return this.provider === LOCAL_PRICES && this.#place.prices.length === 0;
  }

  /**
   * Returns the cost of usage, or `undefined` if it is unknown. Tries `models` in order: the model of the
   * response, then the model of the request. Prices of the configuration come first, then the cost that the
   * provider states, then published prices.
   */
  cost(usage: Usage, models: readonly string[], epochMs: number): Cost | undefined {
    const { statedCostMicros } = usage;
    if (
      usage.inputTokens === undefined && usage.outputTokens === undefined &&
      usage.inputAudioSeconds === undefined && statedCostMicros === undefined
    ) {
      return undefined;
    }
    if (this.#place.prices.length > 0) {
      for (const model of models) {
        const { own } = this.#of(model);
        if (own !== undefined) return ownCost(usage, own);
      }
    }
    if (statedCostMicros !== undefined) {
      return { micros: Math.round(statedCostMicros), version: STATED_VERSION };
    }
    if (this.provider === undefined) return undefined;
    if (this.provider === LOCAL_PRICES) return { micros: 0, version: LOCAL_VERSION };
    for (const model of models) {
      const price = this.#of(model).published;
      if (price === undefined) continue;
      const micros = publishedCost(usage, price, epochMs);
      // The model has prices, but none for usage of this kind.
      if (micros === 0 && !price.pricesTokens && hasTokens(usage)) continue;
      if (micros !== undefined) return costOf(micros, { version: this.#library.version, usage, price });
    }
    return undefined;
  }

  /** The maximum input of a model in tokens. `Infinity` if it is unknown. */
  contextTokens(model: string): number {
    return this.#of(model).published?.contextTokens ?? Infinity;
  }

  /** Whether a model has a price. */
  hasPrice(model: string): boolean {
    const { own, published } = this.#of(model);
    return own !== undefined || this.provider === LOCAL_PRICES || published !== undefined;
  }

  /** Whether the input and the output of a model have constant published prices. */
  hasFlatPrice(model: string): boolean {
    const { own, published } = this.#of(model);
    return own === undefined && published?.flat !== undefined;
  }

  /** The kinds of tokens that have a separate price for a model. */
  kindsOf(model: string): ReadonlySet<UsageKind> {
    const { own, published, ownKinds } = this.#of(model);
    return own !== undefined ? ownKinds : published?.kinds ?? NO_KINDS;
  }

  /**
   * Whether the provider states the cost of each response. `false` if the configuration has a price of the
   * model.
   */
  statesCost(model: string): boolean {
    return STATING.has(this.provider ?? "") && this.#of(model).own === undefined;
  }

  #of(model: string): ModelPrices {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const own = ownPrice(model, this.#place);
    const found = {
      own,
      ownKinds: own === undefined ? NO_KINDS : ownKinds(own),
      published: this.provider === undefined ? undefined : this.#published(model, this.provider),
    };
    if (model.length > MAX_NAME) return found;
    if (this.#models.size >= MAX_MODELS) this.#models.clear();
    this.#models.set(model, found);
    return found;
  }

  #published(model: string, provider: string): PublishedPrice | undefined {
    // The list has most models under exactly these names.
    const exact = this.#library.priceOf(model, provider);
    if (exact !== undefined && !exact.isFreeFamily) return exact;
    let free = exact;
    const spellings = modelSpellings(model);
    for (const spelling of spellings) {
      const price = this.#library.priceOf(spelling, provider);
      if (price === undefined) continue;
      // Servers may read such a name as that of another model, which is not free.
      if (!price.isFreeFamily) return price;
      free ??= price;
    }
    // The beginning of a name proves nothing if another folder follows, or if the end was cut off.
    const isWhole = model.length < CUT_LENGTH &&
      this.#library.priceOf(spellings.at(-1) ?? model, provider) !== undefined;
    return isWhole ? free : undefined;
  }
}

function hasTokens({ inputTokens = 0, outputTokens = 0 }: Usage): boolean {
  return inputTokens + outputTokens > 0;
}

/** The price of a model in the configuration. */
function ownPrice(model: string, { prices }: PricedBackend): Price | undefined {
  if (prices.length === 0) return undefined;
  const spellings = modelSpellings(model);
  return prices.find(({ matches }) => spellings.some(matches));
}

/** Returns the cost by a price of the configuration. The cost is partial if searches have no price there. */
function ownCost(usage: Usage, own: Price): Cost {
  const { webSearches, fileSearches, ...rest } = usage;
  const unpriced = {
    ...rest,
    ...(own.webSearches === undefined && webSearches !== undefined && { webSearches }),
    ...(own.fileSearches === undefined && fileSearches !== undefined && { fileSearches }),
  };
  return costOf(flatCost(usage, own), {
    version: OWN_VERSION,
    usage: unpriced,
    price: { pricesSearches: false },
  });
}

/** Makes a cost. It is partial if some of the usage has no price. */
function costOf(
  micros: number,
  { version, usage: { webSearches = 0, fileSearches = 0, unpricedUnits = 0 }, price: { pricesSearches } }: {
    readonly version: string;
    readonly usage: Usage;
    readonly price: { readonly pricesSearches: boolean };
  },
): Cost {
  return unpricedUnits > 0 || !pricesSearches && webSearches + fileSearches > 0
    ? { micros: Math.round(micros), version, isPartial: true }
    : { micros: Math.round(micros), version };
}
