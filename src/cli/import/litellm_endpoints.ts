/** Makes endpoints from the deployments of LiteLLM. */

import { type Preset, presetNamed, PRESETS } from "../../config/values/presets.ts";
import { matchesAny } from "../../text/glob.ts";
import { compact, type Draft, type DraftBackend, type DraftPrice, endpointName, literal } from "./draft.ts";
import type { Deployment } from "./litellm_deployments.ts";
import { nameChange, sharedChange } from "./litellm_names.ts";
import type { Item } from "./source.ts";

/** The settings of the router of LiteLLM, for all endpoints. */
export interface Routing {
  readonly strategy: string;
  readonly retries: number | undefined;
  readonly fallbacks: ReadonlyMap<string, readonly { readonly model: string; readonly item: Item }[]>;
  /** Other names of models, and the models that they stand for. */
  readonly aliases: readonly { readonly alias: string; readonly target: string; readonly item: Item }[];
}

/**
 * Adds the endpoints, routes and aliases to a draft. Models at one upstream share an endpoint. A model with
 * several deployments or fallbacks gets a separate endpoint, with a backend for each deployment. With the
 * routes and aliases, the names that clients use stay valid.
 */
export function addEndpoints(deployments: readonly Deployment[], routing: Routing, draft: Draft): void {
  const byModel = Map.groupBy(deployments, ({ model }) => model);
  const alone: Deployment[] = [];
  for (const [model, group] of byModel) {
    const spare = (routing.fallbacks.get(model) ?? []).flatMap(({ model: target, item }) => {
      const found = byModel.get(target) ?? [];
      if (found.length === 0) {
        item.leaveOut("is not carried over: the file has no such model, or it was left out");
      }
      return found.map((deployment) => ({ deployment, item }));
    });
    const [first] = group;
    if (group.length === 1 && spare.length === 0 && first !== undefined) alone.push(first);
    else addGroup(model, { group, spare, routing, draft });
  }
  const shared = Map.groupBy(
    alone,
    ({ prefix, provider, backend }) =>
      JSON.stringify([provider.preset, provider.preset === "openai" ? prefix : "", backend]),
  );
  for (const group of shared.values()) addShared(group, routing, draft);
  setDefault(draft);
  const served = draft.endpoints.flatMap((endpoint) => endpoint.served);
  for (const { alias, target, item } of routing.aliases) {
    if (matchesAny(served, target)) draft.addAlias(alias, target);
    else item.leaveOut("is not carried over: the file has no such model, or it was left out");
  }
  readEveryModel(draft);
}

/**
 * Adds an endpoint for models at one upstream. If the proxy has to remove a prefix from their names, the
 * prefix is the name of the endpoint.
 */
function addShared(group: readonly Deployment[], { retries }: Routing, draft: Draft): void {
  const [first] = group;
  if (first === undefined) return;
  const { prefix, provider, backend } = first;
  const preset: Preset = PRESETS[provider.preset];
  const isUsual = backend.base_url === preset.baseUrl && backend.api_key === `\${${provider.variable}}`;
  const host = URL.canParse(backend.base_url ?? "") ? new URL(backend.base_url ?? "").host : prefix;
  const wanted = provider.preset !== "openai" || isUsual
    ? provider.preset
    : prefix === "openai"
    ? host
    : prefix;
  const byName = Map.groupBy(group, (one) => {
    const change = nameChange(one);
    return change.kind === "prefix" ? change.prefix : wanted;
  });
  for (const [wantedName, deployments] of byName) {
    const name = draft.freeName(wantedName, { isUsual: isUsual && wantedName === wanted });
    draft.endpoints.push(compact({
      name,
      provider: provider.preset,
      retries,
      prices: pricesOf(deployments),
      backends: [backend],
      served: deployments.flatMap((one) => addRoute([one], { endpoint: name, draft }) ?? []),
    }));
  }
}

/**
 * Adds the route of a model, if it needs one. Returns the name of the model that leads to the endpoint. If no
 * route can change the names of the model, adds a note and returns `undefined`.
 */
function addRoute(
  deployments: readonly Deployment[],
  { endpoint, draft }: { endpoint: string; draft: Draft },
): string | undefined {
  const [first] = deployments;
  if (first === undefined) return undefined;
  const { model, item } = first;
  const change = sharedChange(deployments);
  // If the backends have different names for the model, each backend replaces the whole name.
  const isReplaced = deployments.length > 1 && !model.includes("*");
  if (isReplaced || change.kind === "same") draft.addRoute({ model, endpoint });
  else if (change.kind === "fixed" || change.kind === "pattern") {
    draft.addRoute({ model, endpoint, to: change.to });
  } else if (change.kind === "other" || change.prefix !== endpoint) {
    item.key("model_name").addNote(
      `has a *, and no route can change its names: clients write ${endpoint}/ and the name at the provider`,
    );
    return undefined;
  } else {
    item.key("model_name").addNote(
      `has a *: llm-proxy removes ${endpoint}/ from a name, unless the list of an endpoint has the whole name`,
    );
  }
  return model;
}

