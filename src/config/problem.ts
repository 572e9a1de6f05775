import type { VariableName } from "./sources/variables.ts";

/** One thing that is wrong with the configuration. `message` never holds a secret. */
export interface Problem {
  /** Where the value stands: `env PORT`, `.env: PORT`, `--port`, `config.toml:3: server.port`. */
  readonly origin: string;
  /** What is wrong with it, as the rest of a sentence that begins with the origin. */
  readonly message: string;
}

/** The configuration cannot be used; it holds every problem that was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ origin, message }) => `${origin} ${message}`).join("; "));
    this.problems = problems;
  }
}

/** The way to a value in a configuration file: keys, and indexes of lists. */
export type KeyPath = readonly (string | number)[];

/** A place outside of the configuration file as it is shown, or a value's place within it. */
export type Origin = string | KeyPath;

/** A problem whose line in the configuration file is not looked up yet. */
export interface Finding {
  readonly at: Origin;
  readonly message: string;
  /** The variable or flag with the wrong value. Undefined for a value of the file. */
  readonly variable?: VariableName;
}

/** Settings by their variables and by their keys in the file. A key includes all keys below it. */
export interface SettingNames {
  readonly variables: readonly VariableName[];
  readonly keys: readonly KeyPath[];
}

/** Whether a problem is about one of these settings. */
export function concerns({ at, variable }: Finding, { variables, keys }: SettingNames): boolean {
  if (variable !== undefined) return variables.includes(variable);
  return typeof at !== "string" && keys.some((key) => isWithin(at, key));
}

/** How a key path is written: `endpoints.chat.backends.0.name`. */
export function pathText(path: KeyPath): string {
  return path.map((part) => typeof part === "number" || /^[\w-]+$/.test(part) ? part : JSON.stringify(part))
    .join(".");
}

/** Why a file cannot be read, in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}

/** Whether a place lies in another one, or is it. */
export function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((part, index) => part === path[index]);
}
