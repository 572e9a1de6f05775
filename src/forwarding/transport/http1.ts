/** The transport: requests to upstreams by HTTP/1.1 over connections of its own. */

import { maySendAgain } from "../retry.ts";
import { UpstreamConnection } from "./connection.ts";
import type { ConnectionSettings } from "../../config/schema.ts";
import { dial, type Origin, parseOrigin } from "./dial.ts";
import { ConnectionPool } from "./pool.ts";
import { ReplayableBody } from "../replayable_body.ts";
import { type Transport, TransportError, type UpstreamRequest, type UpstreamResponse } from "./transport.ts";

/**
 * The largest body that is remembered while it is sent on a kept connection. A larger one, or one of unknown
 * length, goes on a fresh connection, where the race with an upstream's idle close cannot happen.
 */
const MAX_REPLAY_BYTES = 64 * 1024;

interface Upstream {
  readonly origin: Origin;
  readonly connection: ConnectionSettings;
  readonly pool: ConnectionPool;
}

/** Makes a transport; whoever made it closes it. */
export function createHttp1Transport(): Transport {
  const upstreams = new Map<string, Upstream>();
  const open = new Set<UpstreamConnection>();

  return { send, close };

  async function send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const upstream = upstreamOf(request.origin, request.connection);
    const replayable = request.body === null || (request.bodyLength ?? Infinity) <= MAX_REPLAY_BYTES;
    const kept = replayable ? upstream.pool.take() : undefined;
    if (kept === undefined) return await sendOnFresh(upstream, request);
    const body = request.body && new ReplayableBody(request.body, MAX_REPLAY_BYTES);
    const attempt = (): UpstreamRequest => ({ ...request, body: body && body.attempt() });
    try {
      return await exchange(kept, attempt(), upstream);
    } catch (error) {
      if (!(error instanceof TransportError) || !maySendAgain(error.facts, { replayable })) throw error;
      return await sendOnFresh(upstream, attempt());
    }
  }

  async function sendOnFresh(upstream: Upstream, request: UpstreamRequest): Promise<UpstreamResponse> {
    const { cancellation, onPhase } = request;
    const dialed = await dial(upstream.origin, { connection: upstream.connection, cancellation, onPhase });
    const connection = new UpstreamConnection(dialed, {
      host: upstream.origin.host,
      onClose: () => open.delete(connection),
    });
    open.add(connection);
    return await exchange(connection, request, upstream);
  }

  function exchange(
    connection: UpstreamConnection,
    request: UpstreamRequest,
    { pool }: Upstream,
  ): Promise<UpstreamResponse> {
    return connection.exchange(request, () => pool.keep(connection));
  }

  /** Connections with the same settings are shared, also when the configuration was read again. */
  function upstreamOf(origin: string, connection: ConnectionSettings): Upstream {
    const key = connection.key === "" ? origin : `${origin} ${connection.key}`;
    const known = upstreams.get(key);
    if (known !== undefined) return known;
    const pool = new ConnectionPool(connection.pool);
    const upstream = { origin: parseOrigin(origin), connection, pool };
    upstreams.set(key, upstream);
    return upstream;
  }

  function close(): void {
    for (const { pool } of upstreams.values()) pool.close();
    for (const connection of open) connection.close();
  }
}
