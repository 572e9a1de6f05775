import type { MessageBody } from "../streams/byte_source.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import type { BodyMemory } from "../streams/held_body.ts";

const UNCOUNTED: BodyMemory = { mayHold: () => true, release() {}, droppedBy() {} };

/**
 * A body that is remembered while it is sent, up to a bound, so that it can be sent once more. Each attempt reads it
 * from the first byte on; one that was given up gets nothing any more and takes nothing from the next.
 */
export class ReplayableBody {
  readonly #source: MessageBody;
  readonly #maxBytes: number;
  readonly #memory: BodyMemory;
  readonly #kept = new GrowingBuffer();
  /** The attempt that may read. */
  #latest = 0;
  /** How many of the kept bytes it has taken. */
  #taken = 0;
  #forgets = false;
  /** Bytes have been forgotten: there is no way back to the first one. */
  #hasForgotten = false;
  #ended = false;
  /** The attempt has taken the last byte and is done with it. */
  #isTaken = false;
  #pulling: Promise<void> | undefined;

  /** `memory` tells whether so many bytes may be remembered; else they are forgotten as they are sent. */
  constructor(source: MessageBody, maxBytes: number, memory: BodyMemory = UNCOUNTED) {
    this.#memory = memory;
    this.#source = source;
    this.#maxBytes = maxBytes;
    memory.droppedBy(() => {
      this.#forgets = true;
      this.#forget();
    });
  }

  /** Whether a further attempt would find the body whole. */
  get replayable(): boolean {
    return !this.#forgets;
  }

  /**
   * Reads ahead, as far as it may be remembered: only a read notices that the sender has left. Never throws;
   * the next reader gets the error.
   */
  readAhead(): void {
    try {
      while (this.#mayReadAhead()) {
        const piece = this.#source.tryRead();
        if (piece === undefined) {
          (this.#pulling ??= this.#pull()).then(() => this.readAhead(), () => {});
          return;
        }
        this.#keep(piece);
      }
    } catch {
      // The source gives the next reader the same error.
    }
  }

  #mayReadAhead(): boolean {
    return !this.#ended && !this.#forgets && this.#pulling === undefined &&
      this.#kept.length < this.#maxBytes;
  }

  /** There will be no further attempt: what has been sent is forgotten. */
  release(): void {
    this.#forgets = true;
    if (this.#ended && this.#isTaken) this.#memory.release();
  }

  /** What was kept is gone; what comes from now on only passes. */
  #forget(): void {
    if (this.#kept.length > 0) this.#hasForgotten = true;
    this.#kept.clear();
    this.#taken = 0;
  }

  /** The body for the next attempt, in place of the one before. */
  attempt(): MessageBody {
    const own = ++this.#latest;
    const isCut = this.#hasForgotten;
    this.#taken = 0;
    this.#isTaken = false;
    const tryRead = (): Uint8Array | null | undefined => {
      if (own !== this.#latest) throw new Error("another attempt reads this body");
      if (isCut) throw new Error("the beginning of the body is forgotten");
      // The reader is done with what it took before.
      if (this.#forgets && this.#taken > 0 && this.#taken === this.#kept.length) {
        this.#forget();
        this.#memory.release();
      }
      if (this.#taken === this.#kept.length && !this.#ended && this.#pulling === undefined) {
        this.#keep(this.#source.tryRead());
      }
      if (this.#taken === this.#kept.length) {
        if (!this.#ended) return undefined;
        this.#isTaken = true;
        if (this.#forgets) this.#memory.release();
        return null;
      }
      const piece = this.#kept.bytes.subarray(this.#taken);
      this.#taken = this.#kept.length;
      return piece;
    };
    const read = async (): Promise<Uint8Array | null> => {
      while (true) {
        const piece = tryRead();
        if (piece !== undefined) return piece;
        await (this.#pulling ??= this.#pull());
      }
    };
    return { length: this.#source.length, tryRead, read, cancel: () => this.#source.cancel() };
  }

  async #pull(): Promise<void> {
    try {
      this.#keep(await this.#source.read());
    } finally {
      this.#pulling = undefined;
    }
  }

  #keep(piece: Uint8Array | null | undefined): void {
    if (piece === null) this.#ended = true;
    else if (piece !== undefined) {
      this.#kept.append(piece);
      if (this.#kept.length > this.#maxBytes || !this.#forgets && !this.#memory.mayHold(this.#kept.length)) {
        this.release();
      }
    }
  }
}
