/** Heads of messages are bytes; as text they are Latin-1, so that every byte survives the way there and back. */

const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();
// deno-lint-ignore no-control-regex -- the control characters are part of ASCII
const NOT_ASCII = /[^\x00-\x7f]/;
/** As many arguments as a call surely takes. */
const STRIDE = 8192;

/** Bytes as text, one character a byte. */
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

/** Text as bytes; every character must be below U+0100. */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  return bytes.length === text.length ? bytes : Uint8Array.from(text, (character) => character.charCodeAt(0));
}
