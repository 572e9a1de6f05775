/** Bytes as connections and bodies that give them in pieces. */

import type { MessageBody } from "../../../src/streams/byte_source.ts";
import type { ByteInput } from "../../../src/http/reader.ts";

/** A connection that gives these pieces, and then ends. */
export function connectionOf(pieces: readonly Uint8Array[]): ByteInput {
  const left = [...pieces];
  return {
    read(into) {
      const piece = left.shift();
      if (piece === undefined) return Promise.resolve(null);
      const count = Math.min(piece.length, into.length);
      into.set(piece.subarray(0, count));
      if (count < piece.length) left.unshift(piece.subarray(count));
      return Promise.resolve(count);
    },
  };
}

/** A body that gives these pieces, and then ends. */
export function bodyInPieces(pieces: readonly Uint8Array[]): MessageBody {
  const left = [...pieces];
  const tryRead = () => left.shift() ?? null;
  return { length: undefined, tryRead, readable: () => Promise.resolve(), cancel() {} };
}
