import { closeQuietly } from "../streams/close_quietly.ts";
import type { ServedConnection } from "./served_connection.ts";

/** The bytes that begin every HTTP/2 connection of a client (RFC 9113, 3.4). */
export const HTTP2_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** How the runtime says that the first bytes are no TLS. Nothing can be answered: it sends an alert of TLS itself. */
const NOT_TLS = "InvalidContentType";

/**
 * A TLS connection whose handshake is under way. The runtime keeps the descriptor of one that is closed before its
 * handshake has ended until the client ends it too.
 */
export class Handshake implements ServedConnection {
  readonly idleSince: number;
  readonly owesSince = undefined;

  get stateSince(): number {
    return this.idleSince;
  }

  readonly isAuthenticated = false;
  readonly #connection: Deno.TlsConn;
  #isClosed = false;
  readonly #limitMs: () => number;
  readonly #now: () => number;
  readonly #onOther: () => void;

  constructor(
    connection: Deno.TlsConn,
    { limitMs, now, onOther }: {
      limitMs: () => number;
      now: () => number;
      /** The client began with something else than TLS. */
      onOther: () => void;
    },
  ) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#now = now;
    this.#onOther = onOther;
    this.idleSince = now();
  }

  /**
   * The protocol that was negotiated; undefined where none was, or the handshake failed or took too long. A client
   * that negotiated HTTP/2 has proven it: its {@link HTTP2_PREFACE} has been read. Any other first byte ends the
   * connection, so that no second reader of HTTP/1.1 ever sees its bytes.
   */
  async protocol(): Promise<"h2" | "http/1.1" | undefined> {
    try {
      const { alpnProtocol } = await this.#connection.handshake();
      if (alpnProtocol !== "h2") return "http/1.1";
      if (await this.#hasPreface()) return "h2";
    } catch (error) {
      // The client decides that: it may have met a certificate that it does not trust.
      if (error instanceof Deno.errors.InvalidData && error.message.includes(NOT_TLS)) this.#onOther();
    }
    this.close();
    return undefined;
  }

  async #hasPreface(): Promise<boolean> {
    const preface = new Uint8Array(HTTP2_PREFACE.length);
    for (let length = 0; length < preface.length;) {
      const count = await this.#connection.read(preface.subarray(length));
      if (count === null) return false;
      length += count;
      if (preface.subarray(0, length).some((byte, index) => byte !== HTTP2_PREFACE[index])) return false;
    }
    return true;
  }

  /** It had to make room, or took too long: also where it has just ended well. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  endOverdue(): void {
    if (this.#now() - this.idleSince > this.#limitMs()) this.close();
  }

  finish(): void {
    this.close();
  }

  close(): void {
    this.#isClosed = true;
    closeQuietly(this.#connection);
  }
}
