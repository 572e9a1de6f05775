/** A client's connection on which something is sent, and something comes back until it is enough. */

import { decodeLatin1, encodeLatin1 } from "../../../../src/http/latin1.ts";
import { writeAll } from "../../../support/clients/http_reader.ts";

/** What did not come in time. */
export class TooLate extends Error {
  override readonly name = "TooLate";
}

/** Beyond what anything here takes on a busy machine. */
const DEADLINE_MS = 6_000;

/** One connection. What comes is read at once, whatever is being sent. */
export class Conversation implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #onBytes: (bytes: Uint8Array) => void;
  #hasEnded = false;
  #wasReset = false;
  #wake: () => void = () => {};

  /** `onBytes` gets what comes; the bytes are valid during the call alone. */
  constructor(connection: Deno.Conn, onBytes: (bytes: Uint8Array) => void) {
    this.#connection = connection;
    this.#onBytes = onBytes;
    void this.#read();
  }

  /** Whether the peer has ended the connection, in whatever way. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether the connection was reset, so that some of what had come may be lost. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  /** Sends text in Latin-1. A peer that takes no more is no failure: what it has answered says the rest. */
  async send(text: string): Promise<void> {
    try {
      await writeAll(this.#connection, encodeLatin1(text));
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
  }

  /** Says that nothing more is sent. */
  async closeWrite(): Promise<void> {
    try {
      await this.#connection.closeWrite();
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
  }

  /** Waits until enough has come or the peer has ended. Throws {@link TooLate}. */
  async until(isEnough: () => boolean, what: string): Promise<void> {
    if (isEnough() || this.#hasEnded) return;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, DEADLINE_MS);
    try {
      while (!isEnough() && !this.#hasEnded) {
        if (isLate) throw new TooLate(`${what} did not come within ${DEADLINE_MS} ms`);
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Leaves. */
  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (
        let count = await this.#connection.read(buffer);
        count !== null;
        count = await this.#connection.read(buffer)
      ) {
        this.#onBytes(buffer.subarray(0, count));
        this.#wake();
      }
    } catch (error) {
      if (!isEnd(error)) throw error;
      this.#wasReset = true;
    } finally {
      this.#hasEnded = true;
      this.#wake();
    }
  }
}

/** Opens a connection to a port of loopback whose bytes come as text. */
export async function converse(port: number, onText: (text: string) => void): Promise<Conversation> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return new Conversation(connection, (bytes) => onText(decodeLatin1(bytes)));
}

/** A connection that one of both sides has ended or cut. */
function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionAborted;
}
