/**
 * Latin-1, for the heads of messages: every byte is one character, so no byte is lost in decoding and
 * encoding.
 */

const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();
// deno-lint-ignore no-control-regex -- the control characters are part of ASCII
const NOT_ASCII = /[^\x00-\x7f]/;
/** A number of arguments that every call can take. */
const STRIDE = 8192;

/** Decodes bytes to text, one character for each byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  // The platform's "latin1" is windows-1252, which differs for some bytes that are not ASCII.
  const text = decoder.decode(bytes);
  if (!NOT_ASCII.test(text)) return text;
  let exact = "";
  for (let at = 0; at < bytes.length; at += STRIDE) {
    exact += String.fromCharCode(...bytes.subarray(at, at + STRIDE));
  }
  return exact;
}

/** Encodes text to bytes. Every character must be below U+0100. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return bytes.length === text.length ? bytes : Uint8Array.from(text, (character) => character.charCodeAt(0));
}
