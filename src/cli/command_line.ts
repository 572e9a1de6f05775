/** Parses the arguments of the command line, and runs the command that they name. */

import { type Command, CommanderError } from "commander";
import { closestName } from "../config/values/suggest.ts";
import { CommandError } from "./command_error.ts";
import { wordsOf } from "./help_notes.ts";
import { buildProgram } from "./program.ts";
import { usageErrorText } from "./usage_error.ts";

/** Runs a command. Throws a {@link CommandError} for wrong usage. Throws the errors of the command. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = buildProgram();
  checkCommand(program, args[0]);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(program, args, error);
  }
}

/** Changes an error of the parser into the style of all other errors. */
function usageError(
  program: Command,
  args: readonly string[],
  { code, message }: CommanderError,
): CommandError {
  const command = commandOf(program, args);
  const line = `llm-proxy ${wordsOf(command)}`.trim();
  if (code === "commander.help") {
    // The parser has already printed the help.
    return new CommandError(`${line} needs a command: ${namesOf(command).join(", ")}`, 2);
  }
  const text = usageErrorText(message).trim().replace(/^error: /, "").replace(
    /\n\(Did you mean (?:one of )?(.*?)\??\)$/s,
    "; did you mean $1?",
  );
  return new CommandError(`${text}\n${line} --help shows the usage.`, 2);
}

/** Returns the innermost command that the arguments name. */
function commandOf(program: Command, args: readonly string[]): Command {
  const next = program.commands.find((command) => command.name() === args[0]);
  return next === undefined ? program : commandOf(next, args.slice(1));
}

function namesOf(command: Command): string[] {
  return command.commands.map((one) => one.name());
}

/** Rejects an unknown command. Otherwise the parser would pass it to `serve` as an argument. */
function checkCommand(program: Command, name: string | undefined): void {
  const known = namesOf(program);
  if (name === undefined || name.startsWith("-") || known.includes(name)) return;
  const near = closestName(name, known);
  const hint = near === undefined ? `the commands are ${known.join(", ")}` : `did you mean ${near}?`;
  throw new CommandError(`There is no command ${JSON.stringify(name)}; ${hint}`, 2);
}
