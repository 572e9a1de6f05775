import type { ModelOverride } from "./config.ts";

/** Returns the model that replaces the model of a request, or undefined if the request keeps its model. */
export function overridingModel(model: ModelOverride | undefined, name: string): string | undefined {
  return model?.byName.get(name) ?? model?.otherwise;
}
