/** What can stand where, as every shell's script needs it. */

import { TOPICS } from "../../manual/pages.ts";
import {
  allCommands,
  type CommandDescription,
  type OptionDescription,
  type ValueDescription,
} from "../description.ts";

/** A place in a command line: behind the words of a command. */
export interface CompletionPlace {
  /** The words of the command; empty behind the program's name. */
  readonly words: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly arguments: readonly ValueDescription[];
  readonly options: readonly OptionDescription[];
}

/** All places. */
export interface CompletionTree {
  readonly places: readonly CompletionPlace[];
  /** Options that take a value, wherever they stand. */
  readonly valued: readonly string[];
}

/** Reads the tree of a program. */
export function completionTree(program: CommandDescription): CompletionTree {
  const places = allCommands(program).map((command): CompletionPlace => ({
    ...command,
    arguments: command.words === "help" ? [helpValue(program)] : command.arguments,
    options: [...command.options, ...command.defaultOptions.filter((one) => !isIn(command.options, one))],
  }));
  const valued = places.flatMap(({ options }) => options.flatMap(({ value, names }) => value ? names : []));
  return { places, valued: [...new Set(valued)].sort() };
}

/** Pages and commands, whose list help itself does not repeat. */
function helpValue({ commands }: CommandDescription): ValueDescription {
  const names = [...TOPICS, ...commands].map(({ name }) => name);
  return { name: "topic", kind: "text", choices: [...new Set(names)] };
}

function isIn(options: readonly OptionDescription[], { flags }: OptionDescription): boolean {
  return options.some((option) => option.flags === flags);
}

/** Values of options by the places that have them; options that mean the same in several places stand together. */
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
