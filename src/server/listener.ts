/** A socket that accepts connections, in plain or with TLS, whose certificate can be exchanged while it serves. */

import { closeQuietly } from "../streams/close_quietly.ts";
import type { TlsConfig } from "../config/config.ts";
import { messageOf } from "../text/error_text.ts";

/** Where to listen, and how. */
export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsConfig | undefined;
}

/** What becomes of connections. */
export interface ListenEvents {
  readonly onConnection: (connection: Deno.Conn) => void;
  /** Accepting failed, mostly for want of file descriptors; it goes on by itself. */
  readonly onFailed: (reason: string) => void;
  /** The address could not be had again: nobody can connect until it can. Called once. */
  readonly onDeaf: (reason: string) => void;
}

/** What TLS offers, the preferred one first. */
const PROTOCOLS = ["h2", "http/1.1"];
/** Before accepting goes on after it failed. */
const ACCEPT_PAUSE_MS = 100;
/** Before the address is asked for again after its socket was closed; each time twice as long, up to the longest. */
const REBIND_PAUSE_MS = 10;
const LONGEST_REBIND_PAUSE_MS = 2_000;
/** So many failures are usual: the closed socket may need a moment. */
const USUAL_FAILURES = 5;

/** Listens from its making until it is closed. */
export class Listener {
  readonly address: Deno.NetAddr;
  /** It speaks TLS. */
  readonly isEncrypting: boolean;
  readonly #options: ListenOptions;
  readonly #events: ListenEvents;
  #socket: Deno.Listener<Deno.Conn, Deno.NetAddr>;
  #accepting: Promise<void>;
  #isClosed = false;

  /** Throws what `Deno.listen` throws where the address cannot be had, or the certificate not be used. */
  constructor(options: ListenOptions, events: ListenEvents) {
    this.#events = events;
    this.isEncrypting = options.tls !== undefined;
    this.#socket = open(options);
    this.address = this.#socket.addr;
    // What the system chose once is kept.
    this.#options = { ...options, port: this.address.port };
    this.#accepting = this.#accept(this.#socket);
  }

  /**
   * From now on new connections get another certificate. The runtime takes one with the socket alone, which is
   * therefore opened anew: connections that stand go on, one that is being made in that very instant is reset.
   * Throws where the certificate cannot be used, and then nothing has changed.
   */
  async renew(tls: TlsConfig): Promise<void> {
    open({ hostname: "127.0.0.1", port: 0, tls }).close();
    closeQuietly(this.#socket);
    await this.#accepting;
    let pauseMs = REBIND_PAUSE_MS;
    for (let failures = 1; !this.#isClosed; failures++) {
      try {
        this.#socket = open({ ...this.#options, tls });
        this.#accepting = this.#accept(this.#socket);
        return;
      } catch (error) {
        // Without a listener there is no proxy: what is in the way may go away.
        if (failures === USUAL_FAILURES) this.#events.onDeaf(messageOf(error));
        await pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_REBIND_PAUSE_MS);
      }
    }
  }

  /** Resolves once nothing is accepted any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    closeQuietly(this.#socket);
    await this.#accepting;
  }

  async #accept(socket: Deno.Listener<Deno.Conn, Deno.NetAddr>): Promise<void> {
    while (true) {
      try {
        const accepted = await socket.accept();
        if (this.#isClosed) accepted.close();
        else this.#events.onConnection(accepted);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || this.#isClosed) return;
        if (error instanceof Deno.errors.Interrupted) return;
        // A TLS handshake that fails is the client's affair; anything else passes or comes again.
        if (error instanceof Deno.errors.InvalidData) continue;
        this.#events.onFailed(messageOf(error));
        await pause(ACCEPT_PAUSE_MS);
      }
    }
  }
}

function open({ hostname, port, tls }: ListenOptions): Deno.Listener<Deno.Conn, Deno.NetAddr> {
  return tls === undefined
    ? Deno.listen({ hostname, port })
    : Deno.listenTls({ hostname, port, cert: tls.cert, key: tls.key, alpnProtocols: PROTOCOLS });
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
