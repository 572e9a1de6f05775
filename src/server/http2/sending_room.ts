import { nextTurn } from "../../streams/turn.ts";
import type { FrameOutput } from "./frame_output.ts";
import { MAX_31_BITS } from "./frames.ts";

/** The window of a connection at its beginning (RFC 9113, 6.9.2). */
const FIRST_WINDOW = 65_535;
/** The number of streams after which other connections get their turn. */
const STREAMS_IN_TURN = 32;

/**
 * The room for the frames of responses: the window that the client has opened, and the memory for unwritten
 * frames. Streams that wait for room get it in turns. A stream waits with one function, so it is in the list
 * once at most.
 */
export class SendingRoom {
  readonly #output: Pick<FrameOutput, "isFull">;
  #window = FIRST_WINDOW;
  /** Streams that wait to add the head of a response, which needs no window. */
  readonly #forHead = new Set<() => void>();
  readonly #forData = new Set<() => void>();
  #isWaking = false;

  constructor(output: Pick<FrameOutput, "isFull">) {
    this.#output = output;
  }

  /** How many bytes of DATA may be sent now. */
  get bytes(): number {
    return this.#output.isFull ? 0 : this.#window;
  }

  /** The number of streams that wait. */
  get waiting(): number {
    return this.#forHead.size + this.#forData.size;
  }

  /** Takes bytes off the window. */
  take(bytes: number): void {
    this.#window -= bytes;
  }

  /** Opens the window by some bytes. Returns false if it would be too large (RFC 9113, 6.9.1). */
  open(bytes: number): boolean {
    if (this.#window + bytes > MAX_31_BITS) return false;
    this.#window += bytes;
    this.wake();
    return true;
  }

  /** Calls a function once when there may be room. A function that waits already keeps its place. */
  wait(then: () => void, { isForHead }: { readonly isForHead: boolean }): void {
    (isForHead ? this.#forHead : this.#forData).add(then);
    this.wake();
  }

  /** Removes a function that waits, because its stream has ended. */
  leave(then: () => void): void {
    this.#forHead.delete(then);
    this.#forData.delete(then);
  }

  /** Wakes the streams that wait, one after the other, as far as there is room. */
  wake(): void {
    if (!this.#isWaking && this.#hasRoomForNext) void this.#wakeInTurns();
  }

  async #wakeInTurns(): Promise<void> {
    this.#isWaking = true;
    for (let count = 1; this.#hasRoomForNext; count++) {
      this.#wakeNext(this.#forHead.size > 0 ? this.#forHead : this.#forData);
      // The stream continues, and takes what it needs.
      if (count % STREAMS_IN_TURN === 0) await nextTurn();
      else await null;
    }
    this.#isWaking = false;
  }

  get #hasRoomForNext(): boolean {
    return !this.#output.isFull && (this.#forHead.size > 0 || this.#forData.size > 0 && this.#window > 0);
  }

  #wakeNext(streams: Set<() => void>): void {
    for (const then of streams) {
      streams.delete(then);
      return then();
    }
  }
}
