/** The transport: requests to upstreams by HTTP/1.1 over connections of its own. */

import { maySendAgain } from "../retry.ts";
import { UpstreamConnection } from "./connection.ts";
import type { ConnectionSettings } from "../../config/config.ts";
import { dial, type Origin, parseOrigin } from "./dial.ts";
import { ConnectionPool } from "./pool.ts";
import { type Transport, TransportError, type UpstreamRequest, type UpstreamResponse } from "./transport.ts";

interface Upstream {
  readonly origin: Origin;
  readonly connection: ConnectionSettings;
  readonly pool: ConnectionPool;
}

/** Makes a transport; whoever made it closes it. */
export function createHttp1Transport(): Transport {
  const upstreams = new Map<string, Upstream>();
  const open = new Set<UpstreamConnection>();

  return { send, renew, close };

  async function send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const upstream = upstreamOf(request.origin, request.connection);
    // A body that cannot be sent twice goes on a fresh connection, which no idle close can cross.
    const replayable = request.body === null || request.again !== undefined;
    const kept = replayable && request.upgrade !== true ? upstream.pool.take() : undefined;
    if (kept === undefined) return await sendOnFresh(upstream, request);
    try {
      return await exchange(kept, request, upstream);
    } catch (error) {
      if (!(error instanceof TransportError) || !maySendAgain(error.facts, { replayable })) throw error;
      return await sendOnFresh(upstream, { ...request, body: request.again?.() ?? null });
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

  /** Connections with the same settings are shared. */
  function upstreamOf(origin: string, connection: ConnectionSettings): Upstream {
    const key = connection.key === "" ? origin : `${origin} ${connection.key}`;
    const known = upstreams.get(key);
    if (known !== undefined) return known;
    const pool = new ConnectionPool(connection.pool);
    const upstream = { origin: parseOrigin(origin), connection, pool };
    upstreams.set(key, upstream);
    return upstream;
  }

  function renew(): void {
    for (const { pool } of upstreams.values()) pool.close();
    upstreams.clear();
  }

  function close(): void {
    renew();
    for (const connection of open) connection.close();
  }
}
