import type { ModelOverride } from "./config.ts";

/** Returns the model that replaces the model of a request, or undefined if the request keeps its model. */
export function overridingModel(model: ModelOverride | undefined, name: string): string | undefined {
  return model?.byName.get(name) ?? model?.otherwise;
}

/**
 * Returns the model that the upstream gets instead of the model that the client named, because of an alias or
 * a model override. `model` is the model of the request, in which an alias is already replaced. `modelAsked`
 * is the name that the client used, if an alias replaced it. `undefined` if the upstream gets the model that
 * the client named.
 */
export function modelSentInstead(
  override: ModelOverride | undefined,
  { model, modelAsked }: { readonly model: string | undefined; readonly modelAsked: string | undefined },
): string | undefined {
  if (override === undefined && modelAsked === undefined || model === undefined) return undefined;
  const sent = overridingModel(override, model) ?? model;
  return sent === (modelAsked ?? model) ? undefined : sent;
}
