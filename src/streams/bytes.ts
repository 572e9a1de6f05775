import type { MessageBody } from "./byte_source.ts";

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

/** Bytes as a body that gives them at once. */
export function bodyOf(bytes: Uint8Array): MessageBody {
  let left: Uint8Array | null = bytes.length === 0 ? null : bytes;
  const tryRead = (): Uint8Array | null => {
    const piece = left;
    left = null;
    return piece;
  };
  return { length: bytes.length, tryRead, read: () => Promise.resolve(tryRead()), cancel() {} };
}

/** Pieces that were read already, and then the rest of their body. The pieces are given in bytes of their own. */
export function readAgain(pieces: readonly Uint8Array[], rest: MessageBody): MessageBody {
  const left = [...pieces];
  return {
    length: rest.length,
    tryRead: () => left.shift() ?? rest.tryRead(),
    read: () => {
      const piece = left.shift();
      return piece === undefined ? rest.read() : Promise.resolve(piece);
    },
    cancel: () => rest.cancel(),
  };
}

/** A body whose pieces `watch` sees while they pass. */
export function watched(source: MessageBody, watch: (piece: Uint8Array) => void): MessageBody {
  const seen = <Piece extends Uint8Array | null | undefined>(piece: Piece): Piece => {
    if (piece instanceof Uint8Array) watch(piece);
    return piece;
  };
  return {
    length: source.length,
    tryRead: () => seen(source.tryRead()),
    read: async () => seen(await source.read()),
    cancel: () => source.cancel(),
  };
}
