/** Options that several commands take, in the same words everywhere. */

import type { Option } from "commander";
import type { Flags } from "../config/read/resolver.ts";

/** `--config`, as every command has it. */
export const CONFIG_OPTION = [
  "--config <file>",
  "configuration file, TOML or JSON (CONFIG_PATH; default: config.toml where it exists)",
] as const;

/** The value of `--config`, as the configuration reads it. */
export function configFlags(path: string | undefined): Flags {
  return path === undefined ? {} : { CONFIG_PATH: { value: path, origin: "--config" } };
}

/** `--online`, as every command has it that can ask providers. */
export const ONLINE_OPTION = [
  "--online",
  "ask each backend for its models, through its proxy; exit code 1 if one fails",
] as const;

/** `--folder`, as every command has it that writes files. */
export const FOLDER_OPTION = ["--folder <folder>", "the folder of the files"] as const;

/** `--json`, as every command has it that prints data. */
export const JSON_OPTION = ["--json", "print one JSON value for programs; failures are JSON too"] as const;

/** Collects the values of an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Names the values that an option takes, for help and completion; what checks the value stands elsewhere. */
export function suggesting(option: Option, values: readonly string[]): Option {
  option.argChoices = [...values];
  return option;
}
