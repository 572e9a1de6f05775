import type { MessageBody } from "./byte_source.ts";

/** Joins pieces into one new array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
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

/** Makes a body of bytes in memory. Its reader gets them in one piece. */
export function bodyOf(bytes: Uint8Array): MessageBody {
  return new WholeBody(bytes);
}

class WholeBody implements MessageBody {
  readonly length: number;
  #left: Uint8Array | null;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.#left = bytes.length === 0 ? null : bytes;
  }

  tryRead(): Uint8Array | null {
    const piece = this.#left;
    this.#left = null;
    return piece;
  }

  readable(): Promise<void> {
    return Promise.resolve();
  }

  cancel(): void {}
}

/** A body that calls `watch` with each piece before its reader gets the piece. */
export function watched(source: MessageBody, watch: (piece: Uint8Array) => void): MessageBody {
  return {
    length: source.length,
    tryRead() {
      const piece = source.tryRead();
      if (piece instanceof Uint8Array) watch(piece);
      return piece;
    },
    readable: () => source.readable(),
    cancel: () => source.cancel(),
  };
}
