/** Characters that end a line in YAML 1.1, which kubectl and Compose read, and in no other format. */
const ESCAPES: Readonly<Record<string, string>> = { "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P" };
const LINE_BREAK = /[\x85\u2028\u2029]/g;

/** Whether a text has such a character. */
export function hasLineBreaks(text: string): boolean {
  return text.search(LINE_BREAK) !== -1;
}

/** The text with the escapes of double-quoted scalars. A comment shows them as they are. */
export function escapedLineBreaks(text: string): string {
  return text.replaceAll(LINE_BREAK, (character) => ESCAPES[character] ?? character);
}
