import { ConfigError } from "../config/problem.ts";
import { CommandError } from "./command_error.ts";
import { writeErr } from "./output.ts";
import { serve } from "./serve.ts";

/** Runs the program. Gives the exit code: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    if (args.length > 0) {
      // A plain start does without the command line's parser, which takes as long to load as all the rest.
      const { runCommandLine } = await import("./program.ts");
      return await runCommandLine(args);
    }
    await serve({});
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      writeErr(problemsText(error));
      return 2;
    }
    if (error instanceof CommandError) {
      writeErr(`${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}

function problemsText({ problems }: ConfigError): string {
  const width = Math.max(...problems.map(({ origin }) => origin.length));
  const lines = problems.map(({ origin, message }) => `  ${origin.padEnd(width)}  ${message}`);
  const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
  return `Cannot start: ${count} in the configuration.\n${lines.join("\n")}\n`;
}
