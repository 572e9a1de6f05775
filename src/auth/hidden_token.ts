/** Looks for a token of the proxy in an upstream request, in each encoding that an upstream could decode. */

import type { Field } from "../http/fields.ts";

/** An upstream request without its body. */
export interface OutgoingHead {
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  readonly fields: readonly Field[];
}

/** The shortest text to search for, in characters. Shorter texts match by chance. */
const MIN_NEEDLE = 6;

/**
 * Finds one of the tokens and returns its place in words, such as `the path or query` or the name of a header
 * field. The token may be plain, percent-encoded once or twice, broken up by backslashes, in base64 (also
 * within a longer text, for example after a user name) or in hexadecimal digits. Returns undefined if the
 * request has no token.
 */
export function findHiddenToken(head: OutgoingHead, tokens: readonly string[]): string | undefined {
  const needles = [...new Set(tokens)].map(needlesOf);
  const holds = (text: string) => needles.some((spellings) => holdsToken(text, spellings));
  if (holds(head.target)) return "the path or query";
  if (holds(head.method)) return "the method";
  if (head.fields.some(({ name }) => holds(name))) return "the name of a header field";
  return head.fields.find(({ value }) => holds(value))?.lower;
}

interface Needles {
  readonly plain: string;
  /** In the standard alphabet, one for each alignment of the token in the encoded text. */
  readonly base64: readonly string[];
  /** In lower case. */
  readonly hexadecimal: string;
}

function holdsToken(text: string, { plain, base64, hexadecimal }: Needles): boolean {
  for (const reading of readingsOf(text)) {
    if (reading.includes(plain)) return true;
    // Many decoders accept both alphabets, even mixed.
    const standard = reading.replaceAll("-", "+").replaceAll("_", "/");
    if (base64.some((needle) => standard.includes(needle))) return true;
    if (reading.length >= hexadecimal.length && reading.toLowerCase().includes(hexadecimal)) return true;
  }
  return false;
}

/** The texts that an upstream could decode a text to, and the text itself. */
function readingsOf(text: string): Set<string> {
  const once = percentDecoded(text);
  const readings = new Set([text, once, percentDecoded(once)]);
  for (const reading of [...readings]) readings.add(reading.replaceAll("\\", ""));
  return readings;
}

function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
}

function needlesOf(token: string): Needles {
  const bytes = new TextEncoder().encode(token);
  const base64 = new Set<string>();
  // The bytes before the token shift its bits by zero, two or four. Each shift gives other digits.
  for (let before = 0; before < 3; before++) {
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    // The needle has only digits without a bit of a neighbouring byte.
    const from = Math.ceil(before * 8 / 6);
    const to = Math.floor((before + bytes.length) * 8 / 6);
    if (to - from < MIN_NEEDLE) continue;
    base64.add(shifted.toBase64({ omitPadding: true }).slice(from, to));
  }
  return { plain: token, base64: [...base64], hexadecimal: bytes.toHex() };
}
