import type { ModelOverride } from "./config.ts";

/** The model that a backend is sent in place of the one that a client names; undefined: the client's. */
export function overridingModel(model: ModelOverride | undefined, name: string): string | undefined {
  return model?.byName.get(name) ?? model?.otherwise;
}
