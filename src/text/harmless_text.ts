/** Text of others (clients, upstreams, proxies) as it may stand in a record: a log line, a row, a message, a label. */

/** Nearly all text is of this kind. */
const PLAIN = /^[\x20-\x7e]*$/;
/**
 * What a terminal acts on or nobody sees: controls (C0, DEL, C1), format characters (they change the direction of
 * text or have no width), lone surrogates, what Unicode leaves open, and the separators of lines and paragraphs.
 */
const HARMFUL = /[\p{C}\p{Zl}\p{Zp}]/u;
const CUT = "…";

/**
 * The text with each harmful character as a visible escape, like `\x1b` or `\u202e`; longer than `maxLength`
 * characters (UTF-16 units) it is cut and ends with `…`. What is harmless and short stays as it is.
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

/** Whether a text holds nothing that {@link harmlessText} would change but its length. */
export function isHarmless(text: string): boolean {
  return !HARMFUL.test(text);
}

/** A value of JSON with every text in it, names of members too, made harmless; each is cut at `maxLength`. */
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
