/** Makes endpoints of the deployments of LiteLLM. */

import { type Preset, PRESETS } from "../../config/values/presets.ts";
import { compact, type Draft, type DraftBackend, type DraftPrice, endpointName, literal } from "./draft.ts";
import type { Deployment } from "./litellm_deployments.ts";
import type { Item } from "./source.ts";

/** The settings of the router of LiteLLM, for all endpoints. */
export interface Routing {
  readonly strategy: string;
  readonly retries: number | undefined;
  readonly fallbacks: ReadonlyMap<string, readonly { readonly model: string; readonly item: Item }[]>;
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/**
 * Models at one upstream share an endpoint. A model with several deployments or fallbacks gets an endpoint of
 * its own, with a backend for each.
 */
export function addEndpoints(deployments: readonly Deployment[], routing: Routing, draft: Draft): void {
  const byModel = Map.groupBy(deployments, ({ model }) => model);
  const alone: Deployment[] = [];
  for (const [model, group] of byModel) {
    const spare = (routing.fallbacks.get(model) ?? []).flatMap(({ model: target, item }) => {
      const found = byModel.get(target) ?? [];
      if (found.length === 0) {
        item.lose("is not carried over: the file has no such model, or it was left out");
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
}

function addShared(group: readonly Deployment[], { aliases, retries }: Routing, draft: Draft): void {
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
  const served = group.flatMap(({ model }) => [model, ...aliases.get(model) ?? []]);
  draft.endpoints.push(compact({
    name: draft.freeName(wanted, { isUsual }),
    provider: provider.preset,
    retries,
    prices: pricesOf(group),
    backends: [{ ...backend, ...modelsMember(group, aliases) }],
    served,
  }));
  for (const { item, model } of group) {
    if (model.includes("*")) {
      item.key("model_name").say(
        "has a *: clients use the names of the provider, without a prefix, at its endpoint",
      );
    }
  }
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
  const same = group.filter((one) => dialectOf(one) === dialect);
  for (const other of group) {
    if (dialectOf(other) === dialect) continue;
    other.item.say(
      `is not a backend of ${model}: it speaks ${dialectOf(other)}, and the others speak ${dialect}`,
    );
  }
  const fitting = spare.filter(({ deployment, item }) => {
    if (dialectOf(deployment) === dialect) return true;
    item.lose(
      `is not carried over: ${model} speaks ${dialect}, and this model speaks ${dialectOf(deployment)}`,
    );
    return false;
  });
  const isWeighted = same.some(({ weight }) => weight !== undefined);
  const strategy = fitting.length > 0 ? "failover" : isWeighted ? "weighted" : routing.strategy;
  if (fitting.length > 0 && same.length > 1) {
    first.item.say(`${model} has several deployments and fallbacks: the deployments are used in their order`);
  }
  const aliases = routing.aliases.get(model) ?? [];
  const names = [model, ...aliases];
  const all = [...same, ...fitting.map(({ deployment }) => deployment)];
  draft.endpoints.push(compact({
    name: draft.freeName(model),
    provider: dialect === "openai" ? "openai" : first.provider.preset,
    strategy: all.length > 1 ? strategy : undefined,
    retries: routing.retries,
    prices: pricesOf(all),
    served: names,
    backends: all.map(({ backend, prefix, upstreamModel, weight }, index) =>
      compact<DraftBackend>({
        name: `${endpointName(prefix)}-${index + 1}`,
        ...backend,
        weight: strategy === "weighted" ? Math.max(1, Math.round(weight ?? 1)) : undefined,
        // A model with the same name needs no change of the body.
        models: Object.fromEntries(
          names.filter((name) => name !== upstreamModel).map((name) => [name, literal(upstreamModel)]),
        ),
      })
    ),
  }));
}

function modelsMember(
  group: readonly Deployment[],
  aliases: ReadonlyMap<string, readonly string[]>,
): Pick<DraftBackend, "models"> {
  const models = Object.fromEntries(
    group.flatMap(({ model, upstreamModel }) =>
      [model, ...aliases.get(model) ?? []]
        .filter((name) => name !== upstreamModel && !`${name}${upstreamModel}`.includes("*"))
        .map((name) => [name, literal(upstreamModel)])
    ),
  );
  return Object.keys(models).length === 0 ? {} : { models };
}

function pricesOf(group: readonly Deployment[]): Record<string, DraftPrice> {
  return Object.fromEntries(
    group.flatMap(({ upstreamModel, price }) => price === undefined ? [] : [[upstreamModel, price]]),
  );
}

function dialectOf({ provider }: Deployment): string {
  return PRESETS[provider.preset].dialects[0];
}
