/** The command line as plain data. Completion and the manual page are generated from it. */

import type { Argument, Command, Option } from "commander";
import { wordsOf } from "./help_notes.ts";

/** The command that runs if the arguments name none. */
const DEFAULT_COMMAND = "serve";

/** The value of an argument or option. */
export interface ValueDescription {
  /** The name of the value in help, without brackets. */
  readonly name: string;
  readonly kind: "file" | "folder" | "text";
  /** The allowed or suggested values. Empty if the value can be any text. */
  readonly choices: readonly string[];
}

/** An option of a command, as data. */
export interface OptionDescription {
  /** The short and the long name, like `-V` and `--version`. */
  readonly names: readonly string[];
  /** The names and the value as help shows them: `--config <file>`. */
  readonly flags: string;
  readonly description: string;
  /** The value of the option. `undefined` for an option without a value. */
  readonly value: ValueDescription | undefined;
}

/** An argument of a command. */
export interface ArgumentDescription extends ValueDescription {
  readonly description: string;
}

/** A command with its subcommands. */
export interface CommandDescription {
  /** The words of the command without the name of the program. Empty for the program itself. */
  readonly words: string;
  readonly name: string;
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  /** The options of the command that runs if the arguments name none. */
  readonly defaultOptions: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
}

/** Describes a command and its subcommands. */
export function describe(command: Command): CommandDescription {
  const help = command.createHelp();
  const commands = command.commands.map(describe);
  return {
    words: wordsOf(command),
    name: command.name(),
    description: command.description(),
    usage: help.commandUsage(command),
    arguments: command.registeredArguments.map(describeArgument),
    options: help.visibleOptions(command).map(describeOption),
    defaultOptions: commands.find(({ words }) => words === DEFAULT_COMMAND)?.options ?? [],
    commands,
  };
}

/** Returns a command and all its subcommands as one list. */
export function allCommands(command: CommandDescription): CommandDescription[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

function describeOption(option: Option): OptionDescription {
  const takesValue = option.required || option.optional;
  const name = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? option.name();
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    flags: option.flags,
    description: option.description,
    value: takesValue ? describeValue(name, option.argChoices) : undefined,
  };
}

function describeArgument(argument: Argument): ArgumentDescription {
  return { ...describeValue(argument.name(), argument.argChoices), description: argument.description };
}

function describeValue(name: string, choices: readonly string[] = []): ValueDescription {
  const kind = name === "file" || name === "folder" ? name : "text";
  return { name, kind, choices };
}
