/** One thing that is wrong with the configuration. `message` never holds a secret. */
import { messageOf } from "../text/error_text.ts";

export interface Problem {
  /** Where the value stands: `env PORT`, `.env: PORT`, `--port`, `config.toml:3: server.port`. */
  readonly origin: string;
  /** What is wrong with it, as the rest of a sentence that begins with the origin. */
  readonly message: string;
  /** What kind of warning this is, for a caller that treats this kind differently. */
  readonly kind?: WarningKind;
}

/**
 * A kind of warning that callers tell apart: `secrets_readable` is a `.env` with secrets that every user can
 * read.
 */
export type WarningKind = "secrets_readable";

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

/** A problem whose place is not looked up yet. */
export interface Finding {
  readonly at: Origin;
  readonly message: string;
  readonly kind?: WarningKind;
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
  return messageOf(error);
}

/** Whether a place lies in another one, or is it. */
export function isWithin(path: KeyPath, outer: KeyPath): boolean {
  return outer.every((part, index) => part === path[index]);
}
