/** A listening socket, with or without TLS. Its certificate can be replaced while it accepts connections. */

import { closeQuietly } from "../streams/close_quietly.ts";
import type { TlsConfig } from "../config/config.ts";
import { openSockets } from "../network/listen_everywhere.ts";
import { messageOf } from "../text/error_text.ts";

/** The address of a {@link Listener}, and its TLS settings. */
export interface ListenOptions {
  /** The address to bind. `::` means every address of this machine: see {@link openSockets}. */
  readonly hostname: string;
  readonly port: number;
  /** The certificate. `undefined` if connections are not encrypted. */
  readonly tls: TlsConfig | undefined;
  /** Whether other threads listen on the same address. The system distributes the connections among them. */
  readonly isShared?: boolean;
}

/** The reports of a {@link Listener}. */
export interface ListenEvents {
  /** Called with each accepted connection. */
  readonly onConnection: (connection: Deno.Conn) => void;
  /**
   * Called when `accept` fails, usually because no file descriptor is free. The listener continues after a
   * pause.
   */
  readonly onAcceptFailed: (reason: string) => void;
  /**
   * Called once, when the listener repeatedly cannot bind its address again. Until it can, no client can
   * connect.
   */
  readonly onBindFailed: (reason: string) => void;
}

type Socket = Deno.Listener<Deno.Conn, Deno.NetAddr>;

/** The protocols that the server offers in TLS (ALPN). The first one is preferred. */
const PROTOCOLS = ["h2", "http/1.1"];
/** The pause after `accept` failed, in milliseconds. */
const ACCEPT_PAUSE_MS = 100;
/**
 * The first pause before the listener tries to bind its address again, in milliseconds. It doubles with each
 * failure, up to the longest pause.
 */
const REBIND_PAUSE_MS = 10;
const LONGEST_REBIND_PAUSE_MS = 2_000;
/**
 * The number of failures before {@link ListenEvents.onBindFailed} is called. The system may need a moment to
 * free the address.
 */
const USUAL_FAILURES = 5;

/**
 * The listening sockets of one address. They accept connections from their construction until they are
 * closed.
 */
export class Listener {
  /** The address, with the port that the system chose for port 0. */
  readonly address: Deno.NetAddr;
  /** Whether connections use TLS. */
  readonly isEncrypting: boolean;
  readonly #options: ListenOptions;
  readonly #events: ListenEvents;
  #sockets: readonly Socket[] = [];
  #accepting: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /**
   * Throws the error of `Deno.listenTls` if the address cannot be bound, or if the certificate cannot be
   * used.
   */
  constructor(options: ListenOptions, events: ListenEvents) {
    this.#events = events;
    this.isEncrypting = options.tls !== undefined;
    const sockets = open(options);
    this.address = sockets[0].addr;
    // `renew` binds the same port again.
    this.#options = { ...options, port: this.address.port };
    this.#use(sockets);
  }

  /**
   * Uses another certificate for new connections. The runtime reads a certificate only when it opens a
   * socket, so the listener closes its socket and opens a new one. Open connections continue. A connection
   * that is being established in that moment is reset. If the certificate cannot be used, throws an error and
   * changes nothing.
   */
  async renew(tls: TlsConfig): Promise<void> {
    open({ hostname: "127.0.0.1", port: 0, tls })[0].close();
    this.#sockets.forEach(closeQuietly);
    await this.#accepting;
    let pauseMs = REBIND_PAUSE_MS;
    for (let failures = 1; !this.#isClosed; failures++) {
      try {
        return this.#use(open({ ...this.#options, tls }));
      } catch (error) {
        // The proxy is useless without its socket, and the cause of the failure may disappear. So it tries
        // again.
        if (failures === USUAL_FAILURES) this.#events.onBindFailed(messageOf(error));
        await pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_REBIND_PAUSE_MS);
      }
    }
  }

  /** Stops accepting connections. Resolves when the socket is closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sockets.forEach(closeQuietly);
    await this.#accepting;
  }

  #use(sockets: readonly Socket[]): void {
    this.#sockets = sockets;
    this.#accepting = Promise.all(sockets.map((socket) => this.#accept(socket)));
  }

  async #accept(socket: Socket): Promise<void> {
    while (true) {
      try {
        const accepted = await socket.accept();
        if (this.#isClosed) accepted.close();
        else this.#events.onConnection(accepted);
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || this.#isClosed) return;
        if (error instanceof Deno.errors.Interrupted) return;
        // A failed TLS handshake concerns only its client.
        if (error instanceof Deno.errors.InvalidData) continue;
        this.#events.onAcceptFailed(messageOf(error));
        await pause(ACCEPT_PAUSE_MS);
      }
    }
  }
}

function open({ hostname, port, tls, isShared: reusePort = false }: ListenOptions): [Socket, ...Socket[]] {
  return openSockets<Socket>({ hostname, port }, {
    open: (address) =>
      tls === undefined
        ? Deno.listen({ ...address, reusePort })
        : Deno.listenTls({ ...address, reusePort, cert: tls.cert, key: tls.key, alpnProtocols: PROTOCOLS }),
    close: closeQuietly,
  });
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
