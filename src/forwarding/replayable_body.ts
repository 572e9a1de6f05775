import type { MessageBody } from "../streams/byte_source.ts";
import { GrowingBuffer } from "../streams/growing_buffer.ts";
import type { BodyMemory } from "../streams/held_body.ts";

const UNCOUNTED: BodyMemory = { tryHold: () => true, release() {}, droppedBy() {} };

/**
 * Keeps a body in memory while it is sent, up to a limit, so that a further attempt can send it again. Each
 * attempt reads it from the first byte on. An attempt that was abandoned gets no more bytes, and takes none
 * from the next one.
 */
export class ReplayableBody {
  readonly #source: MessageBody;
  readonly #maxBytes: number;
  readonly #memory: BodyMemory;
  readonly #kept = new GrowingBuffer();
  /** The number of the attempt that may read. */
  #latest = 0;
  /** How many of the kept bytes this attempt has taken. */
  #taken = 0;
  #forgets = false;
  /** Whether bytes were forgotten, so that no attempt can read from the first byte. */
  #hasForgotten = false;
  #ended = false;
  /** Whether the attempt has read the end, so that the kept bytes can be dropped. */
  #isTaken = false;
  /** Whether the read-ahead waits for the sender. */
  #isWaiting = false;
  /** Whether the sender has left, which the next reader also notices. */
  #isBroken = false;
  /** Called when the read-ahead has read more, or cannot. */
  #onProgress: (() => void) | undefined;

  /** Bytes for which `memory` has no room are sent once and forgotten. */
  constructor(source: MessageBody, maxBytes: number, memory: BodyMemory = UNCOUNTED) {
    this.#memory = memory;
    this.#source = source;
    this.#maxBytes = maxBytes;
    memory.droppedBy(() => {
      this.#forgets = true;
      this.#forget();
      this.#kept.drop();
    });
  }

  /** Whether a further attempt can read the body from its first byte. */
  get replayable(): boolean {
    return !this.#forgets;
  }

  /**
   * Reads ahead, as far as the bytes may be kept, because only a read notices that the sender has left. Never
   * throws: the next reader gets the error.
   */
  readAhead(): void {
    try {
      while (!this.#isWaiting && !this.#ended && !this.#forgets && this.#kept.length < this.#maxBytes) {
        const piece = this.#source.tryRead();
        if (piece === undefined) this.#readAheadLater();
        else this.#keep(piece);
      }
    } catch {
      // The source throws the same error for the next reader.
      this.#isBroken = true;
    }
  }

  /**
   * Waits for the first bytes, and returns at most `maxBytes` of them: fewer if the body is shorter, may not
   * be kept, or breaks off. They are valid until the next attempt reads the body. Call it before the first
   * attempt.
   */
  async start(maxBytes: number): Promise<Uint8Array> {
    const wanted = Math.min(maxBytes, this.#maxBytes);
    this.readAhead();
    while (!this.#ended && !this.#forgets && !this.#isBroken && this.#kept.length < wanted) {
      await new Promise<void>((resolve) => this.#onProgress = resolve);
    }
    return this.kept(maxBytes);
  }

  /** The first bytes that are in memory, at most `maxBytes`. Empty: the body was forgotten. */
  kept(maxBytes: number): Uint8Array {
    return this.#hasForgotten ? new Uint8Array() : this.#kept.bytes.subarray(0, maxBytes);
  }

  #readAheadLater(): void {
    this.#isWaiting = true;
    void this.#source.readable().then(() => {
      this.#isWaiting = false;
      this.readAhead();
      this.#onProgress?.();
    });
  }

  /** States that no further attempt follows. Bytes are forgotten after they were sent. */
  release(): void {
    this.#forgets = true;
    if (this.#ended && this.#isTaken) this.#memory.release();
  }

  /** Drops the kept bytes. Bytes that arrive from now on only pass. */
  #forget(): void {
    if (this.#kept.length > 0) this.#hasForgotten = true;
    this.#kept.clear();
    this.#taken = 0;
  }

  /** The body for the next attempt. It replaces the body of the attempt before. */
  attempt(): MessageBody {
    this.#taken = 0;
    this.#isTaken = false;
    return new AttemptBody(this, this.#source, ++this.#latest, this.#hasForgotten);
  }

  /**
   * The next bytes for the attempt with a number. `isCut`: whether the first bytes were forgotten before the
   * attempt began.
   */
  read(attempt: number, isCut: boolean): Uint8Array | null | undefined {
    if (attempt !== this.#latest) throw new Error("another attempt reads this body");
    if (isCut) throw new Error("the beginning of the body is forgotten");
    // The reader has used the bytes that it took before.
    if (this.#forgets && this.#taken > 0 && this.#taken === this.#kept.length) {
      this.#forget();
      this.#memory.release();
    }
    if (this.#taken === this.#kept.length && !this.#ended) this.#keep(this.#source.tryRead());
    if (this.#taken === this.#kept.length) {
      if (!this.#ended) return undefined;
      this.#isTaken = true;
      if (this.#forgets) this.#memory.release();
      return null;
    }
    const piece = this.#kept.bytes.subarray(this.#taken);
    this.#taken = this.#kept.length;
    return piece;
  }

  #keep(piece: Uint8Array | null | undefined): void {
    if (piece === null) this.#ended = true;
    else if (piece !== undefined) {
      // A copy: an early response lets the connection read its next request while this body is still being
      // sent.
      this.#kept.append(piece);
      if (this.#kept.length > this.#maxBytes || !this.#forgets && !this.#memory.tryHold(this.#kept.length)) {
        this.release();
      }
    }
  }
}

/** A body as one attempt reads it. */
class AttemptBody implements MessageBody {
  readonly #body: ReplayableBody;
  readonly #source: MessageBody;
  readonly #attempt: number;
  readonly #isCut: boolean;

  constructor(body: ReplayableBody, source: MessageBody, attempt: number, isCut: boolean) {
    this.#body = body;
    this.#source = source;
    this.#attempt = attempt;
    this.#isCut = isCut;
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  tryRead(): Uint8Array | null | undefined {
    return this.#body.read(this.#attempt, this.#isCut);
  }

  readable(): Promise<void> {
    return this.#source.readable();
  }

  cancel(): void {
    this.#source.cancel();
  }
}
