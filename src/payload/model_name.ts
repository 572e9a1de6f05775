/** Names of models, and the keys and headers that hold them. */

import { foldKey } from "./fold_key.ts";
import { rememberedByKey } from "./remembered_by_key.ts";

/** The name of a model is not longer, in characters. */
export const MAX_NAME = 200;
/** The highest number of different models in a body or in a head. Each is compared with every rule. */
export const MAX_MODELS = 1_000;

/**
 * The first {@link MAX_NAME} characters of a name, which tell it from every other model. Removes white space
 * and control characters at the front, because some servers skip them.
 */
export function shortName(name: string): string {
  // deno-lint-ignore no-control-regex -- some servers skip control characters
  return name.replace(/^[\s\x00-\x1f\x7f\ufeff]+/, "").trimEnd().slice(0, MAX_NAME);
}

/**
 * The ends of keys that name a model: `model`, `fallback_models`, `modelId`, `base_model`, … An agent, an
 * assistant and a preset have a model that their creator chose.
 */
const MODEL_KEY =
  /(?:models?|modelids?|modelnames?|deployment|deploymentid|engine|engineid|fallbacks?|agentid|assistantid|preset)$/;

/** Whether the value of a key or a header names a model. Ignores capitals and separators. */
export const namesModel: (key: string) => boolean = rememberedByKey((key) =>
  MODEL_KEY.test(foldKey(key).replaceAll(/[-_.\s[\]]/g, ""))
);
