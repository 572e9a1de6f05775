/** Everything that the command line writes: texts, answers with or without `--json`, and failures. */

import { styled } from "./colours.ts";

const encoder = new TextEncoder();

/** Writes a whole text to standard output. */
export function writeOut(text: string): void {
  writeWhole(Deno.stdout, text);
}

/** How long a line of the log may wait for others to be written with it. */
const BUFFER_MS = 20;

/**
 * Writes lines to standard output, those of one moment together: a write of its own for each would cost a busy
 * proxy more than making the line. What waits is written at the latest when the process ends.
 */
export function bufferedStdout(): (text: string) => void {
  let waiting = "";
  const flush = (): void => {
    const text = waiting;
    waiting = "";
    if (text !== "") writeOut(text);
  };
  globalThis.addEventListener("unload", flush);
  return (text) => {
    if (waiting === "") setTimeout(flush, BUFFER_MS);
    waiting += text;
  };
}

/** Writes a whole text to standard error. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(stream: { writeSync: (bytes: Uint8Array) => number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // A reader that has gone, a full disk: what cannot be written is lost, and serving goes on.
  }
}

/** Whether answers and failures are JSON for programs. */
let isJson = false;

/** From now on answers and failures are written as JSON. */
export function writeAsJson(): void {
  isJson = true;
}

/** Whether the arguments ask for JSON. They are read before they are parsed: a mistake in them is a failure too. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}

/** Writes what a command has to say: one JSON value with `--json`, else the text for people. */
export function writeAnswer(answer: unknown, text: () => string): void {
  writeOut(isJson ? `${JSON.stringify(answer)}\n` : text());
}

/** Writes a text for people; programs get the answer alone. */
export function writeText(text: string): void {
  if (!isJson) writeOut(text);
}

/** What went wrong. */
export interface Failure {
  /** For people; the first line says it all. */
  readonly message: string;
  /** Lines below it, for people alone. */
  readonly lines?: readonly string[];
  /** Members beside the message, for programs alone. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes a failure to standard error: `{"error":{"message":…}}` with `--json`, else the text. */
export function writeFailure({ message, lines = [], details = {} }: Failure): void {
  if (isJson) return writeErr(`${JSON.stringify({ error: { message, ...details } })}\n`);
  const [first = "", ...rest] = message.split("\n");
  writeErr([styled("red", first, "err"), ...rest, ...lines].map((line) => `${line}\n`).join(""));
}

/** A warning as a line of text. */
export function warningLine(warning: string, stream: "out" | "err" = "out"): string {
  return `${styled("yellow", "warning:", stream)} ${warning}\n`;
}

/** A note beside the answer, on standard error; programs find it in the answer itself. */
export function writeNote(text: string): void {
  if (!isJson) writeErr(text);
}
