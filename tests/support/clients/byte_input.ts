import { Buffer } from "node:buffer";
import type { ByteInput } from "../../../src/http/reader.ts";

/** What comes behind the last byte. */
export type Behind = "end" | "silence";

/** A connection that gives these bytes in pieces of one size. */
export function inputOf(bytes: Uint8Array, pieceBytes: number, behind: Behind): ByteInput {
  return inputInPieces(bytes, () => pieceBytes, behind);
}

/** A connection that gives these bytes in two pieces. */
export function inputSplitAt(bytes: Uint8Array, at: number, behind: Behind): ByteInput {
  return inputInPieces(bytes, (done) => done < at ? at - done : bytes.length - done, behind);
}

function inputInPieces(bytes: Uint8Array, next: (done: number) => number, behind: Behind): ByteInput {
  let done = 0;
  return {
    read(into) {
      if (done >= bytes.length) return behind === "end" ? Promise.resolve(null) : new Promise(() => {});
      const count = Math.max(1, Math.min(next(done), into.length, bytes.length - done));
      into.set(bytes.subarray(done, done + count));
      done += count;
      return Promise.resolve(count);
    },
  };
}

/** Text as bytes, one a character. */
export function latin1(text: string): Uint8Array {
  const bytes = Buffer.from(text, "latin1");
  // The buffer of a small text is a part of a larger one.
  return new Uint8Array(bytes);
}
