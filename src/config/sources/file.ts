/** Reads a configuration file: JSON if its name ends in `.json`, else TOML. */

import { literalSecrets } from "./literal_secrets.ts";
import { translateLegacyFormat } from "./legacy_format.ts";
import { checkTree } from "./check_tree.ts";
import { expandVariables } from "./expand.ts";
import type { FileConfig } from "./file_schema.ts";
import { type Finding, type KeyPath, type Origin, pathText, type Problem } from "../problem.ts";

/** A configuration file that was parsed and checked. */
export interface ConfigFile {
  /** The settings that the schema accepts. {@link findings} has the others. */
  readonly settings: FileConfig;
  /** Whether the text is not valid TOML or JSON. {@link settings} is empty then. */
  readonly isBroken: boolean;
  /** What makes the configuration unusable. */
  readonly findings: readonly Finding[];
  /** What looks like a mistake but does not stop the start. */
  readonly warnings: readonly Finding[];
  /** The names of the variables that a value refers to with `${NAME}`. */
  readonly variablesIn: (path: KeyPath) => readonly string[];
  /** The keys of secrets that the file contains in plain text. */
  readonly literalSecrets: readonly KeyPath[];
  /** The names of all variables that the file refers to with `${NAME}`. */
  readonly variables: readonly string[];
  /** Looks up the line of each problem. The origins are like `config.toml:3: server.port`. */
  readonly locate: (findings: readonly Finding[]) => Promise<Problem[]>;
}

/**
 * Parses and checks the text of a configuration file. `name` is its path, and `get` reads a variable.
 * Problems are in the result; nothing is thrown.
 */
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
    // A value with an unset variable is expanded to an empty string: that problem is not reported as well.
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
        // Warnings about the legacy format already have the path of the file as it is written.
        const place = translated === undefined || at[0] !== "endpoints" ? at : translated.placeOf(at);
        return `${placeText(name, lineOf(place))}: ${pathText(place)}`;
      };
      return findings.map(({ at, ...problem }) => ({ origin: show(at), ...problem }));
    },
  };
}

function placeText(name: string, line: number | undefined): string {
  return line === undefined ? name : `${name}:${line}`;
}

function asProblem({ at, ...problem }: Finding): Problem {
  return { origin: String(at), ...problem };
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
    // The message of the runtime quotes the file, which may contain a key: only the position is used.
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
    // The first line says what is wrong. The other lines quote the file, which may contain a key.
    const what = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    return { broken: `is not TOML: ${what} (column ${error.column})`, line: error.line };
  }
}
