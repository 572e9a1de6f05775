/** The commands `prices` and `prices update` for the parser of the command line. */

import type { Command } from "commander";
import { CONFIG_OPTION } from "../common_options.ts";
import type { Options } from "../manage/options.ts";

/** Adds the commands to the program. */
export function addPricesCommands(program: Command): void {
  const prices = program.command("prices")
    .argument("[pattern]", "a model or PROVIDER/MODEL; * matches anything")
    .description("print the published prices that costs are computed from, in US dollars per million tokens")
    .option(...CONFIG_OPTION)
    .action(async (pattern: string | undefined, options: Options) =>
      await (await import("./prices.ts")).listPrices(pattern, options)
    );
  prices.command("update")
    .argument("[file]", "a data file of genai-prices, version 2")
    .description("install a newer list of prices next to the database; shows the changes and asks first")
    .option("--online", "download the list that genai-prices publishes")
    .option("--url <url>", "with --online: download from a mirror instead")
    .option("--yes", "do not ask")
    .option(...CONFIG_OPTION)
    .action(async (file: string | undefined, options: Options, command: Command) =>
      await (await import("./update.ts")).updatePrices(file, {
        // If both commands have an option, the parser gives its value to the outer command.
        ...command.optsWithGlobals(),
        ...options,
      })
    );
}