/**
 * Replaces a route for `*` by the default endpoint. Such a route would also match names that begin with the
 * name of an endpoint.
 */
function setDefault(draft: Draft): void {
  const all = draft.routes.find(({ model }) => model === "*");
  const endpoint = draft.endpoints.find(({ name }) => name === all?.endpoint);
  const preset = presetNamed(endpoint?.provider ?? "");
  if (endpoint === undefined || preset === undefined || all?.to !== undefined) return;
  // Only OpenAI's API has a default endpoint that can be set.
  if (prefixed(draft) === undefined || PRESETS[preset].dialects[0] !== "openai") return;
  draft.removeRoute("*");
  draft.server["default_endpoint"] = endpoint.name;
}

/**
 * Adds a route. Without a route, the proxy does not read the model of requests if an API has only one
 * endpoint.
 */
function readEveryModel(draft: Draft): void {
  const endpoint = prefixed(draft);
  if (endpoint === undefined || draft.routes.length > 0 || draft.aliases.size > 0) return;
  draft.addRoute({ model: `${endpoint}/`, endpoint });
  draft.hints.push(
    `Keep the route ${endpoint}/, although no model has this name: it makes the proxy read the model of each request.`,
  );
}

/** Returns the first endpoint whose name is the prefix of a pattern. */
function prefixed({ endpoints }: Draft): string | undefined {
  return endpoints.find(({ served, name }) =>
    served.some((model) => model.startsWith(`${name}/`) && model.includes("*"))
  )?.name;
}

function addGroup(
  model: string,
  { group, spare, routing, draft }: {
    group: readonly Deployment[];
    spare: readonly { readonly deployment: Deployment; readonly item: Item }[];
    routing: Routing;
    draft: Draft;
  },
): void {
  const [first] = group;
  if (first === undefined) return;
  const dialect = dialectOf(first);
  const same = group.filter((one) => dialectOf(one) === dialect)
    .toSorted((left, right) => (left.order ?? Infinity) - (right.order ?? Infinity) || 0);
  for (const other of group) {
    if (dialectOf(other) === dialect) continue;
    other.item.addNote(
      `is not a backend of ${model}: it speaks ${dialectOf(other)}, and the others speak ${dialect}`,
    );
  }
  const fitting = spare.filter(({ deployment, item }) => {
    if (dialectOf(deployment) === dialect) return true;
    item.leaveOut(
      `is not carried over: ${model} speaks ${dialect}, and this model speaks ${dialectOf(deployment)}`,
    );
    return false;
  });
  const isWeighted = same.some(({ weight }) => weight !== undefined);
  const isOrdered = same.some(({ order }) => order !== undefined);
  const strategy = fitting.length > 0 || isOrdered ? "failover" : isWeighted ? "weighted" : routing.strategy;
  if (fitting.length > 0 && same.length > 1 && !isOrdered) {
    first.item.addNote(
      `${model} has several deployments and fallbacks: the deployments are used in their order`,
    );
  }
  const all = [...same, ...fitting.map(({ deployment }) => deployment)];
  const renamed = all.map((one) => ({ ...one, model }));
  const change = sharedChange(renamed);
  const endpoint = draft.freeName(change.kind === "prefix" ? change.prefix : model);
  const served = addRoute(renamed, { endpoint, draft });
  draft.endpoints.push(compact({
    name: endpoint,
    provider: dialect === "openai" ? "openai" : first.provider.preset,
    strategy: all.length > 1 ? strategy : undefined,
    retries: routing.retries,
    prices: pricesOf(all),
    served: served === undefined ? [] : [served],
    backends: all.map(({ backend, prefix, upstreamModel, weight }, index) =>
      compact<DraftBackend>({
        name: `${endpointName(prefix)}-${index + 1}`,
        ...backend,
        weight: strategy === "weighted" ? Math.max(1, Math.round(weight ?? 1)) : undefined,
        // If the provider has the same name of the model, the body need not change.
        models: all.length === 1 || model === upstreamModel || `${model}${upstreamModel}`.includes("*")
          ? {}
          : { [model]: literal(upstreamModel) },
      })
    ),
  }));
}

function pricesOf(group: readonly Deployment[]): Record<string, DraftPrice> {
  return Object.fromEntries(
    group.flatMap(({ upstreamModel, price }) => price === undefined ? [] : [[upstreamModel, price]]),
  );
}

function dialectOf({ provider }: Deployment): string {
  return PRESETS[provider.preset].dialects[0];
}
