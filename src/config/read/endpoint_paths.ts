import type { KeyPath } from "../problem.ts";
import { type PresetName, PRESETS } from "../values/presets.ts";
import { defaultPathsOf } from "../values/path_rules.ts";
import type { Resolver } from "./resolver.ts";

/**
 * Reads the setting `paths` of an endpoint. A list that only denies keeps what the provider's default closes.
 * `origins`: the addresses of the backends.
 */
export function readPaths(
  resolver: Resolver,
  own: readonly string[] | undefined,
  { at, preset, origins }: { at: KeyPath; preset: PresetName; origins: readonly string[] },
): readonly string[] {
  const usual = defaultPathsOf(PRESETS[preset], origins);
  if (own?.length === 0 && !resolver.hasProblemAt(at)) {
    resolver.report(at, "is empty, so clients could request nothing");
  }
  const denies = own?.every((entry) => entry.startsWith("!"));
  const paths = own && (denies ? [...new Set([...usual, ...own])] : own);
  return resolver.resolve<readonly string[]>(at, [resolver.inFile(at, paths)], {
    fallback: [...usual],
    fallbackAt: `preset ${preset}`,
  });
}
