/** The output of programs that a test talks to while they run. */

import { within } from "../time/deadline.ts";

/** Standard output of a program, as text in the order of arrival. */
export type TextReader = ReadableStreamDefaultReader<string>;

/** Starts to read a program's standard output. */
export function textReader(child: Deno.ChildProcess): TextReader {
  return child.stdout.pipeThrough(new TextDecoderStream()).getReader();
}

/**
 * Reads until the output has the wanted text, and gives all of it up to there. Throws, with what came, if the
 * output ends or the deadline passes before.
 */
export async function outputUntil(reader: TextReader, wanted: RegExp): Promise<string> {
  let text = "";
  while (!wanted.test(text)) {
    const { value, done } = await within(reader.read(), `${wanted} in the output, behind:\n${text}\n`);
    if (done) throw new Error(`the output ended without ${wanted}:\n${text}`);
    text += value;
  }
  return text;
}

/** Reads to the end of the output. */
export async function restOfOutput(reader: TextReader): Promise<string> {
  let text = "";
  for (;;) {
    const { value, done } = await within(reader.read(), `the end of the output, behind:\n${text}\n`);
    if (done) return text;
    text += value;
  }
}
