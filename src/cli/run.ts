/** Runs the program and prints its errors. */

import { ConfigError } from "../config/problem.ts";
import { counted } from "../text/counted.ts";
import { CommandError } from "./command_error.ts";
import { asksForJson, writeAsJson, writeFailure } from "./output.ts";

/**
 * Runs a command. Returns the exit code: 0 for success, 1 for a failure, 2 for wrong usage or a wrong
 * configuration. A command that starts another program sets `Deno.exitCode` to the exit code of that program.
 */
export async function run(args: readonly string[]): Promise<number> {
  if (asksForJson(args)) writeAsJson();
  try {
    // The parser of commands is loaded only if there are arguments. Without arguments, only the server is
    // loaded.
    if (args.length > 0) await (await import("./command_line.ts")).runCommandLine(args);
    else await (await import("./serve.ts")).serve({});
    return Deno.exitCode;
  } catch (error) {
    return exitCodeOf(error);
  }
}

/** Prints an error of a command, and returns the exit code. Throws the error again if it is a bug. */
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
