/**
 * HTTP/2 for clients (RFC 9113). The runtime's own server reads and writes it, which takes no connection that was
 * accepted elsewhere: each is led to it over loopback, and known there by the port it comes from.
 */

import { writeAll } from "../../http/writer.ts";
import type { ConnectionParts } from "../connection.ts";
import { HTTP2_PREFACE } from "../handshake.ts";
import { Http2Connection } from "./connection.ts";
import { FrameTurns } from "./frame_turns.ts";

const LOOPBACK = "127.0.0.1";
/** Frames and fields in a second that all clients without a token may send together: some hundred requests. */
const STRANGER_COST_PER_SECOND = 20_000;

/** Serves all connections that speak HTTP/2. Whoever made it ends it. */
export class Http2Gateway {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #connections = new Map<number, Http2Connection>();
  readonly #strangerTurns: FrameTurns;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor({ now }: { now: () => number }) {
    this.#strangerTurns = new FrameTurns({ perSecond: STRANGER_COST_PER_SECOND, now });
    this.#server = Deno.serve({
      hostname: LOOPBACK,
      port: 0,
      onListen() {},
      // What broke off is told by the stream's end, and has been logged; the runtime would print it.
      onError: () => new Response(null, { status: 500 }),
    }, (request, { remoteAddr }) => {
      const connection = this.#connections.get(remoteAddr.port);
      // Any program of this machine can connect to loopback.
      return connection === undefined ? new Response(null, { status: 403 }) : connection.answer(request);
    });
  }

  /** Where it listens, on loopback. */
  get port(): number {
    return this.#server.addr.port;
  }

  /**
   * Takes over a client's connection whose preface has been read. Throws where this machine has no descriptor left.
   */
  async open(client: Deno.Conn, parts: ConnectionParts): Promise<Http2Connection> {
    const near = await Deno.connect({ hostname: LOOPBACK, port: this.port });
    near.setNoDelay(true);
    const { port } = near.localAddr;
    const connection = new Http2Connection(
      {
        client,
        near,
        strangerTurns: this.#strangerTurns,
        onEnd: () => this.#connections.delete(port),
      },
      parts,
    );
    this.#connections.set(port, connection);
    await writeAll(near, HTTP2_PREFACE);
    return connection;
  }

  /** Tells every client that no further request is taken; resolves when all connections have ended. */
  async shutdown(): Promise<void> {
    await this.#server.shutdown();
  }
}
