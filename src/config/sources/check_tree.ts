/** Checks the values of a configuration file against the schema, and leaves out the wrong ones. */

import * as v from "valibot";
import { isTable } from "./expand.ts";
import { type FileConfig, fileSchema } from "./file_schema.ts";
import { type Finding, isWithin, type KeyPath } from "../problem.ts";
import { closestName } from "../values/suggest.ts";

/** The valid settings of a parsed file, and one problem for each invalid value and each unknown key. */
export function checkTree(tree: unknown): { settings: FileConfig; findings: Finding[] } {
  const findings: Finding[] = unknownKeys(fileSchema, tree, []);
  const misshapen = findings.map((finding) => typeof finding.at === "string" ? [] : finding.at);
  for (const issue of v.safeParse(fileSchema, tree, { abortPipeEarly: true }).issues ?? []) {
    if (issue.type === "strict_object" && issue.expected === "never") continue;
    // The message leaves out an invalid key: it may be a whole header line with a credential.
    const isOfKey = issue.path?.at(-1)?.origin === "key";
    const named = (isOfKey ? issue.path?.slice(0, -1) : issue.path) ?? [];
    const at = named.map(({ key }) => typeof key === "number" ? key : String(key));
    if (misshapen.some((outer) => isWithin(at, outer))) continue;
    findings.push({ at, message: isOfKey ? `has a key that ${issue.message}` : issue.message });
  }
  // From the last to the first, so that the indexes of the remaining list items stay right.
  const pruned = findings.reduceRight((rest, { at }) => without(rest, Array.isArray(at) ? at : []), tree);
  const result = v.safeParse(fileSchema, pruned);
  return { settings: result.success ? result.output : {}, findings };
}

/**
 * A problem for each key that the schema does not have, and for each list in place of a table. Valibot
 * reports the first unknown key of a table only, without the known keys that a suggestion needs, and accepts
 * a list as a table.
 */
function unknownKeys(schema: unknown, value: unknown, path: KeyPath): Finding[] {
  if (!isTable(schema)) return [];
  if (schema["type"] === "optional") return unknownKeys(schema["wrapped"], value, path);
  if (schema["type"] === "array" && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownKeys(schema["item"], item, [...path, index]));
  }
  const isTableWanted = schema["type"] === "record" || schema["type"] === "strict_object";
  if (isTableWanted && Array.isArray(value)) return [{ at: path, message: "must be a table, not a list" }];
  if (!isTable(value)) return [];
  if (schema["type"] === "record") {
    return Object.entries(value).flatMap(([key, item]) => unknownKeys(schema["value"], item, [...path, key]));
  }
  const { entries } = schema;
  if (schema["type"] !== "strict_object" || !isTable(entries)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    if (Object.hasOwn(entries, key)) return unknownKeys(entries[key], item, [...path, key]);
    const near = closestName(key, Object.keys(entries));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return [{ at: [...path, key], message: `is not a known key${hint}` }];
  });
}

/** A copy of a tree without the value at a path. */
function without(tree: unknown, [first, ...rest]: KeyPath): unknown {
  if (first === undefined) return undefined;
  if (Array.isArray(tree)) {
    if (rest.length === 0) return tree.filter((_, index) => index !== first);
    return tree.map((item, index) => index === first ? without(item, rest) : item);
  }
  if (!isTable(tree)) return tree;
  if (rest.length > 0) return { ...tree, [first]: without(tree[first], rest) };
  return Object.fromEntries(Object.entries(tree).filter(([key]) => key !== String(first)));
}
