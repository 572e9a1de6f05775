import type { FrameOutput } from "./frame_output.ts";
import { MAX_31_BITS } from "./frames.ts";

/** The window of a connection at its begin (RFC 9113, 6.9.2). */
const FIRST_WINDOW = 65_535;

/**
 * The room for DATA frames of a connection: the window that the client has opened, and the memory for
 * unwritten frames. Streams that wait for room get it in turns.
 */
export class SendingRoom {
  readonly #output: FrameOutput;
  #window = FIRST_WINDOW;
  #waiting: (() => void)[] = [];
  #isWaking = false;

  constructor(output: FrameOutput) {
    this.#output = output;
  }

  /** How many bytes of DATA may be sent now. */
  get bytes(): number {
    return this.#output.isFull ? 0 : this.#window;
  }

  /** Takes bytes off the window. */
  take(bytes: number): void {
    this.#window -= bytes;
  }

  /** Opens the window further. False: it would be too large (RFC 9113, 6.9.1). */
  open(bytes: number): boolean {
    if (this.#window + bytes > MAX_31_BITS) return false;
    this.#window += bytes;
    this.wake();
    return true;
  }

  /** Calls a function once when there may be room again, or the connection has ended. */
  onAvailable(then: () => void): void {
    this.#waiting.push(then);
  }

  /** Wakes the streams that wait, one after the other, as far as there is room. */
  wake(): void {
    if (this.#waiting.length > 0 && !this.#isWaking) void this.#wakeInTurns();
  }

  /** Wakes all streams that wait, because the connection has ended. */
  close(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #wakeInTurns(): Promise<void> {
    this.#isWaking = true;
    while (this.#waiting.length > 0 && this.bytes > 0) {
      this.#waiting.shift()?.();
      // The stream continues, and takes what it needs.
      await null;
    }
    this.#isWaking = false;
  }
}
