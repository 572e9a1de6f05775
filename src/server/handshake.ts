import { closeQuietly } from "../http1/close_quietly.ts";
import type { ServedConnection } from "./served_connection.ts";

/**
 * A TLS connection whose handshake is under way. The runtime keeps the descriptor of one that is closed before its
 * handshake has ended until the client ends it too.
 */
export class Handshake implements ServedConnection {
  readonly idleSince: number;
  readonly #connection: Deno.TlsConn;
  #isClosed = false;
  readonly #limitMs: () => number;
  readonly #now: () => number;

  constructor(connection: Deno.TlsConn, { limitMs, now }: { limitMs: () => number; now: () => number }) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#now = now;
    this.idleSince = now();
  }

  /** The protocol that was agreed on; undefined where none was, or the handshake failed or took too long. */
  async protocol(): Promise<"h2" | "http/1.1" | undefined> {
    try {
      const { alpnProtocol } = await this.#connection.handshake();
      return alpnProtocol === "h2" ? "h2" : "http/1.1";
    } catch {
      // It is the client's affair: it may have met a certificate that it does not trust.
      this.close();
      return undefined;
    }
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
