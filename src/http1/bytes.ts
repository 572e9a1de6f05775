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

/** Pieces that were read already, and then the rest of their source. The pieces are given in bytes of their own. */
export function readAgain(pieces: readonly Uint8Array[], rest: ByteSource): ByteSource {
  const left = [...pieces];
  return {
    tryRead: () => left.shift() ?? rest.tryRead(),
    read: () => {
      const piece = left.shift();
      return piece === undefined ? rest.read() : Promise.resolve(piece);
    },
    cancel: () => rest.cancel(),
  };
}

/** A source whose pieces are shown to somebody on their way. */
export function watched(source: ByteSource, watch: (piece: Uint8Array) => void): ByteSource {
  const seen = <Piece extends Uint8Array | null | undefined>(piece: Piece): Piece => {
    if (piece instanceof Uint8Array) watch(piece);
    return piece;
  };
  return {
    tryRead: () => seen(source.tryRead()),
    read: async () => seen(await source.read()),
    cancel: () => source.cancel(),
  };
}
