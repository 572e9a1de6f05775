/**
 * Lists for `llm-proxy check` the paths that clients may use, at each endpoint and with each token of the
 * configuration.
 */

import { GROUP_NAMES } from "../apis/operation_group.ts";
import type { Config } from "../config/config.ts";
import { pathRulesOf } from "../limits/path_rules.ts";

/** The groups and patterns of one list of rules for paths. */
export interface AllowedPaths {
  /** The endpoint, or the token of the configuration, that has the list. */
  readonly of: "endpoint" | "token";
  readonly name: string;
  /** The groups that are allowed. */
  readonly allowed: readonly string[];
  /** All other groups. Patterns may allow some of their paths. */
  readonly closed: readonly string[];
  /** The patterns of the list. */
  readonly patterns: readonly string[];
}

/**
 * Returns the rules for paths of all endpoints, and of all tokens of the configuration that have such rules.
 */
export function allowedPaths({ endpoints, auth }: Pick<Config, "endpoints" | "auth">): AllowedPaths[] {
  const tokens = auth.mode === "token" ? auth.tokens : [];
  return [
    ...endpoints.map(({ name, paths }) => allowedBy("endpoint", name, paths)),
    ...tokens.flatMap(({ name, rules }) =>
      rules?.paths === undefined ? [] : [allowedBy("token", name, rules.paths)]
    ),
  ];
}

function allowedBy(of: AllowedPaths["of"], name: string, paths: readonly string[]): AllowedPaths {
  const { groups, shownPatterns } = pathRulesOf(paths);
  return {
    of,
    name,
    allowed: [...groups],
    closed: GROUP_NAMES.filter((group) => !groups.has(group)),
    patterns: shownPatterns,
  };
}

/** The headings of the table of {@link allowedPathsRow}. */
export const ALLOWED_PATHS_HEADINGS = ["what", "allows", "and denies"];

/** Returns a row of the table for people. */
export function allowedPathsRow({ of, name, allowed, closed, patterns }: AllowedPaths): string[] {
  const denied = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const opened = patterns.filter((pattern) => !pattern.startsWith("!"));
  const isShort = closed.length < allowed.length;
  return [
    `${of} ${name}`,
    [...(isShort ? ["everything"] : allowed), ...opened].join(", ") || "nothing",
    [...(isShort ? closed : ["all others"]), ...denied].join(", ") || "-",
  ];
}
