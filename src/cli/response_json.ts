/** Reads what a proxy responds, which may be hostile, for commands that print it. */

import { harmlessText } from "../text/harmless_text.ts";

/**
 * Parses the JSON of a response; `undefined` for another text. In its strings, all characters that change a
 * terminal are visible escapes, except for line breaks: see `harmlessText`. The proxy accepts none in names.
 */
export function responseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => typeof value === "string" ? harmlessLines(value) : value);
  } catch {
    return undefined;
  }
}

/** The lines of a text, in which all characters that change a terminal are visible escapes. */
export function harmlessLines(text: string): string {
  return text.split(/(?<=\n)/).map((line) => {
    const [end = ""] = /\r?\n$/.exec(line) ?? [];
    return harmlessText(line.slice(0, line.length - end.length), Infinity) + end;
  }).join("");
}
