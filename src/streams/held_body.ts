import type { MessageBody } from "./byte_source.ts";

/** Replaces a range of a body by other bytes. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** The share of the memory for bodies that one request may hold. */
export interface BodyMemory {
  /** Whether the request may hold so many bytes. */
  readonly mayHold: (bytes: number) => boolean;
  /** Releases the share. Calls all functions that {@link droppedBy} registered. */
  readonly release: () => void;
  /** Registers a function that drops the bytes, so that no bytes stay in memory that are not counted. */
  readonly droppedBy: (drop: () => void) => void;
}

/**
 * A body that is whole in memory. It has the only reference to the bytes, and drops them after the last
 * attempt has read them, or when their memory is released.
 */
export class HeldBody {
  #bytes: Uint8Array | undefined;
  readonly #memory: Pick<BodyMemory, "release">;
  /** The number of the reader that may read. Earlier readers belong to attempts that were abandoned. */
  #latest = 0;
  #isBeingRead = false;
  #isFinished = false;

  constructor(bytes: Uint8Array, memory: Pick<BodyMemory, "release" | "droppedBy">) {
    this.#bytes = bytes;
    this.#memory = memory;
    memory.droppedBy(() => this.#bytes = undefined);
  }

  /** The bytes. Do not keep a reference to them. Throws after they were dropped. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new Error("the body is no longer in memory");
    return this.#bytes;
  }

  /** Replaces the bytes. */
  replace(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  /**
   * The body from its first byte on, with changes in the order of their ranges. It ends the readers before
   * it.
   */
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
    return { length, tryRead, readable: () => Promise.resolve(), cancel() {} };
  }

  /** States that no further attempt reads the body from its first byte. */
  finish(): void {
    this.#isFinished = true;
    this.#dropWhenDone();
  }

  #dropWhenDone(): void {
    if (this.#isFinished && !this.#isBeingRead) this.#memory.release();
  }
}
