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
    // Not required by the parser, which would not say that the name of a file is no program.
    .argument("[file]", "its configuration file, in YAML")
    .description(
      "make a config.toml from the configuration of another program; copies no keys, and lists what it leaves out",
    )
    .option("--output <file>", "the file to write, which must not exist (default: standard output)")
    .usage("[options] <program> <file>")
    .action(async (
      name: ImportedProgram,
      file: string | undefined,
      options: { output?: string },
      command: Command,
    ) => {
      if (file === undefined) command.error("error: missing required argument 'file'", { exitCode: 2 });
      const { importConfig } = await import("./import.ts");
      await importConfig(name, file, options);
    });
}
