import type { FrameOutput } from "./frame_output.ts";
import { FRAME } from "./frames.ts";

/** The windows of a connection for request bodies, before and after authentication (RFC 9113, 6.9.2). */
const UNAUTHENTICATED_BYTES = 65_535;
const AUTHENTICATED_BYTES = 2 * 1024 * 1024;

/** The window of a connection: how many bytes of request bodies the client may send on all streams. */
export class ReceiveWindow {
  readonly #output: Pick<FrameOutput, "numbers">;
  readonly #isOver: () => boolean;
  #size = UNAUTHENTICATED_BYTES;
  /** The bytes that the client may send now. */
  #left = UNAUTHENTICATED_BYTES;
  /** Bytes that are not yet given back to the client. */
  #released = 0;

  /** `isOver` says whether the connection ends, so that the client need not send more. */
  constructor(output: Pick<FrameOutput, "numbers">, isOver: () => boolean) {
    this.#output = output;
    this.#isOver = isOver;
  }

  /**
   * Takes the length of a DATA frame off the window. Returns false if the window does not allow the frame.
   */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** Gives bytes back to the client, many at a time. */
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
