import { pathRejection, pathRulesOf } from "../../../src/limits/path_rules.ts";

/** Whether a list of groups and patterns allows `GET` for all of these paths. */
export function allowsPaths(entries: readonly string[], paths: readonly string[]): boolean {
  return pathRejection(pathRulesOf([...entries]), { methods: ["GET"], paths, isWebSocket: false }) ===
    undefined;
}
