import type { Entry } from "../http/message.ts";
import type { Log } from "../observability/log.ts";
import { closeQuietly } from "../streams/close_quietly.ts";
import { traceOf } from "../text/error_text.ts";
import { ClientConnection, type ConnectionParts } from "./connection.ts";
import { Handshake } from "./handshake.ts";
import type { FrameRateLimit } from "./http2/frame_rate_limit.ts";
import type { OpenConnections } from "./open_connections.ts";
import { RepeatedWarning } from "./repeated_warning.ts";
import { peerAddress } from "./peer_address.ts";

/** The parts of the server that a {@link ConnectionServer} uses. */
export interface ConnectionServerParts extends Omit<ConnectionParts, "peer" | "isTls" | "entry"> {
  readonly connections: OpenConnections;
  readonly log: Log;
}

/** Serves accepted connections: by HTTP/1.1, or over TLS by the protocol that the handshake chooses. */
export class ConnectionServer {
  readonly #parts: ConnectionServerParts;
  readonly #plainHttp: RepeatedWarning;
  /** The limit that the HTTP/2 connections of all unauthenticated clients share. */
  #http2Rate: FrameRateLimit | undefined;

  constructor(parts: ConnectionServerParts) {
    this.#parts = parts;
    this.#plainHttp = new RepeatedWarning("plain_http", parts);
  }

  /** Serves a connection until it ends. Never rejects. */
  async serve(accepted: Deno.Conn, entry: Entry): Promise<void> {
    try {
      await (isTls(accepted) ? this.#serveTls(accepted, entry) : this.#serveHttp1(accepted, entry));
    } catch (error) {
      // An error of one connection must not end the program, so the connection is only closed.
      closeQuietly(accepted);
      this.#logUnexpected(error);
    }
  }

  #logUnexpected(error: unknown): void {
    this.#parts.log("error", "unexpected", { detail: traceOf(error) });
  }

  async #serveHttp1(accepted: Deno.Conn, entry: Entry): Promise<void> {
    if (isTcp(accepted)) {
      accepted.setNoDelay(true);
      accepted.setKeepAlive(true);
    }
    const connection = new ClientConnection(accepted, this.#partsOf(accepted, entry));
    await this.#parts.connections.during(connection, () => connection.serve());
  }

  async #serveTls(accepted: Deno.TlsConn, entry: Entry): Promise<void> {
    const { connections, limits, now } = this.#parts;
    const handshake = new Handshake(accepted, {
      limitMs: () => limits().headMs,
      now,
      onNotTls: () => this.#logPlainHttp(peerAddress(accepted.remoteAddr)),
    });
    const protocol = await connections.during(handshake, () => handshake.protocol());
    if (handshake.isClosed) return;
    if (protocol === "http/1.1") await this.#serveHttp1(accepted, entry);
    else if (protocol === "h2") await this.#serveHttp2(accepted, entry);
  }

  async #serveHttp2(accepted: Deno.TlsConn, entry: Entry): Promise<void> {
    // This code is loaded for the first HTTP/2 client.
    const { Http2Connection } = await import("./http2/connection.ts");
    const { unauthenticatedRate } = await import("./http2/frame_rate_limit.ts");
    this.#http2Rate ??= unauthenticatedRate(this.#parts.now);
    const connection = new Http2Connection(accepted, this.#partsOf(accepted, entry), this.#http2Rate);
    await this.#parts.connections.during(connection, () => connection.serve());
  }

  #partsOf(accepted: Deno.Conn, entry: Entry): ConnectionParts {
    const { handler, limits, unauthenticatedBudget, heldBytes, now } = this.#parts;
    const [peer, encrypted] = [peerAddress(accepted.remoteAddr), isTls(accepted)];
    const onUnexpected = (error: unknown) => this.#logUnexpected(error);
    return {
      handler,
      peer,
      isTls: encrypted,
      entry,
      limits,
      unauthenticatedBudget,
      heldBytes,
      now,
      onUnexpected,
    };
  }

  /**
   * Logs that a client sent plain HTTP to a TLS port. The client only gets a TLS alert from the runtime,
   * without a message.
   */
  #logPlainHttp(client: string): void {
    this.#plainHttp.log({
      client,
      detail:
        "a client sent plain HTTP to the HTTPS port: the base URL in this client must begin with https://",
    });
  }
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

/**
 * Whether options of TCP can be set. The runtime has no such options for connections that it accepted with
 * TLS.
 */
function isTcp(connection: Deno.Conn): connection is Deno.TcpConn {
  return "setKeepAlive" in connection;
}
