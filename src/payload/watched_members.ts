/** Members of the outermost object of a body that change what the proxy does. */

import { foldKey } from "./fold_key.ts";

/** The names of the watched members. A body must not repeat them, or write them with other capitals. */
export const WATCHED_MEMBERS = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "max_tokens_to_sample",
  "n",
  "best_of",
  "generationConfig",
  "generation_config",
  "service_tier",
  "serviceTier",
  "speed",
  "background",
  "store",
] as const;
/** The name of a member of `WATCHED_MEMBERS`. */
export type WatchedMember = (typeof WATCHED_MEMBERS)[number];
const BY_FOLDED_KEY: ReadonlyMap<string, WatchedMember> = new Map(
  WATCHED_MEMBERS.map((name) => [foldKey(name), name]),
);

/**
 * Returns the watched member that some readers find under a key, in any capitals. `undefined` for all other
 * keys.
 */
export function watchedMember(key: string): WatchedMember | undefined {
  return BY_FOLDED_KEY.get(foldKey(key));
}
