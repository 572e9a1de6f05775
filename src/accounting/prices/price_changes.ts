/** Compares two lists of prices. */

import { calcPrice, type ModelInfo, type ModelPrice, type Provider } from "@pydantic/genai-prices";

/**
 * The prices of a model at a moment, in US dollars per million tokens. A price is `undefined` if the model
 * has none.
 */
export interface ShownPrice {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly cached: number | undefined;
  /** Whether the prices depend on the amount of input or on the time. */
  readonly varies: boolean;
}

/** A model in a list of prices. */
export interface ListedModel {
  readonly provider: string;
  readonly model: string;
  readonly price: ShownPrice;
}

/** A model whose prices have changed. */
export interface ChangedModel {
  readonly provider: string;
  readonly model: string;
  readonly before: ShownPrice;
  readonly after: ShownPrice;
}

/** The difference of two lists of prices. */
export interface PriceChanges {
  readonly added: readonly ListedModel[];
  readonly removed: readonly ListedModel[];
  readonly changed: readonly ChangedModel[];
  /** Texts about providers that were added or removed, or whose URL or names changed. */
  readonly providers: readonly string[];
  /** The number of models whose rules for matching names changed. */
  readonly renamed: number;
}

/** Returns all models of a list, with their prices at a moment. */
export function listedModels(providers: readonly Provider[], at: Date): ListedModel[] {
  return providers.flatMap((provider) =>
    provider.models.map((model) => ({
      provider: provider.id,
      model: model.id,
      price: shownPrice(model, at),
    }))
  );
}

/** Returns the differences between two lists, with the prices at the moment `at`. */
export function priceChanges(
  before: readonly Provider[],
  after: readonly Provider[],
  { at }: { at: Date },
): PriceChanges {
  const [old, now] = [modelsOf(before), modelsOf(after)];
  const listed = ({ provider, model }: ListEntry): ListedModel => ({
    provider: provider.id,
    model: model.id,
    price: shownPrice(model, at),
  });
  const both = [...now].flatMap(([key, found]) => {
    const earlier = old.get(key);
    return earlier === undefined ? [] : [{ earlier, found }];
  });
  return {
    added: [...now].filter(([key]) => !old.has(key)).map(([, found]) => listed(found)),
    removed: [...old].filter(([key]) => !now.has(key)).map(([, found]) => listed(found)),
    changed: both.filter(({ earlier, found }) => text(earlier.model.prices) !== text(found.model.prices))
      .map(({ earlier, found }) => ({
        provider: found.provider.id,
        model: found.model.id,
        before: shownPrice(earlier.model, at),
        after: shownPrice(found.model, at),
      })),
    providers: changedProviders(before, after),
    renamed:
      both.filter(({ earlier, found }) => text(earlier.model.match) !== text(found.model.match)).length,
  };
}

/** Whether one of `names` matches a model of a list. */
export function isNamedBy(
  { provider: id, model: modelId }: { readonly provider: string; readonly model: string },
  names: readonly string[],
  providers: readonly Provider[],
): boolean {
  const provider = providers.find((one) => one.id === id);
  const model = provider?.models.find((one) => one.id === modelId);
  if (provider === undefined || model === undefined) return false;
  const alone = { ...provider, fallback_model_providers: [], models: [model] };
  return names.some((name) => {
    try {
      return calcPrice({}, name, { provider: alone }) !== null;
    } catch {
      // The model matched. Only its price could not be computed.
      return true;
    }
  });
}

interface ListEntry {
  readonly provider: Provider;
  readonly model: ModelInfo;
}

function modelsOf(providers: readonly Provider[]): Map<string, ListEntry> {
  return new Map(
    providers.flatMap((provider) =>
      provider.models.map((model) => [`${provider.id} ${model.id}`, { provider, model }] as const)
    ),
  );
}

function changedProviders(before: readonly Provider[], after: readonly Provider[]): string[] {
  const place = (provider: Provider): string =>
    text([
      provider.api_pattern,
      provider.provider_match,
      provider.model_match,
      provider.fallback_model_providers,
    ]);
  const old = new Map(before.map((provider) => [provider.id, provider]));
  const now = new Map(after.map((provider) => [provider.id, provider]));
  return [
    ...[...now].filter(([id]) => !old.has(id)).map(([id, { api_pattern }]) =>
      `${id} is new, at ${api_pattern}`
    ),
    ...[...old.keys()].filter((id) => !now.has(id)).map((id) => `${id} was removed`),
    ...[...now].flatMap(([id, provider]) => {
      const earlier = old.get(id);
      if (earlier === undefined || place(earlier) === place(provider)) return [];
      return [
        earlier.api_pattern === provider.api_pattern
          ? `${id} has other names`
          : `${id} moved from ${earlier.api_pattern} to ${provider.api_pattern}`,
      ];
    }),
  ];
}

function shownPrice(model: ModelInfo, at: Date): ShownPrice {
  const prices = pricesAt(model, at);
  // A model without prices is free.
  if (Object.keys(prices).length === 0) {
    return { input: 0, output: 0, cached: undefined, varies: Array.isArray(model.prices) };
  }
  const base = (kind: string): number | undefined => {
    const price = prices[kind];
    return typeof price === "object" ? price.base : price;
  };
  return {
    input: base("input_mtok"),
    output: base("output_mtok"),
    cached: base("cache_read_mtok"),
    varies: Array.isArray(model.prices) || Object.values(prices).some((price) => typeof price === "object"),
  };
}

/** Returns the prices of a model at a moment, as the library selects them. */
function pricesAt(model: ModelInfo, at: Date): ModelPrice {
  if (!Array.isArray(model.prices)) return model.prices;
  const provider = {
    id: "listed",
    name: "",
    api_pattern: "",
    models: [{ ...model, match: { equals: model.id } }],
  };
  try {
    return calcPrice({}, model.id, { provider, timestamp: at })?.model_price ?? {};
  } catch {
    return model.prices[0]?.prices ?? {};
  }
}

/** Returns a value as JSON with sorted keys, for comparisons. */
function text(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => one < other ? -1 : 1))
        : inner,
  ) ?? "";
}
