import { messageOf } from "../text/error_text.ts";
import type { VariableName } from "./sources/variables.ts";

/** A problem of the configuration. The texts contain no secrets. */
export interface Problem {
  /** The place of the value: `env PORT`, `.env: PORT`, `--port` or `config.toml:3: server.port`. */
  readonly origin: string;
  /** The rest of a sentence that starts with the origin. */
  readonly message: string;
  /** What kind of warning this is, for a caller that treats this kind differently. */
  readonly kind?: WarningKind;
}

/**
 * A kind of warning that callers tell apart: `secrets_readable` is a `.env` with secrets that every user can
 * read.
 */
export type WarningKind = "secrets_readable";

/** Thrown for an invalid configuration, with all of its problems. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** All problems of the configuration, at least one, each with its origin. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ origin, message }) => `${origin} ${message}`).join("; "));
    this.problems = problems;
  }
}

/** The path of a value in a configuration file: keys, and indexes of lists. */
export type KeyPath = readonly (string | number)[];

/** The place of a value: a path in the configuration file, or the text of another source like `env PORT`. */
export type Origin = string | KeyPath;

/** A problem or warning whose line in the configuration file is not looked up yet. */
export interface Finding {
  readonly at: Origin;
  /** The rest of a sentence that starts with the origin. */
  readonly message: string;
  readonly kind?: WarningKind;
  /** The variable or flag with the wrong value; `undefined` for a value of the file. */
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

/** Formats a key path: `endpoints.chat.backends.0.name`. */
export function pathText(path: KeyPath): string {
  return path.map((part) => typeof part === "number" || /^[\w-]+$/.test(part) ? part : JSON.stringify(part))
    .join(".");
}

/** The reason of an error of reading a file, in a few words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  return messageOf(error);
}

/** Whether a path is below another one, or equal to it. */
export function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((part, index) => part === path[index]);
}
