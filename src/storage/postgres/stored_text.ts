/** Texts that PostgreSQL can store: it accepts neither NUL characters nor half surrogate pairs. */

const REPLACEMENT = "\ufffd";

/** The text with a replacement character (U+FFFD) for each character that PostgreSQL rejects. */
export function storedText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes("\0") ? wellFormed.replaceAll("\0", REPLACEMENT) : wellFormed;
}

/** JSON for the server, which reads it as values or keeps it as text. */
export function storedJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Escapes of what PostgreSQL rejects are rare. Others, such as `\\u0000`, are left alone by the second
  // look.
  if (!/\\u(?:0000|d[89a-f])/.test(json)) return json;
  return JSON.stringify(value, (_, item: unknown) => typeof item === "string" ? storedText(item) : item);
}
