/** Reads the JSON of a proxy that may be hostile, for commands that print it. */

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

function harmlessLines(text: string): string {
  return text.split("\n").map((line) => harmlessText(line, Infinity)).join("\n");
}
