/** `llm-proxy help`: prints a page of the manual, or the help of a command. */

import type { Command } from "commander";
import { closestName } from "../config/values/suggest.ts";
import { findTopic, readPage, type Topic, TOPICS } from "../manual/pages.ts";
import { styled } from "./colours.ts";
import { CommandError } from "./command_error.ts";
import { writeOut } from "./output.ts";

/** The least width of a page, in characters. Within the limits, a page is as wide as the terminal. */
const NARROWEST = 40;
const WIDEST = 100;

/**
 * Prints the help of a command, a page of the manual, or a list of both. Throws a {@link CommandError} for an
 * unknown topic.
 */
export async function help(program: Command, words: readonly string[]): Promise<void> {
  const [word, ...more] = words;
  if (word === undefined) {
    program.outputHelp();
    return writeOut(`\n${topicsText()}`);
  }
  const topic = findTopic(word);
  const command = commandAt(program, words);
  // A command comes before a page of the same name, because the help of the command names the page.
  if (command !== undefined) return command.outputHelp();
  if (topic === undefined || more.length > 0) throw unknown(program, words.join(" "));
  await printPage(topic);
}

async function printPage(topic: Topic): Promise<void> {
  const { terminalText } = await import("../manual/terminal_text.ts");
  const columns = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : WIDEST;
  writeOut(
    terminalText(await readPage(topic), { width: Math.min(WIDEST, Math.max(NARROWEST, columns)) }),
  );
}

/**
 * Returns the command or subcommand with these words, such as `token create`. `undefined` if no command has
 * these words.
 */
function commandAt(program: Command, words: readonly string[]): Command | undefined {
  let command: Command | undefined = program;
  for (const word of words) command = command?.commands.find((child) => child.name() === word);
  return command;
}

function topicsText(): string {
  const width = Math.max(...TOPICS.map(({ name }) => name.length));
  const lines = TOPICS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${styled("bold", "Pages for llm-proxy help TOPIC:")}\n${lines.join("\n")}\n`;
}

function unknown(program: Command, word: string): CommandError {
  const known = [
    ...TOPICS.flatMap(({ name }) => [name, ...name.split("-")]),
    ...program.commands.map((command) => command.name()),
  ];
  const near = closestName(word, known);
  const hint = near === undefined ? "llm-proxy help lists both" : `did you mean ${near}?`;
  return new CommandError(`There is no page or command ${JSON.stringify(word)}; ${hint}`, 2);
}
