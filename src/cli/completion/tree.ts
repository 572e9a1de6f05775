/** The words that can be completed at each place of a command line. The scripts of all shells use them. */

import { TOPICS } from "../../manual/pages.ts";
import {
  allCommands,
  type CommandDescription,
  type OptionDescription,
  type ValueDescription,
} from "../description.ts";

/** A place in a command line: after the words of a command. */
export interface CompletionPlace {
  /** The words of the command. Empty for the place after the name of the program. */
  readonly words: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly arguments: readonly ValueDescription[];
  readonly options: readonly OptionDescription[];
}

/** All places, and the options that take a value. */
export interface CompletionTree {
  readonly places: readonly CompletionPlace[];
  /** The names of all options that take a value. */
  readonly valued: readonly string[];
}

/** Collects the places of a program. */
export function completionTree(program: CommandDescription): CompletionTree {
  const places = allCommands(program).map((command): CompletionPlace => ({
    ...command,
    arguments: command.words === "help" ? [topicValue(program)] : command.arguments,
    options: [...command.options, ...command.defaultOptions.filter((one) => !isIn(command.options, one))],
  }));
  const valued = places.flatMap(({ options }) => options.flatMap(({ value, names }) => value ? names : []));
  return { places, valued: [...new Set(valued)].sort() };
}

/** Returns the argument of `help`: the pages and the commands. */
function topicValue({ commands }: CommandDescription): ValueDescription {
  const names = [...TOPICS, ...commands].map(({ name }) => name);
  return { name: "topic", kind: "text", choices: [...new Set(names)] };
}

function isIn(options: readonly OptionDescription[], { flags }: OptionDescription): boolean {
  return options.some((option) => option.flags === flags);
}

/** Returns the options whose values can be completed, each with its place and its value. */
export function valuesByOption(
  { places }: CompletionTree,
): { readonly name: string; readonly words: string; readonly value: ValueDescription }[] {
  return places.flatMap(({ words, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined || (value.kind === "text" && value.choices.length === 0)
        ? []
        : names.map((name) => ({ name, words, value }))
    )
  );
}
