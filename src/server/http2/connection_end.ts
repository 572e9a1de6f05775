import type { StallTimer } from "../stall_timer.ts";
import type { FrameOutput } from "./frame_output.ts";

/**
 * How many bytes the proxy still reads after an error, so that the client can read the GOAWAY. The system
 * resets a connection that is closed with unread bytes.
 */
const LINGER_BYTES = 1024 * 1024;
/** How long the proxy waits for the client to end its side, in milliseconds. */
const LINGER_MS = 1_000;
/** A client that continues to send gets more time, up to this many milliseconds. */
const LONGEST_LINGER_MS = 30_000;

/** The parts of a connection that a {@link ConnectionEnd} uses. */
export interface ConnectionEndParts {
  readonly client: Pick<Deno.Conn, "read" | "closeWrite">;
  readonly output: Pick<FrameOutput, "drained">;
  /** Measures how long the client does not read what the proxy writes. */
  readonly sending: StallTimer;
  readonly now: () => number;
  /** Closes the connection. Called when the client does not end its side in time. */
  readonly close: () => void;
}

/** The end of an HTTP/2 connection after its last frame: the client can still read what was sent. */
export class ConnectionEnd {
  readonly #parts: ConnectionEndParts;
  #hasBegun = false;
  #isStopped = false;
  /** When the last byte was written, or when the client broke the rules. */
  #since: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: ConnectionEndParts) {
    this.#parts = parts;
  }

  /** Whether the last frame was sent. Bytes that arrive after that are discarded. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Ends the connection after its last response. Its owner continues to read until the client has ended its
   * side.
   */
  async afterResponses(): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // Until the last byte is written, only send_timeout limits how long the client may take.
    await this.#endSending();
    this.#since = this.#parts.now();
    this.arrived();
  }

  /**
   * Ends the connection after an error: sends the last frame, and continues to read for a short time. Never
   * rejects.
   */
  async afterError(sendLast: () => void, buffer: Uint8Array): Promise<void> {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    sendLast();
    this.#since = this.#parts.now();
    this.arrived();
    void this.#endSending();
    try {
      for (let left = LINGER_BYTES; left > 0;) {
        const count = await this.#parts.client.read(buffer);
        if (count === null) return;
        left -= count;
      }
    } catch {
      // The time has passed, or the connection has failed.
    }
  }

  /** Gives the client more time. A client that sends something, such as WINDOW_UPDATE, is still reading. */
  arrived(): void {
    if (this.#isStopped || this.#since === undefined) return;
    if (this.#parts.now() - this.#since > LONGEST_LINGER_MS) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#parts.close, LINGER_MS);
  }

  /** Ends the wait for the client, because the connection is closed. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #endSending(): Promise<void> {
    const { output, sending, client } = this.#parts;
    await output.drained();
    try {
      // This call waits for the client to read, so the wait is measured.
      sending.begin();
      await client.closeWrite();
    } catch {
      // The client has left.
    }
    sending.end();
  }
}
