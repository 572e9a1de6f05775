/** Rules for what is said of a provider, whether a flag or an answer says it. */

import * as v from "valibot";
import { baseUrlSchema } from "../../config/values/address_values.ts";
import { processSources } from "../../config/sources/env.ts";
import { type Preset, type PresetName, PRESETS } from "../../config/values/presets.ts";
import { reasonOf } from "../../config/problem.ts";
import { secretSchema, type ValueSchema } from "../../config/values/values.ts";
import { keyVariable } from "./plan.ts";

/** A value, or what is wrong with it as the rest of a sentence. A problem never repeats a key. */
export type Checked = { readonly value: string } | { readonly problem: string };

/** Whether a text can be a provider's base URL. */
export function checkBaseUrl(text: string): Checked {
  return checked(baseUrlSchema, text);
}

/** Whether a text can be a key, with the line break taken away that editors put at its end. */
export function checkKey(text: string): Checked {
  return checked(secretSchema, text.replace(/^\ufeff|\r?\n$/g, ""));
}

/** The key in a file. */
export function keyInFile(path: string): Checked {
  try {
    return checkKey(Deno.readTextFileSync(path));
  } catch (error) {
    // Without the path: it may be the key itself, in the wrong place.
    return { problem: `names a file that cannot be read: ${reasonOf(error)}` };
  }
}

/** The key that the environment holds, and the variable; undefined: it holds none. */
export function keyInEnvironment(name: PresetName): { variable: string; key: Checked } | undefined {
  const variable = keyVariable(name);
  const value = processSources.get(variable);
  if (value !== undefined && value !== "") return { variable, key: checkKey(value) };
  const file = processSources.get(`${variable}_FILE`);
  return file === undefined ? undefined : { variable: `${variable}_FILE`, key: keyInFile(file) };
}

/**
 * Where a provider is; undefined: every customer has another address. The environment is not asked: on a machine with
 * clients, `ANTHROPIC_BASE_URL` and the like name a proxy.
 */
export function usualBaseUrl(name: PresetName): string | undefined {
  const preset: Preset = PRESETS[name];
  return preset.baseUrl;
}

/** Whether a provider is a server on one's own machines, which mostly takes no key. */
export function isLocal(name: PresetName): boolean {
  const preset: Preset = PRESETS[name];
  return preset.local === true;
}

function checked(schema: ValueSchema<unknown>, text: string): Checked {
  const result = v.safeParse(schema, text, { abortPipeEarly: true });
  return result.success ? { value: text } : { problem: result.issues[0].message };
}
