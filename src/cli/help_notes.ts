/** Adds examples, the shape of the JSON and the page of the manual to the help of commands. */

import type { Command } from "commander";
import { styled } from "./colours.ts";
import { COMMAND_NOTES, type CommandNotes } from "./command_notes.ts";
import { JSON_OPTION } from "./common_options.ts";

/** Returns the words of a command without the name of the program, such as `token create`. */
export function wordsOf(command: Command): string {
  const { parent } = command;
  return parent === null ? "" : `${wordsOf(parent)} ${command.name()}`.trim();
}

/**
 * Adds the notes to a command and all its subcommands. Adds `--json` to the commands whose notes have a JSON
 * shape.
 */
export function addHelpNotes(command: Command): void {
  const notes = COMMAND_NOTES[wordsOf(command)];
  if (notes !== undefined) {
    if (notes.group !== undefined) command.helpGroup(notes.group);
    if (notes.json !== undefined) command.option(...JSON_OPTION);
    command.addHelpText("after", () => notesText(notes, command));
  }
  command.commands.forEach(addHelpNotes);
}

function notesText({ examples, page, json }: CommandNotes, command: Command): string {
  const lines = examples.map(([line, what]) => [`llm-proxy ${line}`.trim(), what] as const);
  const width = Math.max(...lines.map(([line]) => line.length));
  const hint = command.commands.length > 0
    ? `\n${`llm-proxy help ${wordsOf(command)}`.trim()} COMMAND prints the help of a command.\n`
    : "";
  return [
    `\n${styled("bold", lines.length === 1 ? "Example:" : "Examples:")}`,
    ...lines.map(([line, what]) => `  ${line.padEnd(width)}  # ${what}`),
    ...(json === undefined
      ? []
      : [`\n${styled("bold", "JSON:")}`, ...json.split("\n").map((line) => `  ${line}`)]),
    `\n${styled("bold", "Documentation:")} llm-proxy help ${page} (docs/${page}.md)${hint}`,
  ].join("\n");
}
