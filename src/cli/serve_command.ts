/** The command `serve` for the parser of the command line. */

import { type Command, Option } from "commander";
import type { Flags } from "../config/read/resolver.ts";
import type { VariableName } from "../config/sources/variables.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../config/values/defaults.ts";
import { CONFIG_OPTION, suggesting } from "./common_options.ts";

/**
 * The options. Each has a help text, the variable that it sets, and the values that help and completion
 * suggest.
 */
const OPTIONS = [
  [...CONFIG_OPTION, "CONFIG_PATH", []],
  ["--host <address>", "address to listen on (HOST; default ::, all addresses)", "HOST", []],
  ["--port <port>", "port to listen on (PORT; default 33000)", "PORT", []],
  ["--log-level <level>", "least severe level of the log (LOG_LEVEL; default info)", "LOG_LEVEL", LOG_LEVELS],
  [
    "--log-format <format>",
    "pretty for people, json for programs (LOG_FORMAT; default pretty)",
    "LOG_FORMAT",
    LOG_FORMATS,
  ],
] as const satisfies readonly (readonly [string, string, VariableName, readonly string[]])[];

/** Adds the command to the program. It is the default command, which runs if the arguments name none. */
export function addServeCommand(program: Command): void {
  const command = program.command("serve", { isDefault: true })
    .description(
      "run the proxy (the default command); it reads the environment, .env and the configuration file",
    );
  for (const [flags, description, , values] of OPTIONS) {
    const option = new Option(flags, description);
    command.addOption(values.length > 0 ? suggesting(option, values) : option);
  }
  command.option("--access-log", "log one line per exchange (ACCESS_LOG=1)")
    .option("--watch", "reload the configuration when its files change, as SIGHUP does")
    .action(async (options: Record<string, string | true>) => {
      const { serve } = await import("./serve.ts");
      await serve(serveFlags(options), { watch: options["watch"] === true });
    });
}

function serveFlags(options: Record<string, string | true>): Flags {
  const flags: { -readonly [Name in keyof Flags]: Flags[Name] } = {};
  for (const [usage, , name] of OPTIONS) {
    const flag = usage.split(" ")[0] ?? usage;
    const value = options[flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === "string") flags[name] = { value, origin: flag };
  }
  if (options["accessLog"] === true) flags.ACCESS_LOG = { value: "1", origin: "--access-log" };
  return flags;
}
