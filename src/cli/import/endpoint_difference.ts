/** Compares the endpoints of the written configuration with those of the draft. */

import type { Backend, Endpoint } from "../../config/config.ts";
import { expandVariables } from "../../config/sources/expand.ts";
import { baseUrlOf } from "../../config/values/address_values.ts";
import { type Preset, presetNamed, PRESETS } from "../../config/values/presets.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { Draft, DraftBackend } from "./draft.ts";

/** The longest list of names in a difference, in characters. */
const MAX_NAMES = 500;

/** Returns the value of an environment variable. `undefined` if it is not set. */
type Get = (name: string) => string | undefined;

/**
 * Returns how the endpoints of a loaded configuration differ from the draft, in names, addresses or keys.
 * `get` returns the variables with which the configuration was loaded. `undefined` if there is no difference.
 */
export function endpointDifference(
  { endpoints: drafts }: Draft,
  endpoints: readonly Endpoint[],
  get: Get,
): string | undefined {
  const [wanted, found] = [drafts, endpoints].map((list) => list.map(({ name }) => name).toSorted());
  if (JSON.stringify(wanted) !== JSON.stringify(found)) {
    const listed = (names: readonly string[] = []) => harmlessText(names.join(", "), MAX_NAMES);
    return `its endpoints would be ${listed(found)} in place of ${listed(wanted)}`;
  }
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const changed = drafts.find(({ name, provider, backends }) => {
    const loaded = byName.get(name)?.backends ?? [];
    return loaded.length !== backends.length ||
      !backends.every((backend, index) => isSame(backend, loaded[index], { provider, get }));
  });
  return changed && `the endpoint ${changed.name} would have other addresses or keys`;
}

function isSame(
  { base_url, api_key }: DraftBackend,
  loaded: Backend | undefined,
  { provider, get }: { provider: string; get: Get },
): boolean {
  if (loaded === undefined) return false;
  const known = presetNamed(provider);
  const preset: Preset | undefined = known && PRESETS[known];
  const text = base_url === undefined ? preset?.baseUrl : expanded(base_url, get);
  if (text === undefined || !URL.canParse(text)) return false;
  const { origin, path } = baseUrlOf(new URL(text));
  if (loaded.baseUrl.origin !== origin || loaded.baseUrl.path !== path) return false;
  if (api_key === undefined) return loaded.key.mode !== "inject";
  if (api_key === "none" || api_key === "passthrough") return loaded.key.mode === api_key;
  return loaded.key.mode === "inject" && loaded.key.value === expanded(api_key, get);
}

function expanded(text: string, get: Get): string {
  return String(expandVariables(text, get).tree);
}
