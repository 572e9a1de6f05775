/** `llm-proxy help`: the commands and the pages of the manual; `llm-proxy help TOPIC`: one of them. */

import type { Command } from "commander";
import { closestName } from "../config/values/suggest.ts";
import { findTopic, readPage, type Topic, TOPICS } from "../manual/pages.ts";
import { styled } from "./colours.ts";
import { CommandError } from "./command_error.ts";
import { writeOut } from "./output.ts";

/** Narrower than this nothing is wrapped, and wider nobody reads. In characters. */
const NARROWEST = 40;
const WIDEST = 100;

/** Prints the help of a command, a page, or without a word the list of both. Throws where there is neither. */
export async function help(program: Command, words: readonly string[]): Promise<void> {
  const [word, ...more] = words;
  if (word === undefined) {
    program.outputHelp();
    return writeOut(`\n${topicsText()}`);
  }
  const topic = findTopic(word);
  const command = commandAt(program, words);
  // The help of a command names its page.
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

/** Commands within commands too, like `token create`. */
function commandAt(program: Command, words: readonly string[]): Command | undefined {
  let command: Command | undefined = program;
  for (const word of words) command = command?.commands.find((child) => child.name() === word);
  return command;
}

function topicsText(): string {
  const width = Math.max(...TOPICS.map(({ name }) => name.length));
  const lines = TOPICS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${styled("bold", "Pages, printed by llm-proxy help <topic>:")}\n${lines.join("\n")}\n`;
}

function unknown(program: Command, word: string): CommandError {
  const known = [
    ...TOPICS.flatMap(({ name }) => [name, ...name.split("-")]),
    ...program.commands.map((command) => command.name()),
  ];
  const near = closestName(word, known);
  const hint = near === undefined ? "llm-proxy help lists them" : `did you mean ${near}?`;
  return new CommandError(`There is no page and no command ${JSON.stringify(word)}; ${hint}`, 2);
}
