/** The output of commands to standard output and standard error: as text, or with `--json` as JSON. */

import { styled } from "./colours.ts";

const encoder = new TextEncoder();

/** Writes a text to standard output completely, before it returns. */
export function writeOut(text: string): void {
  writeWhole(Deno.stdout, text);
}

/** How long a line of the log waits for further lines, in milliseconds. */
const BUFFER_MS = 20;

/**
 * Makes a function that writes lines to standard output. It writes all lines of 20 ms together, because a
 * separate write costs a busy proxy more than making the line. Buffered lines are written when the process
 * ends.
 */
export function bufferedStdout(): (text: string) => void {
  let buffer = "";
  const flush = (): void => {
    const text = buffer;
    buffer = "";
    if (text !== "") writeOut(text);
  };
  globalThis.addEventListener("unload", flush);
  return (text) => {
    if (buffer === "") setTimeout(flush, BUFFER_MS);
    buffer += text;
  };
}

/** Writes a text to standard error completely, before it returns. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(stream: { writeSync: (bytes: Uint8Array) => number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // The reader has ended, or the disk is full. The text is lost, and the proxy continues.
  }
}

/** Whether commands write results and errors as JSON. */
let isJson = false;

/** Makes commands write results and errors as JSON from now on. */
export function writeAsJson(): void {
  isJson = true;
}

/**
 * Whether the arguments contain `--json`. It is read before the arguments are parsed, because errors of the
 * usage are JSON too.
 */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}

/** Writes the result of a command. With `--json` it is one JSON value, otherwise a text. */
export function writeResult(result: unknown, text: () => string): void {
  writeOut(isJson ? `${JSON.stringify(result)}\n` : text());
}

/** Writes a text. With `--json`, it writes nothing, because the result must be the only output. */
export function writeText(text: string): void {
  if (!isJson) writeOut(text);
}

/** An error to print at the end of a command. */
export interface Failure {
  /** The message. At a terminal, its first line is red. */
  readonly message: string;
  /** Further lines below the message. With `--json`, they are left out. */
  readonly lines?: readonly string[];
  /** Further members of the JSON error. They are used only with `--json`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes an error to standard error. With `--json` it is `{"error":{"message":…}}`, otherwise a text. */
export function writeFailure({ message, lines = [], details = {} }: Failure): void {
  if (isJson) return writeErr(`${JSON.stringify({ error: { message, ...details } })}\n`);
  const [first = "", ...rest] = message.split("\n");
  writeErr([styled("red", first, "err"), ...rest, ...lines].map((line) => `${line}\n`).join(""));
}

/** Returns a line with a warning, with a line break at its end. */
export function warningLine(warning: string, stream: "out" | "err" = "out"): string {
  return `${styled("yellow", "warning:", stream)} ${warning}\n`;
}

/**
 * Writes a note to standard error. With `--json`, it writes nothing, because the result contains the note.
 */
export function writeNote(text: string): void {
  if (!isJson) writeErr(text);
}
