import type { ByteSource } from "./body.ts";

/** All parts, one behind the other, in bytes of their own. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes as a source that gives them at once. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  let left: Uint8Array | null = bytes.length === 0 ? null : bytes;
  const tryRead = (): Uint8Array | null => {
    const piece = left;
    left = null;
    return piece;
  };
  return { tryRead, read: () => Promise.resolve(tryRead()), cancel() {} };
}
