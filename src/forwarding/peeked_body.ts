import type { MessageBody } from "../streams/byte_source.ts";
import type { Clock } from "../time/clock.ts";

/** The memory for the beginning of a response. */
export interface PeekMemory {
  /** Sets how many bytes are held. Throws if there is not enough memory. */
  hold(bytes: number): void;
  /** Releases the memory. */
  release(): void;
}

/**
 * A body whose beginning the proxy reads before it decides whether the client gets it. The reader afterwards
 * gets every byte, from the first one on.
 */
export class PeekedBody implements MessageBody {
  readonly length: number | undefined;
  readonly #source: MessageBody;
  readonly #clock: Clock;
  /** The pieces that were read and not yet passed on. */
  readonly #pieces: Uint8Array[] = [];
  readonly #memory: PeekMemory | undefined;
  /** The wait for more bytes that a deadline interrupted. */
  #waiting: Promise<void> | undefined;

  /** Without `memory`, the bytes are not counted. */
  constructor(source: MessageBody, clock: Clock, memory?: PeekMemory) {
    this.#memory = memory;
    this.length = source.length;
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * Reads pieces until `isEnough` is true of one, the body ends, it has `maxBytes`, there is no memory for
   * more, or `deadlineMs` have passed. Throws if the body breaks off. Returns why the reading stopped.
   */
  async peek(
    isEnough: (piece: Uint8Array) => boolean,
    { maxBytes, deadlineMs }: { maxBytes: number; deadlineMs: number },
  ): Promise<"ended" | "enough" | "late"> {
    let isLate = false;
    let wake: () => void = () => {};
    const stop = this.#clock.after(deadlineMs, () => {
      isLate = true;
      wake();
    });
    let read = 0;
    try {
      while (read < maxBytes) {
        const piece = this.#source.tryRead();
        if (piece === null) return "ended";
        if (piece === undefined) {
          if (isLate) return "late";
          const deadline = new Promise<void>((resolve) => wake = resolve);
          this.#waiting = this.#source.readable();
          await Promise.race([this.#waiting, deadline]);
          continue;
        }
        // A piece is valid only until the next read.
        this.#pieces.push(piece.slice());
        read += piece.length;
        if (isEnough(piece) || !this.#tryHold(read)) return "enough";
      }
      return "enough";
    } catch (error) {
      this.#memory?.release();
      throw error;
    } finally {
      stop();
    }
  }

  tryRead(): Uint8Array | null | undefined {
    const piece = this.#pieces.shift();
    if (piece !== undefined) return piece;
    // The client has taken what was held.
    this.#memory?.release();
    return this.#source.tryRead();
  }

  readable(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ?? this.#source.readable();
  }

  cancel(): void {
    this.#memory?.release();
    this.#source.cancel();
  }

  #tryHold(bytes: number): boolean {
    try {
      this.#memory?.hold(bytes);
      return true;
    } catch {
      return false;
    }
  }
}
