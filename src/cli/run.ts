import { ConfigError } from "../config/problem.ts";
import { counted } from "../text/counted.ts";
import { CommandError } from "./command_error.ts";
import { asksForJson, writeAsJson, writeFailure } from "./output.ts";
import { serve } from "./serve.ts";

/** Runs the program. Gives the exit code: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function run(args: readonly string[]): Promise<number> {
  if (asksForJson(args)) writeAsJson();
  try {
    if (args.length > 0) {
      // A plain start does without the command line's parser, which takes as long to load as all the rest.
      const { runCommandLine } = await import("./command_line.ts");
      await runCommandLine(args);
    } else await serve({});
    return 0;
  } catch (error) {
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
}

function writeProblems({ problems }: ConfigError): void {
  const width = Math.max(...problems.map(({ origin }) => origin.length));
  writeFailure({
    message: `Cannot start: ${counted(problems.length, "problem")} in the configuration.`,
    lines: problems.map(({ origin, message }) => `  ${origin.padEnd(width)}  ${message}`),
    details: { problems },
  });
}
