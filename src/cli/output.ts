/** What commands write to standard output and standard error, as text or with `--json` as JSON. */

import { styled } from "./colours.ts";

const encoder = new TextEncoder();

/** Writes a text to standard output, completely and at once. */
export function writeOut(text: string): void {
  writeWhole(Deno.stdout, text);
}

/** How long a line of the log waits for further lines, in milliseconds. */
const BUFFER_MS = 20;

/**
 * Makes a function that writes lines to standard output, with one write for all lines of 20 ms: a separate
 * write for each line costs a busy proxy more than making the line. Buffered lines are written when the
 * process ends.
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

/** Writes a text to standard error, completely and at once. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(stream: { writeSync: (bytes: Uint8Array) => number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // The reader is gone or the disk is full. The text is lost, and the proxy goes on.
  }
}

/** Whether commands write results and errors as JSON. */
let isJson = false;

/** Makes commands write results and errors as JSON from now on. */
export function writeAsJson(): void {
  isJson = true;
}

/** Whether the arguments contain `--json`. It is read before parsing, because usage errors are JSON too. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}

/** Writes the result of a command: with `--json` as one JSON value, otherwise as the text. */
export function writeResult(result: unknown, text: () => string): void {
  writeOut(isJson ? `${JSON.stringify(result)}\n` : text());
}

/** Writes a text. With `--json` it writes nothing, because the result is then the only output. */
export function writeText(text: string): void {
  if (!isJson) writeOut(text);
}

/** An error to print at the end of a command. */
export interface Failure {
  /** The message, of which the first line is red at a terminal. */
  readonly message: string;
  /** Further lines below the message. `--json` leaves them out. */
  readonly lines?: readonly string[];
  /** Further members beside the message, only with `--json`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes an error to standard error: `{"error":{"message":…}}` with `--json`, else the text. */
export function writeFailure({ message, lines = [], details = {} }: Failure): void {
  if (isJson) return writeErr(`${JSON.stringify({ error: { message, ...details } })}\n`);
  const [first = "", ...rest] = message.split("\n");
  writeErr([styled("red", first, "err"), ...rest, ...lines].map((line) => `${line}\n`).join(""));
}

/** A line with a warning, with a line break at its end. */
export function warningLine(warning: string, stream: "out" | "err" = "out"): string {
  return `${styled("yellow", "warning:", stream)} ${warning}\n`;
}

/** Writes a note to standard error. With `--json` it writes nothing, because the result contains the note. */
export function writeNote(text: string): void {
  if (!isJson) writeErr(text);
}
