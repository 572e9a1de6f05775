/**
 * Reads environment variables, the files that `…_FILE` variables name, and `.env`. No other module reads
 * them.
 */

import { type Finding, reasonOf } from "../problem.ts";
import { closestName } from "../values/suggest.ts";
import { holdsSecret, type VariableName, VARIABLES } from "./variables.ts";

/** Variables that curl and other programs also read in lower case. */
const IN_EITHER_CASE: readonly VariableName[] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/** The file of variables in the working folder. */
const DOTENV = ".env";

/** The text of a variable or flag before it is checked. */
export interface RawValue {
  /** Null if the file that holds the value cannot be read. That problem is already reported. */
  readonly value: string | null;
  /** The source, like `env PORT`, `.env: PORT` or `--port`. */
  readonly origin: string;
  /** The path that the `…_FILE` variable names. */
  readonly file?: string;
}

/** The variables of the environment and of `.env`. */
export interface Environment {
  /** The variables of llm-proxy that are set, by name, each with its origin. */
  readonly values: ReadonlyMap<VariableName, RawValue>;
  /** What makes the configuration unusable. */
  readonly findings: readonly Finding[];
  /** What looks like a mistake but does not stop the start. */
  readonly warnings: readonly Finding[];
  /**
   * Reads any variable, for `${NAME}` in the configuration file. The environment wins over `.env`. Without a
   * value, the file that `NAME_FILE` names has it.
   */
  readonly get: (name: string) => string | undefined;
}

/** The environment and the file system, which tests replace. */
export interface EnvironmentSources {
  /** Reads an environment variable; `undefined` if it is not set. */
  readonly get: (name: string) => string | undefined;
  /** Reads a file. Throws the errors of `Deno.readTextFileSync`. */
  readonly readTextFile: (path: string) => string;
  /** Whether every user of this machine can read a file. Without this function that check is left out. */
  readonly isWorldReadable?: (path: string) => boolean;
}

/** The environment of this process and the file system of this machine. */
export const processSources: EnvironmentSources = {
  get: (name) => Deno.env.get(name),
  readTextFile: (path) => Deno.readTextFileSync(path),
  isWorldReadable(path) {
    // Files on Windows have no mode.
    const { mode } = Deno.statSync(path);
    return mode !== null && (mode & READABLE_BY_OTHERS) !== 0;
  },
};

/**
 * The environment of this process without the `.env` of the working folder. That is a folder in which the
 * user happens to be, such as the code of other people, and must not choose where a token of the user goes.
 */
export const shellSources: EnvironmentSources = {
  ...processSources,
  readTextFile(path) {
    if (path === DOTENV) throw new Deno.errors.NotFound(path);
    return processSources.readTextFile(path);
  },
};

/** All variables of the environment, for a program that this one starts. */
export function allVariables(): Record<string, string> {
  return Deno.env.toObject();
}

/** The bit of a file mode that lets all users read the file. */
const READABLE_BY_OTHERS = 0o004;

/**
 * Reads all variables that the proxy knows. The environment wins over `.env`. Problems are in the result;
 * nothing is thrown.
 */
