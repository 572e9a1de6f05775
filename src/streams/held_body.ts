import type { MessageBody } from "./byte_source.ts";

/** Replaces a range of a body by other bytes. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** The share of the memory for bodies that one request may hold. */
export interface BodyMemory {
  /**
   * Sets the share to `bytes`. Returns `false` and changes nothing if the request may not hold that many
   * bytes.
   */
  readonly tryHold: (bytes: number) => boolean;
  /** Releases the share. Calls all functions that {@link droppedBy} registered. */
  readonly release: () => void;
  /**
   * Registers a function that drops the bytes. So no bytes stay in memory after they are no longer counted.
   */
  readonly droppedBy: (drop: () => void) => void;
}

/**
 * A body that is completely in memory. It has the only reference to the bytes. It drops them after the last
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

  /** The bytes. Do not keep a reference to them. Throws an error if they were dropped. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new Error("the body is no longer in memory");
    return this.#bytes;
  }

  /** Replaces the bytes by other bytes. Call it while no reader reads the body. */
  replace(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  /**
   * Returns a reader of the whole body with changes. `changes` are in the order of their ranges. Earlier
   * readers throw an error at their next read.
   */
  body(changes: readonly Change[] = []): MessageBody {
    const own = ++this.#latest;
    this.#isBeingRead = true;
    let length = this.bytes.length;
    for (const { start, end, bytes } of changes) length += bytes.length - (end - start);
    return new HeldReader(length, (from) => {
      if (own !== this.#latest) throw new Error("another attempt reads this body");
      const piece = this.#isBeingRead ? pieceAt(from, this.bytes, changes) : undefined;
      if (piece !== undefined) return piece;
      this.#isBeingRead = false;
      this.#dropWhenDone();
      return undefined;
    });
  }

  /** Tells the body that no further attempt will read it from its first byte. */
  finish(): void {
    this.#isFinished = true;
    this.#dropWhenDone();
  }

  #dropWhenDone(): void {
    if (this.#isFinished && !this.#isBeingRead) this.#memory.release();
  }
}

/** Where a reader of a body is: how many of its bytes it has read, and how many changes it has passed. */
interface Place {
  at: number;
  next: number;
}

/**
 * Returns the next piece, which is not empty, and moves the place to its end. Returns `undefined` at the end
 * of the body.
 */
function pieceAt(place: Place, bytes: Uint8Array, changes: readonly Change[]): Uint8Array | undefined {
  while (place.at < bytes.length || place.next < changes.length) {
    const change = changes[place.next];
    const isChange = place.at === change?.start;
    const piece = isChange ? change.bytes : bytes.subarray(place.at, change?.start);
    if (isChange) {
      place.at = change.end;
      place.next++;
    } else place.at += piece.length;
    if (piece.length > 0) return piece;
  }
  return undefined;
}

/** One reader of a held body. */
class HeldReader implements MessageBody {
  readonly length: number;
  readonly #place: Place = { at: 0, next: 0 };
  readonly #pieceAt: (place: Place) => Uint8Array | undefined;

  constructor(length: number, pieceAt: (place: Place) => Uint8Array | undefined) {
    this.length = length;
    this.#pieceAt = pieceAt;
  }

  tryRead(): Uint8Array | null {
    return this.#pieceAt(this.#place) ?? null;
  }

  readable(): Promise<void> {
    return Promise.resolve();
  }

  cancel(): void {}
}
