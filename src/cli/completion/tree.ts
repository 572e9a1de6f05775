/** What can stand where, as every shell's script needs it. */

import {
  allCommands,
  type CommandDescription,
  type OptionDescription,
  type ValueDescription,
} from "../description.ts";

const HELP = "help";

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
  const all = allCommands(program).map((command): CompletionPlace => ({
    ...command,
    options: [...command.options, ...command.defaultOptions.filter((one) => !isIn(command.options, one))],
  }));
  const places = program.commands.some(({ name }) => name === HELP) ? all : withHelp(all, program);
  const valued = places.flatMap(({ options }) => options.flatMap(({ value, names }) => value ? names : []));
  return { places, valued: [...new Set(valued)].sort() };
}

/** The parser adds `help` itself: it is not among the program's commands. */
function withHelp(places: readonly CompletionPlace[], { commands }: CommandDescription): CompletionPlace[] {
  const help = { name: HELP, description: "show the help of a command" };
  const choices = commands.map(({ name }) => name);
  return [
    ...places.map((place) => place.words === "" ? { ...place, commands: [...place.commands, help] } : place),
    { words: HELP, commands: [], arguments: [{ name: "command", kind: "text", choices }], options: [] },
  ];
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
