/** The command `init` for the parser of the command line. */

import type { Command } from "commander";
import { collect, FOLDER_OPTION, ONLINE_OPTION } from "../common_options.ts";
import type { InitOptions } from "./from_flags.ts";

/** Adds the command to the program. */
export function addInitCommand(program: Command): void {
  program.command("init")
    .description("write a configuration; asks at a terminal, or takes options; never overwrites a file")
    .option(
      "--provider <name>",
      "openai, anthropic, ollama, …; can be repeated. With this option, init asks nothing",
      collect,
    )
    .option(
      "--key-file <file>",
      "a file that holds the key, or - for standard input; with several providers PROVIDER=FILE, repeated. " +
        "Without this option, OPENAI_API_KEY and the like are read from the environment",
      collect,
    )
    .option(
      "--base-url <url>",
      "base URL of the provider, if it is not the usual one; or PROVIDER=URL, repeated",
      collect,
    )
    .option("--tokens", "managed tokens instead of one shared token: a database, limits and an admin page")
    .option("--https", "create a certificate as `tls init` does, and serve HTTPS besides HTTP")
    .option("--name <name>", "a further name or IP address for the certificate; can be repeated", collect)
    .option("--port <port>", "port to listen on (default 33000)")
    .option(...FOLDER_OPTION)
    .option(...ONLINE_OPTION)
    .action(async (options: InitOptions) => await (await import("./init.ts")).init(options));
}
