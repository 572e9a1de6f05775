import { nextTurn } from "../../streams/turn.ts";
import type { FrameOutput } from "./frame_output.ts";
import { MAX_31_BITS } from "./frames.ts";

/** The window of a connection at its start, in bytes (RFC 9113, 6.9.2). */
const FIRST_WINDOW = 65_535;
/** After this number of streams, other connections get a turn. */
const STREAMS_IN_TURN = 32;

/**
 * The room for the frames of responses: the window that the client has opened, and the memory for unwritten
 * frames. The streams that wait for room get it in turn. Each stream waits with one function, so it is in the
 * list at most once.
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

  /** The number of bytes of DATA that may be sent now. */
  get bytes(): number {
    return this.#output.isFull ? 0 : this.#window;
  }

  /** The number of streams that wait. */
  get waiting(): number {
    return this.#forHead.size + this.#forData.size;
  }

  /** Subtracts bytes from the window. */
  take(bytes: number): void {
    this.#window -= bytes;
  }

  /** Opens the window by some bytes. Returns `false` if the window would be too large (RFC 9113, 6.9.1). */
  open(bytes: number): boolean {
    if (this.#window + bytes > MAX_31_BITS) return false;
    this.#window += bytes;
    this.wake();
    return true;
  }

  /** Calls a function once, when there may be room. A function that is already waiting keeps its place. */
  wait(then: () => void, { isForHead }: { readonly isForHead: boolean }): void {
    (isForHead ? this.#forHead : this.#forData).add(then);
    this.wake();
  }

  /** Removes a function that waits, because its stream has ended. */
  leave(then: () => void): void {
    this.#forHead.delete(then);
    this.#forData.delete(then);
  }

  /** Calls the waiting functions in their order, as long as there is room. */
  wake(): void {
    if (!this.#isWaking && this.#hasRoomForNext) void this.#wakeInTurns();
  }

  async #wakeInTurns(): Promise<void> {
    this.#isWaking = true;
    for (let count = 1; this.#hasRoomForNext; count++) {
      this.#wakeNext(this.#forHead.size > 0 ? this.#forHead : this.#forData);
      // The stream has continued, and has used the room that it needed.
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
