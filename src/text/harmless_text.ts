/** Makes text of clients and upstreams safe for logs, database rows, messages and labels. */

/** Printable ASCII. Nearly all text matches this fast check. */
const PLAIN = /^[\x20-\x7e]*$/;
/**
 * Characters that control a terminal or are invisible: control characters (C0, DEL, C1), format characters
 * (direction marks and zero-width characters), lone surrogates, unassigned characters, and line and paragraph
 * separators.
 */
const HARMFUL = /[\p{C}\p{Zl}\p{Zp}]/u;
const CUT = "…";

/**
 * Replaces each harmful character with a visible escape like `\x1b` or `\u202e`. A result that is longer than
 * `maxLength` UTF-16 units is cut and ends with `…`.
 */
export function harmlessText(text: string, maxLength: number): string {
  if (text.length <= maxLength && (PLAIN.test(text) || !HARMFUL.test(text))) return text;
  let harmless = "";
  let kept = "";
  for (const character of text) {
    harmless += HARMFUL.test(character) ? escaped(character) : character;
    if (harmless.length > maxLength) return kept + CUT;
    if (harmless.length < maxLength) kept = harmless;
  }
  return harmless;
}

/** Whether {@link harmlessText} would escape no character of a text. */
export function isHarmless(text: string): boolean {
  return !HARMFUL.test(text);
}

/** A JSON value in which {@link harmlessText} was applied to each string and member name. */
export function harmlessValue(value: unknown, maxLength: number): unknown {
  if (typeof value === "string") return harmlessText(value, maxLength);
  if (Array.isArray(value)) return value.map((item) => harmlessValue(item, maxLength));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      harmlessText(name, maxLength),
      harmlessValue(item, maxLength),
    ]),
  );
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}
