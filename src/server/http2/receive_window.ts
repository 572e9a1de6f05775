import type { FrameOutput } from "./frame_output.ts";
import { FRAME } from "./frames.ts";

/**
 * The window of a connection for request bodies before authentication, in bytes (RFC 9113, 6.9.2). After
 * authentication, it is {@link AUTHENTICATED_BYTES}.
 */
const UNAUTHENTICATED_BYTES = 65_535;
const AUTHENTICATED_BYTES = 2 * 1024 * 1024;

/**
 * The window of a connection: the number of bytes of request bodies that the client may send on all streams.
 */
export class ReceiveWindow {
  readonly #output: Pick<FrameOutput, "numbers">;
  readonly #isOver: () => boolean;
  #size = UNAUTHENTICATED_BYTES;
  /** The number of bytes that the client may still send. */
  #left = UNAUTHENTICATED_BYTES;
  /** The number of bytes that were released, but that no WINDOW_UPDATE has given back to the client. */
  #released = 0;

  /** `isOver` returns whether the connection ends. The client then need not send more. */
  constructor(output: Pick<FrameOutput, "numbers">, isOver: () => boolean) {
    this.#output = output;
    this.#isOver = isOver;
  }

  /**
   * Subtracts the length of a DATA frame from the window. Returns `false` if the window does not allow the
   * frame.
   */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** Gives bytes of the window back to the client. Sends one frame for many bytes. */
  release(bytes: number): void {
    this.#released += bytes;
    if (this.#released < this.#size / 2 || this.#isOver()) return;
    this.#output.numbers(FRAME.window, 0, this.#released);
    this.#left += this.#released;
    this.#released = 0;
  }

  /** Enlarges the window, because the client is authenticated. */
  enlarge(): void {
    this.#size = AUTHENTICATED_BYTES;
    this.release(AUTHENTICATED_BYTES - UNAUTHENTICATED_BYTES);
  }
}
