/** Runs the program and prints its errors. */

import { ConfigError } from "../config/problem.ts";
import { counted } from "../text/counted.ts";
import { CommandError } from "./command_error.ts";
import { asksForJson, writeAsJson, writeFailure } from "./output.ts";
import { serve } from "./serve.ts";

/**
 * Runs a command. Returns the exit code: 0 success, 1 failure, 2 wrong usage or wrong configuration. A command
 * that starts another program sets `Deno.exitCode` to the code of that program.
 */
export async function run(args: readonly string[]): Promise<number> {
  if (asksForJson(args)) writeAsJson();
  try {
    if (args.length > 0) {
      // Without arguments the parser is not needed. Loading it takes as long as loading everything else.
      const { runCommandLine } = await import("./command_line.ts");
      await runCommandLine(args);
    } else await serve({});
    return Deno.exitCode;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Prints an error of a command, and returns the exit code. Throws an error again that is a bug. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) {
    writeProblems(error);
    return 2;
  }
  if (error instanceof CommandError) {
    writeFailure({ message: error.message });
    return error.exitCode;
  }
  throw error;
}

function writeProblems({ problems }: ConfigError): void {
  const width = Math.max(...problems.map(({ origin }) => origin.length));
  writeFailure({
    message: `Cannot start: ${counted(problems.length, "problem")} in the configuration.`,
    lines: problems.map(({ origin, message }) => `  ${origin.padEnd(width)}  ${message}`),
    details: { problems },
  });
}
