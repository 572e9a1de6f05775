import type { MessageBody } from "./byte_source.ts";

/** Other bytes in place of some of a body's. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** What a request may hold of the memory for bodies. */
export interface BodyMemory {
  /** Whether so many bytes may be held. */
  readonly mayHold: (bytes: number) => boolean;
  /** Called when they are let go of; what {@link droppedBy} was given has then been called. */
  readonly release: () => void;
  /** Is told how the bytes are let go of: nothing may be held that is not counted. */
  readonly droppedBy: (drop: () => void) => void;
}

/**
 * A body that is whole in memory, and the only one that refers to its bytes. They are let go of as soon as nobody
 * will read them again, or when their memory is released.
 */
export class HeldBody {
  #bytes: Uint8Array | undefined;
  readonly #memory: Pick<BodyMemory, "release">;
  /** The reader that may read. An earlier one was given up. */
  #latest = 0;
  #isBeingRead = false;
  #isFinished = false;

  constructor(bytes: Uint8Array, memory: Pick<BodyMemory, "release" | "droppedBy">) {
    this.#bytes = bytes;
    this.#memory = memory;
    memory.droppedBy(() => this.#bytes = undefined);
  }

  /** The bytes, to be looked at and not to be kept. Throws where they are gone. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new Error("the body is in memory no more");
    return this.#bytes;
  }

  /** Puts others in their place. */
  replace(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  /** The body from its first byte on, with changes in the order of their places. */
  body(changes: readonly Change[] = []): MessageBody {
    const own = ++this.#latest;
    this.#isBeingRead = true;
    let length = this.bytes.length;
    for (const { start, end, bytes } of changes) length += bytes.length - (end - start);
    let at = 0;
    let next = 0;
    const tryRead = (): Uint8Array | null => {
      if (own !== this.#latest) throw new Error("another attempt reads this body");
      while (this.#isBeingRead) {
        const { bytes } = this;
        const change = changes[next];
        const piece = at === change?.start ? change.bytes : bytes.subarray(at, change?.start);
        if (at === change?.start) {
          at = change.end;
          next++;
        } else at += piece.length;
        if (piece.length > 0) return piece;
        if (at === bytes.length && next === changes.length) this.#isBeingRead = false;
      }
      this.#dropWhenDone();
      return null;
    };
    // deno-lint-ignore require-await
    return { length, tryRead, read: async () => tryRead(), cancel() {} };
  }

  /** Nobody will read it from the start again. */
  finish(): void {
    this.#isFinished = true;
    this.#dropWhenDone();
  }

  #dropWhenDone(): void {
    if (this.#isFinished && !this.#isBeingRead) this.#memory.release();
  }
}
