/** Names of models, and the keys and headers that hold them. */

import { foldKey } from "./fold_key.ts";
import { rememberedByKey } from "./remembered_by_key.ts";

/** The longest name of a model, in characters. */
export const MAX_NAME = 200;
/** The most different models in a body or in a head. Each of them is compared with every rule. */
export const MAX_MODELS = 1_000;

/**
 * Returns the first {@link MAX_NAME} characters of a name, which are enough to distinguish models. Removes
 * white space and control characters at the front, because some servers skip them.
 */
export function shortName(name: string): string {
  // deno-lint-ignore no-control-regex -- some servers skip control characters
  return name.replace(/^[\s\x00-\x1f\x7f\ufeff]+/, "").trimEnd().slice(0, MAX_NAME);
}

/**
 * The ends of keys that name a model: `model`, `fallback_models`, `modelId`, `base_model`, … Agents,
 * assistants and presets are included, because their creator chose a model for them.
 */
const MODEL_KEY =
  /(?:models?|modelids?|modelnames?|deployment|deploymentid|engine|engineid|fallbacks?|agentid|assistantid|preset)$/;

/** Whether the value of a key or a header names a model. Ignores capitals and separators. */
export const namesModel: (key: string) => boolean = rememberedByKey((key) =>
  MODEL_KEY.test(foldKey(key).replaceAll(/[-_.\s[\]]/g, ""))
);

/** Keys that name what responds: a model, or an agent of Mistral, but not a fallback or a preset. */
const RESPONDER_KEY = /^(?:models?|modelids?|modelnames?|deployment|deploymentid|engine|engineid|agentid)$/;

/** Whether the value of a key of the outermost object names the model that responds. */
export const namesResponder: (key: string) => boolean = rememberedByKey((key) =>
  RESPONDER_KEY.test(foldKey(key).replaceAll(/[-_.\s]/g, ""))
);
