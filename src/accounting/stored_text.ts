import { harmlessText } from "../text/harmless_text.ts";

/** The longest text of a client or a provider in a row, in characters. */
const MAX_TEXT = 200;

/**
 * Returns a text of a client or a provider in the form for rows, labels and pages: short, and without control
 * characters.
 */
export function storedText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : harmlessText(text, MAX_TEXT);
}
