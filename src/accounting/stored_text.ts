import { harmlessText } from "../text/harmless_text.ts";

/** How much text of others a row keeps, in characters. */
const MAX_TEXT = 200;

/**
 * A text of a client or a provider in the form for rows, labels and pages: short, and without control
 * characters.
 */
export function storedText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : harmlessText(text, MAX_TEXT);
}