export async function readEnvironment(sources: EnvironmentSources): Promise<Environment> {
  const values = new Map<VariableName, RawValue>();
  const findings: Finding[] = [];
  const dotenv = await readDotenv(sources, findings);
  const layers = [
    { get: sources.get, origin: (name: string) => `env ${name}` },
    { get: (name: string) => dotenv[name], origin: (name: string) => `.env: ${name}` },
  ];
  for (const name of VARIABLES) {
    for (const { get, origin } of layers) {
      const fileName = `${name}_FILE`;
      const value = IN_EITHER_CASE.includes(name) ? getInEitherCase(get, name) : get(name);
      const path = get(fileName);
      if (value === undefined && path === undefined) continue;
      // A container can only blank a variable of its image, and not unset it.
      const isBlank = value === "" && path !== undefined;
      if (value !== undefined && path !== undefined && !isBlank) {
        findings.push({
          at: origin(fileName),
          variable: name,
          message: `is set together with ${name}: keep one of the two`,
        });
      }
      values.set(
        name,
        value === undefined || isBlank
          ? {
            value: readValueFile(sources, {
              path: path ?? "",
              origin: origin(fileName),
              variable: name,
              findings,
            }),
            origin: origin(fileName),
            ...(path !== undefined && { file: path }),
          }
          : { value, origin: origin(name) },
      );
      break;
    }
  }
  const fromFiles = new Map<string, string | undefined>();
  const get = (name: string): string | undefined => {
    const value = sources.get(name) ?? dotenv[name];
    if (value !== undefined && value !== "") return value;
    if (!fromFiles.has(name)) fromFiles.set(name, fileOf(name));
    return fromFiles.get(name) ?? value;
  };
  /** The content of the file that the `…_FILE` form names. */
  const fileOf = (name: string): string | undefined => {
    for (const layer of layers) {
      const fileName = `${name}_FILE`;
      const path = layer.get(fileName);
      if (path === undefined) continue;
      const place = { path, origin: layer.origin(fileName), findings };
      return readValueFile(sources, place) ?? undefined;
    }
    return undefined;
  };
  return {
    values,
    findings,
    warnings: [...misspelledNames(Object.keys(dotenv)), ...worldReadableSecrets(dotenv, sources)],
    get,
  };
}

/** Warns about a `.env` with secrets that every user of this machine can read. */
function worldReadableSecrets(
  dotenv: Record<string, string | undefined>,
  { isWorldReadable }: EnvironmentSources,
): Finding[] {
  const isSecret = Object.entries(dotenv).some(([name, value = ""]) => holdsSecret(name, value));
  return isSecret && isWorldReadable?.(".env") === true
    ? [{
      at: ".env",
      message: "contains secrets and can be read by every user of this machine: chmod 600 .env",
      kind: "secrets_readable",
    }]
    : [];
}

/** Variables of other programs that the proxy honours too. They have no `…_FILE` form. */
const SHARED_NAMES: readonly string[] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/** Warns about unknown names in `.env` that are close to a known one. */
function misspelledNames(names: readonly string[]): Finding[] {
  const known: readonly string[] = [
    ...VARIABLES.flatMap((name) => [name, `${name}_FILE`]),
    ...SHARED_NAMES,
  ];
  return names.flatMap((name) => {
    const near = known.includes(name) ? undefined : closestName(name, known);
    return near === undefined
      ? []
      : [{ at: `.env: ${name}`, message: `is not a known variable; did you mean ${near}?` }];
  });
}

/** Reads a variable in upper or lower case. An empty value counts as not set, as in curl. */
function getInEitherCase(get: (name: string) => string | undefined, name: string): string | undefined {
  return get(name)?.trim() || get(name.toLowerCase())?.trim() || undefined;
}

async function readDotenv(
  sources: EnvironmentSources,
  findings: Finding[],
): Promise<Record<string, string | undefined>> {
  let text: string;
  try {
    text = sources.readTextFile(DOTENV);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    findings.push({ at: ".env", message: `cannot be read: ${reasonOf(error)}` });
    return {};
  }
  // Loaded on demand: a container has no `.env`.
  const { parseEnv } = await import("node:util");
  // Editors on Windows write a byte order mark before the first name.
  return parseEnv(text.replace(/^\ufeff/, ""));
}

/** The value in a file, without the line break that editors append; `null` if the file cannot be read. */
function readValueFile(
  sources: EnvironmentSources,
  { path, origin, variable, findings }: {
    path: string;
    origin: string;
    /** The variable without its suffix, if it is one of the proxy. */
    variable?: VariableName;
    findings: Finding[];
  },
): string | null {
  try {
    return sources.readTextFile(path).replace(/^\ufeff|\r?\n$/g, "");
  } catch (error) {
    findings.push({
      at: origin,
      ...(variable && { variable }),
      message: `names ${shownPath(path)}, which cannot be read: ${reasonOf(error)}`,
    });
    return null;
  }
}

/** A path in quotes. Text that does not look like a path may be the secret itself, and becomes `a file`. */
function shownPath(path: string): string {
  return /^(?:\.{0,2}[/\\]|[A-Za-z]:)/.test(path) ? JSON.stringify(path) : "a file";
}
