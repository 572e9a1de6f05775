const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);
const OPEN_BRACE = 0x7b;
/** Space, tab, line feed, carriage return. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** A member of an object, by where it stands. */
export interface Member {
  readonly key: string;
  readonly keyStart: number;
  /** The first byte of the value, and the one behind its last. */
  readonly start: number;
  readonly end: number;
}

/**
 * The members of the outermost object, repeated keys included. The bytes are only looked at: parsing and writing them
 * again would change numbers beyond 2^53, repeated keys and white space. Undefined for what is no object.
 */
export function jsonMembers(bytes: Uint8Array): Member[] | undefined {
  const members: Member[] = [];
  let at = skipBlank(bytes, hasByteOrderMark(bytes) ? 3 : 0);
  if (bytes[at] !== OPEN_BRACE) return undefined;
  let depth = 0;
  let key: { readonly text: string; readonly start: number } | undefined;
  let start: number | undefined;
  let end = at;
  const finish = (): void => {
    if (key !== undefined && start !== undefined) {
      members.push({ key: key.text, keyStart: key.start, start, end });
    }
    key = undefined;
    start = undefined;
  };
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (BLANK.has(byte)) continue;
    if (depth === 1 && byte === COLON && key !== undefined && start === undefined) {
      start = skipBlank(bytes, at + 1);
      continue;
    }
    if (depth === 1 && byte === COMMA) {
      finish();
      continue;
    }
    if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) {
      depth--;
      if (depth === 0) {
        finish();
        return skipBlank(bytes, at + 1) === bytes.length ? members : undefined;
      }
    } else if (byte === QUOTE) {
      const textEnd = stringEnd(bytes, at);
      if (textEnd === undefined) return undefined;
      if (depth === 1 && key === undefined) {
        const text = parseText(bytes.subarray(at, textEnd));
        if (text === undefined) return undefined;
        key = { text, start: at };
      }
      at = textEnd - 1;
    }
    end = at + 1;
  }
  return undefined;
}

/** The text that a JSON string says; undefined for what is none. */
export function parseText(bytes: Uint8Array): string | undefined {
  try {
    const text: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Some readers take it, though JSON knows none (RFC 8259, 8.1). */
function hasByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from;
  while (BLANK.has(bytes[at] ?? 0)) at++;
  return at;
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(bytes: Uint8Array, start: number): number | undefined {
  let end = bytes.indexOf(QUOTE, start + 1);
  while (end !== -1) {
    let before = end - 1;
    while (bytes[before] === BACKSLASH) before--;
    // An even number of backslashes are escaped themselves.
    if ((end - before) % 2 === 1) return end + 1;
    end = bytes.indexOf(QUOTE, end + 1);
  }
  return undefined;
}
