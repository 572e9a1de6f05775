/** Suggests settings for models without a price, for `llm-proxy check` and for the log. */

import { isPrivateHost } from "../../network/ip_ranges.ts";
import { ENVIRONMENT_ENDPOINTS } from "../../config/values/presets.ts";
import { LOCAL_PRICES } from "../../config/values/price_providers.ts";
import type { Backend, Endpoint } from "../../config/config.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { PriceLibrary } from "./cost.ts";

/** The most models that one text names. */
const MOST_NAMED = 3;
const MAX_NAME = 100;

/**
 * Returns the setting that gives a model a price at a backend. `undefined` in three cases: the model has a
 * price, no known provider has a price for it, or the URL of the backend shows its provider.
 */
export function modelAdvice(
  { endpoint, backend, model }: { endpoint: Endpoint; backend: Backend; model: string },
  library: PriceLibrary,
): string | undefined {
  const provider = providerToName({ endpoint, backend, model }, library);
  return provider &&
    `${harmlessText(model, MAX_NAME)} has no price at ${endpoint.name} (${urlOf(backend)}); if ` +
      `${provider} bills it, set ${settingText(endpoint, provider)}`;
}

/**
 * Returns advice for endpoints at which some or all models have no price. `offered` has the models that the
 * backends of each endpoint list, by the name of the endpoint.
 */
export function endpointsAdvice(
  endpoints: readonly Endpoint[],
  library: PriceLibrary,
  offered: ReadonlyMap<string, readonly string[]> = new Map(),
): string[] {
  return endpoints.flatMap((endpoint) => {
    const unpriced = endpoint.backends.filter((backend) => isUnpriced(endpoint, backend, library));
    const [backend] = unpriced;
    if (backend === undefined) return [];
    const models = [
      ...unpriced.flatMap(({ model }) => [...model?.byName.values() ?? [], model?.otherwise ?? ""]),
      ...offered.get(endpoint.name) ?? [],
    ];
    const byProvider = new Map<string, Set<string>>();
    for (const model of models) {
      const provider = providerToName({ endpoint, backend, model }, library);
      if (provider === undefined) continue;
      byProvider.set(provider, (byProvider.get(provider) ?? new Set()).add(model));
    }
    if (byProvider.size > 0) {
      return [...byProvider].map(([provider, names]) =>
        `${listed([...names])} ${names.size === 1 ? "has" : "have"} no price at ${endpoint.name} ` +
        `(${urlOf(backend)}); if ${provider} bills it, set ${settingText(endpoint, provider)}`
      );
    }
    if (endpoint.prices.length > 0) return [];
    const what = `nothing has a price at ${endpoint.name} (${
      urlOf(backend)
    }), so tokens with a budget cannot use it`;
    return isPrivateHost(backend.baseUrl.origin)
      ? [`${what}; if it costs nothing, set ${settingText(endpoint, LOCAL_PRICES)}`]
      : [`${what}; set endpoints.${endpoint.name}.price_provider or prices`];
  });
}

function isUnpriced({ priceProvider }: Endpoint, backend: Backend, library: PriceLibrary): boolean {
  return priceProvider === undefined && library.providerAt(urlOf(backend)) === undefined;
}

function providerToName(
  { endpoint, backend, model }: { endpoint: Endpoint; backend: Backend; model: string },
  library: PriceLibrary,
): string | undefined {
  if (model === "" || !isUnpriced(endpoint, backend, library)) return undefined;
  if (endpoint.prices.some(({ matches }) => matches(model))) return undefined;
  return library.providerOf(model);
}

/** A setting as text: `endpoints.openai.price_provider = "openai" (OPENAI_PRICE_PROVIDER=openai)`. */
function settingText({ name }: Endpoint, value: string): string {
  const prefix = ENVIRONMENT_ENDPOINTS[name];
  return `endpoints.${name}.price_provider = "${value}"` +
    (prefix === undefined ? "" : ` (${prefix}_PRICE_PROVIDER=${value})`);
}

function listed(models: readonly string[]): string {
  const named = models.slice(0, MOST_NAMED).map((model) => harmlessText(model, MAX_NAME)).join(", ");
  return models.length > MOST_NAMED ? `${named} and ${models.length - MOST_NAMED} more` : named;
}

function urlOf({ baseUrl }: Backend): string {
  return baseUrl.origin + baseUrl.path;
}
