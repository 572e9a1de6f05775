/** Reads a configuration file: TOML, or JSON by its ending. */

import * as v from "valibot";
import { literalSecrets } from "./literal_secrets.ts";
import { translateLegacyFormat } from "./legacy_format.ts";
import { expandVariables, isTable } from "./expand.ts";
import { type FileConfig, fileSchema } from "./file_schema.ts";
import { type Finding, isWithin, type KeyPath, type Origin, pathText, type Problem } from "../problem.ts";
import { closestName } from "../values/suggest.ts";

/** A file that was read, without what is wrong with it. */
export interface ConfigFile {
  readonly settings: FileConfig;
  /** It could not even be parsed. */
  readonly isBroken: boolean;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** The variables whose values stand in a value. */
  readonly variablesIn: (path: KeyPath) => readonly string[];
  /** Places of secrets that are written out. */
  readonly literalSecrets: readonly KeyPath[];
  /** All variables that the file names. */
  readonly variables: readonly string[];
  /** Where findings stand, as it is shown: `config.toml:3: server.port`. */
  readonly locate: (findings: readonly Finding[]) => Promise<Problem[]>;
}

/** Parses and checks a file's text. Problems are collected, never thrown. */
export async function readConfigFile(
  text: string,
  { name, get }: { name: string; get: (variable: string) => string | undefined },
): Promise<ConfigFile> {
  const format = /\.json$/i.test(name) ? "json" : "toml";
  const parsed = format === "json" ? parseJson(text) : await parseToml(text);
  if ("broken" in parsed) return brokenFile({ origin: placeText(name, parsed.line), message: parsed.broken });
  const translated = translateLegacyFormat(parsed.tree);
  const expanded = expandVariables(translated?.tree ?? parsed.tree, get);
  const unset = new Set(expanded.findings.map(({ at }) => JSON.stringify(at)));
  const checked = checkTree(expanded.tree);
  return {
    settings: checked.settings,
    isBroken: false,
    // A value that names an unknown variable is not told to be empty too.
    findings: [
      ...expanded.findings,
      ...checked.findings.filter(({ at }) => !unset.has(JSON.stringify(at))),
    ],
    warnings: translated?.warnings ?? [],
    variablesIn: (path) => expanded.variables.get(JSON.stringify(path)) ?? [],
    literalSecrets: literalSecrets(translated?.tree ?? parsed.tree),
    variables: [...expanded.variables.values()].flat(),
    async locate(findings) {
      if (findings.every(({ at }) => typeof at === "string")) return findings.map(asProblem);
      const { linesOf } = await import("./positions.ts");
      const lineOf = linesOf(text, format);
      const show = (at: Origin): string => {
        if (typeof at === "string") return at;
        // A warning about the earlier form has the file's own path already.
        const place = translated === undefined || at[0] !== "endpoints" ? at : translated.placeOf(at);
        return `${placeText(name, lineOf(place))}: ${pathText(place)}`;
      };
      return findings.map(({ at, message }) => ({ origin: show(at), message }));
    },
  };
}

function placeText(name: string, line: number | undefined): string {
  return line === undefined ? name : `${name}:${line}`;
}

function asProblem({ at, message }: Finding): Problem {
  return { origin: String(at), message };
}

function brokenFile(problem: Problem): ConfigFile {
  return {
    settings: {},
    isBroken: true,
    findings: [{ at: problem.origin, message: problem.message }],
    warnings: [],
    variablesIn: () => [],
    literalSecrets: [],
    variables: [],
    locate: (findings) => Promise.resolve(findings.map(asProblem)),
  };
}

type Parsed = { readonly tree: unknown } | { readonly broken: string; readonly line: number | undefined };

function parseJson(text: string): Parsed {
  try {
    return { tree: JSON.parse(text) };
  } catch (error) {
    // The runtime's message repeats what stands there, which may be a key; its place is all that is taken.
    const place = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const line = place === undefined ? undefined : text.slice(0, Number(place)).split("\n").length;
    return { broken: "is not JSON", line };
  }
}

async function parseToml(text: string): Promise<Parsed> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return { tree: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line says what is wrong; the rest shows the place, which may hold a key.
    const what = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    return { broken: `is not TOML: ${what} (column ${error.column})`, line: error.line };
  }
}

/** Checks a tree by the schema; gives it without the values that broke a rule, and a finding for each. */
function checkTree(tree: unknown): { settings: FileConfig; findings: Finding[] } {
  const findings: Finding[] = unknownKeys(fileSchema, tree, []);
  const misshapen = findings.map((finding) => typeof finding.at === "string" ? [] : finding.at);
  for (const issue of v.safeParse(fileSchema, tree, { abortPipeEarly: true }).issues ?? []) {
    if (issue.type === "strict_object" && issue.expected === "never") continue;
    // A key that is none is not repeated: it may be a whole header line, with its credential.
    const isOfKey = issue.path?.at(-1)?.origin === "key";
    const named = (isOfKey ? issue.path?.slice(0, -1) : issue.path) ?? [];
    const at = named.map(({ key }) => typeof key === "number" ? key : String(key));
    if (misshapen.some((outer) => isWithin(at, outer))) continue;
    findings.push({ at, message: isOfKey ? `has a key that ${issue.message}` : issue.message });
  }
  // Backwards, so that the places in a list stay true.
  const pruned = findings.reduceRight((rest, { at }) => without(rest, Array.isArray(at) ? at : []), tree);
  const result = v.safeParse(fileSchema, pruned);
  return { settings: result.success ? result.output : {}, findings };
}

/** Every key that the schema does not know; valibot itself stops at the first of each table. */
function unknownKeys(schema: unknown, value: unknown, path: KeyPath): Finding[] {
  if (!isTable(schema)) return [];
  if (schema["type"] === "optional") return unknownKeys(schema["wrapped"], value, path);
  if (schema["type"] === "array" && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownKeys(schema["item"], item, [...path, index]));
  }
  const isTableWanted = schema["type"] === "record" || schema["type"] === "strict_object";
  // To the schema's eyes a list is a table with numbers for keys.
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

/** A tree without what stands at a path. */
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
