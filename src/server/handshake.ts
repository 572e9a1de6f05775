import { closeQuietly } from "../streams/close_quietly.ts";
import type { ServedConnection } from "./served_connection.ts";

/** The first bytes that a client sends on an HTTP/2 connection (RFC 9113, 3.4). */
export const HTTP2_PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * The text in the runtime's error for first bytes that are not TLS. The runtime itself sends a TLS alert to
 * the client.
 */
const NOT_TLS = "InvalidContentType";

/**
 * A TLS connection during its handshake. If it is closed earlier, the runtime keeps its file descriptor until
 * the client ends the connection too.
 */
export class Handshake implements ServedConnection {
  readonly idleSince: number;
  readonly unreadSince = undefined;

  get stateSince(): number {
    return this.idleSince;
  }

  readonly isAuthenticated = false;
  readonly #connection: Deno.TlsConn;
  #isClosed = false;
  readonly #limitMs: () => number;
  readonly #now: () => number;
  readonly #onNotTls: () => void;

  constructor(
    connection: Deno.TlsConn,
    { limitMs, now, onNotTls }: {
      limitMs: () => number;
      now: () => number;
      /** Called when the first bytes of the client are not TLS. */
      onNotTls: () => void;
    },
  ) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#now = now;
    this.#onNotTls = onNotTls;
    this.idleSince = now();
  }

  /**
   * Waits for the handshake, and returns the negotiated protocol. Returns `undefined` if the handshake failed
   * or took too long; the connection is then closed. For HTTP/2, the client's {@link HTTP2_PREFACE} has been
   * read. A connection with any other first bytes is closed, so that the runtime's own HTTP/1.1 parser never
   * reads bytes of clients.
   */
  async protocol(): Promise<"h2" | "http/1.1" | undefined> {
    try {
      const { alpnProtocol } = await this.#connection.handshake();
      if (alpnProtocol !== "h2") return "http/1.1";
      if (await this.#hasPreface()) return "h2";
    } catch (error) {
      // The client may have rejected the certificate.
      if (error instanceof Deno.errors.InvalidData && error.message.includes(NOT_TLS)) this.#onNotTls();
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

  /**
   * Whether the connection was closed. It may be closed in the same moment in which the handshake succeeds.
   */
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
