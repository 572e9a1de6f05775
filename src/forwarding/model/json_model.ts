import type { ModelPlace } from "./model_place.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);
const CLOSING: ReadonlySet<number> = new Set([0x7d, 0x5d]);
const OPEN_BRACE = 0x7b;
/** Space, tab, line feed, carriage return. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The texts that stand under `model` in the outermost object, every one where there are several. The bytes are only
 * looked at: parsing and writing them again would change numbers beyond 2^53, repeated keys and white space. What is
 * no object gives none.
 */
export function jsonModels(bytes: Uint8Array): ModelPlace[] {
  const places: ModelPlace[] = [];
  let at = skipBlank(bytes, hasByteOrderMark(bytes) ? 3 : 0);
  if (bytes[at] !== OPEN_BRACE) return [];
  let depth = 0;
  let key: string | undefined;
  let expects: "key" | "value" = "key";
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    else if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      if (end === undefined) return [];
      if (depth === 1) {
        const isKey = expects === "key";
        if (isKey || key === "model") {
          const text = parseText(bytes.subarray(at, end));
          if (text === undefined) return [];
          if (isKey) key = text;
          else places.push({ start: at, end, name: text, write: (name) => JSON.stringify(name) });
        }
      }
      at = end - 1;
    } else if (depth === 1 && byte === COLON) expects = "value";
    else if (depth === 1 && byte === COMMA) {
      expects = "key";
      key = undefined;
    }
    if (depth === 0) return isBlank(bytes, at + 1) ? places : [];
  }
  return [];
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

function isBlank(bytes: Uint8Array, from: number): boolean {
  return skipBlank(bytes, from) === bytes.length;
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

function parseText(bytes: Uint8Array): string | undefined {
  try {
    const text: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
