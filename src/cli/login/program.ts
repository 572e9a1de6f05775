/** The commands `login`, `logout` and `whoami`, for the parser of the command line. */

import type { Command } from "commander";
import { CONFIG_OPTION } from "../common_options.ts";
import { withTarget } from "../manage/program.ts";
import type { Options } from "../manage/options.ts";
import type { LoginOptions } from "./login.ts";

/** Adds the commands to the program. */
export function addLoginCommands(program: Command): void {
  program.command("login")
    .description("get a management token that you confirm at the admin page, for commands with --url")
    .option(
      "--url <url>",
      "address of the proxy, with ADMIN_PORT if it has one (default: the only saved login, else by the configuration)",
    )
    .option("--no-browser", "only print the address, and do not open it")
    .option("--expires <time>", "how long the token is valid, up to 90d (default: 30d)")
    .option("--machine <name>", "the name of the token (default: the name of this machine)")
    .option("--ca <file>", "for https: the proxy's ca.pem on the machine of the client")
    .option(...CONFIG_OPTION)
    .action(async (options: LoginOptions) => await (await import("./login.ts")).login(options));
  program.command("logout")
    .description("revoke the token of llm-proxy login, and delete it here")
    .option("--url <url>", "address of the proxy (default: the only saved login)")
    .option("--here", "only delete it here, without the proxy")
    .action(async (options: { url?: string; here?: true }) =>
      await (await import("./logout.ts")).logout(options)
    );
  withTarget(program.command("whoami"))
    .description("print who you are for these commands: the person, the role and the projects")
    .action(async (options: Options) => await (await import("./whoami.ts")).whoami(options));
}
