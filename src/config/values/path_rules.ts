/** The entries of rules for paths: names of groups and patterns. */

import { GROUP_NAMES } from "../../apis/operation_group.ts";
import { patternProblem } from "../../text/path_patterns.ts";
import { closestName } from "./suggest.ts";
import { isOriginOf, type Preset } from "./presets.ts";

/** All names that an entry without a slash may have. */
const NAMES: readonly string[] = [...GROUP_NAMES, "all"];

/**
 * Why a text is neither a group nor a path pattern, as the rest of a sentence; `undefined` if it is one of
 * them.
 */
export function pathRuleProblem(entry: string): string | undefined {
  const name = entry.startsWith("!") ? entry.slice(1) : entry;
  if (/[/*]/.test(name)) return patternProblem(entry);
  if (NAMES.includes(name)) return undefined;
  const near = closestName(name, NAMES);
  return near === undefined
    ? `is neither a path with a slash, like /v1/models or */files*, nor one of the groups ${NAMES.join(", ")}`
    : `is not a group; did you mean ${entry.startsWith("!") ? "!" : ""}${near}?`;
}

/**
 * What an endpoint allows without the setting `paths`, and in addition to a setting that only denies. Clients
 * of a local server use its models. They do not replace them. Behind another address than the provider's own,
 * there may be a local server too.
 */
export function defaultPathsOf(preset: Preset, origins: readonly string[]): readonly string[] {
  if (preset.local === true) return ["inference", "models"];
  return origins.every((origin) => isOriginOf(preset, origin)) ? ["!admin"] : ["!admin", "!model_management"];
}
