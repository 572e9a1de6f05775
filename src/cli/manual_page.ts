/** The manual page `llm-proxy.1`, generated from the same description as help and completion. */

import { allCommands, type CommandDescription, type OptionDescription } from "./description.ts";
import { COMMAND_NOTES } from "./command_notes.ts";

/** The facts in the header and the footer of the page. */
export interface ManualPageOptions {
  readonly version: string;
  /** The date of the version, like `2026-11-21`. */
  readonly date: string;
}

/** Generates the page in the format of man(7). */
export function manualPage(program: CommandDescription, { version, date }: ManualPageOptions): string {
  const pages = [...new Set(Object.values(COMMAND_NOTES).map(({ page }) => page))].sort();
  return `${
    [
      `.TH LLM\\-PROXY 1 "${date}" ${argument(`llm-proxy ${version}`)} "User Commands"`,
      ".SH NAME",
      "llm\\-proxy \\- transparent LLM API proxy",
      ".SH SYNOPSIS",
      ".B llm\\-proxy",
      "[\\fIcommand\\fR] [\\fIoptions\\fR]",
      ".SH DESCRIPTION",
      text(program.description),
      ".PP",
      "Without a command it runs the proxy.",
      ".SH OPTIONS",
      ...program.options.flatMap(optionLines),
      ".SH COMMANDS",
      ...allCommands(program).slice(1).flatMap(commandLines),
      ".SH EXIT STATUS",
      ...EXIT_CODES.flatMap(([code, meaning]) => [".TP", `.B ${code}`, text(meaning)]),
      ".SH ENVIRONMENT",
      ...VARIABLES.flatMap(([name, meaning]) => [".TP", `.B ${text(name)}`, text(meaning)]),
      ".SH EXAMPLES",
      ...examples(""),
      ".SH SEE ALSO",
      text(`llm-proxy help TOPIC prints a page of the manual: ${pages.join(", ")}`),
    ].join("\n")
  }\n`;
}

const EXIT_CODES = [
  ["0", "success"],
  ["1", "failure"],
  ["2", "wrong usage or wrong configuration"],
] as const;

const VARIABLES = [
  ["CONFIG_PATH", "the configuration file; llm-proxy check prints all settings with their origins"],
  ["NO_COLOR", "turns colours off, unless it is empty"],
  ["FORCE_COLOR", "turns colours on in pipes and files too; 0 turns them off"],
] as const;

function commandLines(command: CommandDescription): string[] {
  const notes = COMMAND_NOTES[command.words];
  return [
    `.SS ${argument(`llm-proxy ${command.words} ${usageOf(command)}`.trim())}`,
    text(`${command.description.charAt(0).toUpperCase()}${command.description.slice(1)}.`),
    ...command.arguments.filter(({ choices }) => choices.length > 0).flatMap(({ name, choices }) => [
      ".PP",
      `\\fI${text(name)}\\fR: ${text(choices.join(", "))}`,
    ]),
    ...command.options.filter(({ names }) => !names.includes("--help")).flatMap(optionLines),
    ...(notes?.json === undefined ? [] : [
      ".PP",
      "With",
      ".B \\-\\-json",
      "it prints",
      ".PP",
      ".nf",
      ".RS 4",
      ...notes.json.split("\n").map(text),
      ".RE",
      ".fi",
    ]),
    ...examples(command.words),
  ];
}

/** Returns the usage of a command without its words. */
function usageOf({ usage, words }: CommandDescription): string {
  return usage.replace(/^llm-proxy /, "").replace(/\[options\] ?/, "").replace(words, "").trim();
}

function optionLines({ flags, description, value }: OptionDescription): string[] {
  const choices = value === undefined || value.choices.length === 0 ? "" : ` (${value.choices.join(", ")})`;
  return [".TP", `.B ${text(flags)}`, text(description + choices)];
}

function examples(words: string): string[] {
  const notes = COMMAND_NOTES[words];
  if (notes === undefined) return [];
  return [
    ...(words === "" ? [] : [".PP"]),
    ".nf",
    ".RS 4",
    ...notes.examples.map(([line, what]) => text(`${`llm-proxy ${line}`.trim()}  # ${what}`)),
    ".RE",
    ".fi",
  ];
}

/**
 * Escapes a line of text: its backslashes, its dashes, and a first character that man(7) would read as a
 * request.
 */
function text(words: string): string {
  const safe = words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...").replaceAll(
    "’",
    "'",
  );
  return /^[.']/.test(safe) ? `\\&${safe}` : safe;
}

function argument(words: string): string {
  return `"${text(words).replaceAll('"', "\\(dq")}"`;
}
