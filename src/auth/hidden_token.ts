/** Looks for a token of the proxy's in what is about to go upstream, in whatever spelling a reader could undo. */

import type { Field } from "../http/fields.ts";

/** A request as it goes upstream, without its body. */
export interface OutgoingHead {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: readonly Field[];
}

/** A shorter text is part of too much that is not it. */
const LEAST_NEEDLE = 6;

/**
 * Where one of the tokens stands, in words: `the path or query`, or the name of a header field. It is found as it is,
 * percent-encoded once or twice, with backslashes within, in base64 (also as part of something longer, with a user
 * name before it) and in hexadecimal digits. Undefined: none of them is there.
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
  /** In the standard alphabet. */
  readonly base64: readonly string[];
  /** In small letters. */
  readonly hexadecimal: string;
}

function holdsToken(text: string, { plain, base64, hexadecimal }: Needles): boolean {
  for (const reading of readingsOf(text)) {
    if (reading.includes(plain)) return true;
    // Many readers take both alphabets, and also both at once.
    const standard = reading.replaceAll("-", "+").replaceAll("_", "/");
    if (base64.some((needle) => standard.includes(needle))) return true;
    if (reading.length >= hexadecimal.length && reading.toLowerCase().includes(hexadecimal)) return true;
  }
  return false;
}

/** What a text can be read as. */
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
  // What stands before the token moves its bits by none, two or four: each gives other digits.
  for (let before = 0; before < 3; before++) {
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    // Digits that hold no bit of a neighbour's.
    const from = Math.ceil(before * 8 / 6);
    const to = Math.floor((before + bytes.length) * 8 / 6);
    if (to - from < LEAST_NEEDLE) continue;
    base64.add(shifted.toBase64({ omitPadding: true }).slice(from, to));
  }
  return { plain: token, base64: [...base64], hexadecimal: bytes.toHex() };
}
