/**
 * HTTP/2 for clients (RFC 9113), by `Deno.serve`. It cannot serve a connection that the proxy has accepted,
 * so the proxy connects each client to it over loopback. The source port identifies the connection there.
 */

import { writeAll } from "../../http/writer.ts";
import type { ConnectionParts } from "../connection.ts";
import { HTTP2_PREFACE } from "../handshake.ts";
import { Http2Connection } from "./connection.ts";
import { FrameRateLimit } from "./frame_rate_limit.ts";

const LOOPBACK = "127.0.0.1";
/**
 * The frames and fields per second of all unauthenticated clients together. It is enough for some hundred
 * requests.
 */
const UNAUTHENTICATED_COST_PER_SECOND = 20_000;

/** The HTTP/2 server. Its creator has to call {@link shutdown}. */
export class Http2Gateway {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #connections = new Map<number, Http2Connection>();
  readonly #unauthenticatedRate: FrameRateLimit;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor({ now }: { now: () => number }) {
    this.#unauthenticatedRate = new FrameRateLimit({ perSecond: UNAUTHENTICATED_COST_PER_SECOND, now });
    this.#server = Deno.serve({
      hostname: LOOPBACK,
      port: 0,
      onListen() {},
      // The reset stream tells the client, and the failure is in the log. Without this, the runtime prints it
      // to stderr.
      onError: () => new Response(null, { status: 500 }),
    }, (request, { remoteAddr }) => {
      const connection = this.#connections.get(remoteAddr.port);
      // Any program on this machine can connect to loopback.
      return connection === undefined ? new Response(null, { status: 403 }) : connection.answer(request);
    });
  }

  /** The port on loopback. */
  get port(): number {
    return this.#server.addr.port;
  }

  /**
   * Takes over a connection of a client, whose connection preface has been read. Throws if no file descriptor
   * is free.
   */
  async open(client: Deno.Conn, parts: ConnectionParts): Promise<Http2Connection> {
    const loopback = await Deno.connect({ hostname: LOOPBACK, port: this.port });
    loopback.setNoDelay(true);
    const { port } = loopback.localAddr;
    const connection = new Http2Connection(
      {
        client,
        loopback,
        unauthenticatedRate: this.#unauthenticatedRate,
        // The system may have given the port to another connection.
        onEnd: () => void (this.#connections.get(port) === connection && this.#connections.delete(port)),
      },
      parts,
    );
    this.#connections.set(port, connection);
    await writeAll(loopback, HTTP2_PREFACE);
    return connection;
  }

  /** Sends GOAWAY to all clients. Resolves when all connections have ended. */
  async shutdown(): Promise<void> {
    await this.#server.shutdown();
  }
}
