/** The command `import` for the parser of the command line. */

import { Argument, type Command } from "commander";
import type { ImportedProgram } from "./import.ts";

/** Adds the command to the program. */
export function addImportCommand(program: Command): void {
  program.command("import")
    .addArgument(
      new Argument("<program>", "the program that the file belongs to").choices([
        "litellm",
        "olla",
        "llama-swap",
      ]),
    )
    .argument("<file>", "its configuration file, in YAML")
    .description(
      "make a config.toml from the configuration of another program; copies no keys, and lists what it leaves out",
    )
    .option("--output <file>", "the file to write, which must not exist (default: standard output)")
    .action(async (name: ImportedProgram, file: string, options: { output?: string }) => {
      const { importConfig } = await import("./import.ts");
      await importConfig(name, file, options);
    });
}
