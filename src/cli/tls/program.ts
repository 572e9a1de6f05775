/** The commands of `llm-proxy tls` for the parser of the command line. */

import type { Command } from "commander";
import { collect, FOLDER_OPTION } from "../common_options.ts";
import type { TlsOptions } from "./tls.ts";

const NAME_OPTION = ["--name <name>", "a further name or IP address; can be repeated"] as const;

/** Adds the commands to the program. */
export function addTlsCommands(program: Command): void {
  const tls = program.command("tls")
    .description(
      "create and renew a certificate for this machine, signed by a certificate authority that llm-proxy creates",
    );
  const command = (name: string, description: string) =>
    tls.command(name).description(description).option(...FOLDER_OPTION, "data/tls");
  command("init", "create an authority and a certificate, and print how clients trust it")
    .option(...NAME_OPTION, collect)
    .action(async (options: TlsOptions) => await (await import("./tls.ts")).tlsInit(options));
  command(
    "renew",
    "make a new certificate with the same authority; a running proxy uses it without a restart",
  )
    .option(...NAME_OPTION, collect)
    .option("--authority", "also renew the certificate of the authority, with the same key")
    .action(async (options: TlsOptions & { authority?: true }) =>
      await (await import("./tls.ts")).tlsRenew(options)
    );
  command("show", "print the names of the certificate, and until when it is valid")
    .action(async (options: { folder: string }) => (await import("./tls.ts")).tlsShow(options));
}
