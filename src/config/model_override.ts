import type { ModelOverride } from "./config.ts";

/** The model that replaces the model of a request. Undefined: the backend gets the model of the request. */
export function overridingModel(model: ModelOverride | undefined, name: string): string | undefined {
  return model?.byName.get(name) ?? model?.otherwise;
}
