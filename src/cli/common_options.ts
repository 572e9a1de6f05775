/** Options that several commands share, so that their help is the same everywhere. */

import type { Option } from "commander";
import type { Flags } from "../config/read/resolver.ts";

/** The option `--config` of commands that read the configuration. */
export const CONFIG_OPTION = [
  "--config <file>",
  "configuration file, TOML or JSON (CONFIG_PATH; default config.toml, if it exists)",
] as const;

/** Returns the flags for the value of `--config`, in the form that the configuration reads. */
export function configFlags(path: string | undefined): Flags {
  return path === undefined ? {} : { CONFIG_PATH: { value: path, origin: "--config" } };
}

/** The option `--online` of commands that can send requests to providers. */
export const ONLINE_OPTION = [
  "--online",
  "ask each backend for its models; exit code 1 if one fails",
] as const;

/** The option `--folder` of commands that write files. */
export const FOLDER_OPTION = ["--folder <folder>", "the folder of the files"] as const;

/** The option `--json` of commands that print data. */
export const JSON_OPTION = ["--json", "print one JSON value; errors are JSON too"] as const;

/** Collects the values of an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Adds values of an option to its help and completion. It does not restrict the option to these values. */
export function suggesting(option: Option, values: readonly string[]): Option {
  option.argChoices = [...values];
  return option;
}
