/** The commands `prices` and `prices update`, as they are parsed. */

import type { Command } from "commander";
import { CONFIG_OPTION } from "../common_options.ts";
import type { Options } from "../manage/options.ts";

/** Adds them to the program. */
export function addPricesCommands(program: Command): void {
  const prices = program.command("prices")
    .argument("[pattern]", "models by name or by PROVIDER/MODEL, with * for any run of characters")
    .description("the published prices that costs are computed by, in US dollars per million tokens")
    .option(...CONFIG_OPTION)
    .action(async (pattern: string | undefined, options: Options) =>
      await (await import("./prices.ts")).listPrices(pattern, options)
    );
  prices.command("update")
    .argument("[file]", "a data file of genai-prices, in its version 2")
    .description("take a newer list of prices: shows what changes, asks, and writes it beside the database")
    .option("--online", "fetch the list from where the library publishes it")
    .option("--url <url>", "with --online: fetch it from a mirror instead")
    .option("--yes", "write it without a question")
    .option(...CONFIG_OPTION)
    .action(async (file: string | undefined, options: Options, command: Command) =>
      await (await import("./update.ts")).updatePrices(file, {
        // Where both commands have an option, the outer one takes it.
        ...command.optsWithGlobals(),
        ...options,
      })
    );
}
