/** Checks the base URL and the key of a provider, from options or from the answers of the user. */

import * as v from "valibot";
import { baseUrlSchema } from "../../config/values/address_values.ts";
import { processSources } from "../../config/sources/env.ts";
import { keyVariable, type Preset, type PresetName, PRESETS } from "../../config/values/presets.ts";
import { reasonOf } from "../../config/problem.ts";
import { secretSchema, type ValueSchema } from "../../config/values/values.ts";

/** A valid value, or a problem. The problem is the rest of a sentence, and never repeats a key. */
export type Checked = { readonly value: string } | { readonly problem: string };

/** Checks the base URL of a provider. */
export function checkBaseUrl(text: string): Checked {
  return checked(baseUrlSchema, text);
}

/** Checks a key. It removes a byte order mark, and the line break that editors put at the end of a file. */
export function checkKey(text: string): Checked {
  return checked(secretSchema, text.replace(/^\ufeff|\r?\n$/g, ""));
}

/** Reads and checks the key in a file. */
export function keyInFile(path: string): Checked {
  try {
    return checkKey(Deno.readTextFileSync(path));
  } catch (error) {
    // The message does not repeat the path, because the path may be a key in the wrong place.
    return { problem: `names a file that cannot be read: ${reasonOf(error)}` };
  }
}

/** Returns the key in the environment, with the name of its variable. `undefined` if no variable is set. */
export function keyInEnvironment(name: PresetName): { variable: string; key: Checked } | undefined {
  const variable = keyVariable(name);
  const value = processSources.get(variable);
  if (value !== undefined && value !== "") return { variable, key: checkKey(value) };
  const file = processSources.get(`${variable}_FILE`);
  return file === undefined ? undefined : { variable: `${variable}_FILE`, key: keyInFile(file) };
}

/**
 * Returns the usual base URL of a provider. `undefined` if each customer has a different one. Variables such
 * as `ANTHROPIC_BASE_URL` are not used, because on a machine with clients they name a proxy.
 */
export function usualBaseUrl(name: PresetName): string | undefined {
  const preset: Preset = PRESETS[name];
  return preset.baseUrl;
}

/** Whether a provider is a local server such as Ollama. Such a server usually needs no key. */
export function isLocal(name: PresetName): boolean {
  const preset: Preset = PRESETS[name];
  return preset.local === true;
}

function checked(schema: ValueSchema<unknown>, text: string): Checked {
  const result = v.safeParse(schema, text, { abortPipeEarly: true });
  return result.success ? { value: text } : { problem: result.issues[0].message };
}
