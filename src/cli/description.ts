/** The command line as plain data, read from the parser: what completion and the manual page are made of. */

import type { Argument, Command, Option } from "commander";
import { wordsOf } from "./help_notes.ts";

/** Runs where no command is named. */
const DEFAULT_COMMAND = "serve";

/** A value that a person writes. */
export interface ValueDescription {
  /** As help shows it, without its brackets. */
  readonly name: string;
  readonly kind: "file" | "folder" | "text";
  /** The values there are; empty: any. */
  readonly choices: readonly string[];
}

/** An option of a command. */
export interface OptionDescription {
  /** `-V` and `--version`. */
  readonly names: readonly string[];
  /** As help shows it: `--config <file>`. */
  readonly flags: string;
  readonly description: string;
  /** Undefined: it is a switch. */
  readonly value: ValueDescription | undefined;
}

/** An argument of a command. */
export interface ArgumentDescription extends ValueDescription {
  readonly description: string;
}

/** A command with all below it. */
export interface CommandDescription {
  /** The words that name it, without the program's; empty for the program itself. */
  readonly words: string;
  readonly name: string;
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  /** Options of the command that runs where none is named. */
  readonly defaultOptions: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
}

/** Reads a command and all below it. */
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

/** A command and all below it, one after the other. */
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
