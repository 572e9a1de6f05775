/** The command `run` for the parser of the command line. */

import { Argument, type Command } from "commander";
import { TOKEN_VARIABLE, URL_VARIABLE } from "../../connect/client.ts";
import { LAUNCHER_NAMES } from "../../connect/launchers.ts";
import type { RunOptions } from "./run_client.ts";

/** Adds the command to the program. */
export function addRunCommand(program: Command): void {
  // The parser only suggests the names. The command checks them.
  const client = new Argument("[client]", "the client to start");
  client.argChoices = [...LAUNCHER_NAMES];
  program.command("run")
    .addArgument(client)
    .argument("[args...]", "arguments of the client; those with a dash come after --")
    .description(
      "start a client that uses this proxy, without a change to its settings; the first run asks for the address and the token",
    )
    .option("--address <url>", `address of the proxy (${URL_VARIABLE}; default: the saved one)`)
    .option(
      "--token-file <file>",
      `a file that holds the proxy token (${TOKEN_VARIABLE}; default: the saved one)`,
    )
    .option("--endpoint <name>", "the endpoint (default: the first one that speaks the client's dialect)")
    .option(
      "--model <model>",
      "the model (default: a usual one of the endpoint, if the client needs one in its settings)",
    )
    .option("--passthrough", "the client keeps its own key or login; the endpoint must forward it")
    .option("--ca <file>", "for https: the proxy's ca.pem on the machine of the client")
    .option("--forget", "delete the saved address and token")
    .action(async (client: string | undefined, args: string[], options: RunOptions) => {
      const { runClient } = await import("./run_client.ts");
      await runClient(client, args, options);
    });
}
