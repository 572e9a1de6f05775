/** One client's connection over HTTP/2 (RFC 9113), whose framing is the runtime's; each stream is a request. */

import type { Duplex } from "node:stream";
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { ClientGone } from "../../cancellation.ts";
import type { ConnectionParts } from "../connection.ts";
import { Http2Exchange } from "./exchange.ts";
import { socketOver } from "./socket.ts";
import type { ServedConnection } from "../served_connection.ts";

/** Requests of one connection at the same time; more wait with the client. */
const MAX_STREAMS = 100;

/** A client's connection. */
export class Http2Connection implements ServedConnection {
  readonly #socket: Duplex;
  readonly #session: ServerHttp2Session;
  readonly #parts: ConnectionParts;
  readonly #running = new Set<Http2Exchange>();
  readonly #ended = Promise.withResolvers<void>();
  #idleSince: number;

  constructor(connection: Deno.Conn, parts: ConnectionParts) {
    const { maxHeadBytes, maxHeadFields } = parts.limits();
    this.#parts = parts;
    this.#idleSince = parts.now();
    this.#socket = socketOver(connection, () => this.close());
    this.#session = performServerHandshake(this.#socket, {
      maxHeaderListPairs: Math.min(maxHeadFields, MOST_PAIRS),
      settings: {
        enablePush: false,
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: Math.min(maxHeadBytes, MOST_BYTES),
      },
    });
    this.#session.on(
      "stream",
      (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, rawHeaders?: string[]) =>
        this.#open(stream, rawHeaders),
    );
    // What breaks the rules ends its connection, which the client sees; there is nobody else to be told.
    this.#session.on("error", () => {});
    this.#session.on("close", () => this.close());
  }

  get idleSince(): number | undefined {
    return this.#running.size === 0 ? this.#idleSince : undefined;
  }

  endOverdue(): void {
    const limits = this.#parts.limits();
    if (this.#running.size === 0 && this.#parts.now() - this.#idleSince > limits.idleMs) this.close();
    for (const exchange of this.#running) exchange.endOverdue(limits);
  }

  finish(): void {
    this.#session.close();
  }

  close(): void {
    for (const exchange of this.#running) exchange.leave(new ClientGone("the client left"));
    this.#session.destroy();
    this.#socket.destroy();
    this.#ended.resolve();
  }

  /** Resolves when the connection has ended. */
  async serve(): Promise<void> {
    await this.#ended.promise;
  }

  #open(stream: ServerHttp2Stream, rawHeaders: readonly string[] | undefined): void {
    const { handler, peer, now } = this.#parts;
    const exchange = new Http2Exchange(stream, { rawHeaders: rawHeaders ?? [], handler, peer, now });
    this.#running.add(exchange);
    void exchange.serve().finally(() => {
      this.#running.delete(exchange);
      this.#idleSince = now();
    });
  }
}

/** What a setting can hold. */
const MOST_BYTES = 2 ** 31 - 1;
const MOST_PAIRS = 65_535;
