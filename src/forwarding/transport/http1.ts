/** The transport: sends requests to upstreams by HTTP/1.1, over a pool of connections for each upstream. */

import type { MessageBody } from "../../streams/byte_source.ts";
import { type AbsoluteForm, absoluteForm } from "./absolute_form.ts";
import { UpstreamConnection } from "./connection.ts";
import type { ConnectionSettings } from "../../config/config.ts";
import { dial, type Origin, parseOrigin } from "./dial.ts";
import { ConnectionPool } from "./pool.ts";
import { canResendOnFreshConnection } from "./resend.ts";
import { SystemRoots } from "./system_roots.ts";
import { type Transport, TransportError, type UpstreamRequest, type UpstreamResponse } from "./transport.ts";

interface Upstream {
  readonly origin: Origin;
  readonly connection: ConnectionSettings;
  readonly pool: ConnectionPool;
}

/** Makes a transport. The caller closes it. */
export function createHttp1Transport(systemRoots: SystemRoots = new SystemRoots(undefined)): Transport {
  const upstreams = new Map<string, Upstream>();
  const open = new Set<UpstreamConnection>();

  return { send, renew, close };

  function send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const upstream = upstreamOf(request.origin, request.connection);
    // A body that cannot be sent again goes on a fresh connection: an upstream may close an idle connection
    // while the body is on its way.
    const replayable = request.body === null || request.again !== undefined;
    const kept = replayable && request.upgrade !== true ? upstream.pool.take() : undefined;
    return kept === undefined
      ? sendOnFresh(upstream, request, request.body)
      : sendOnKept(kept, upstream, request);
  }

  async function sendOnKept(
    kept: UpstreamConnection,
    upstream: Upstream,
    request: UpstreamRequest,
  ): Promise<UpstreamResponse> {
    try {
      return await kept.exchange(request, request.body);
    } catch (error) {
      if (!(error instanceof TransportError) || !canResendOnFreshConnection(error.facts)) throw error;
      request.onResent?.();
      return await sendOnFresh(upstream, request, request.again?.() ?? null);
    }
  }

  async function sendOnFresh(
    { origin, connection: settings, pool }: Upstream,
    request: UpstreamRequest,
    body: MessageBody | null,
  ): Promise<UpstreamResponse> {
    const form = absoluteForm(origin, settings, request.upgrade);
    const dialed = await dial(origin, {
      connection: settings,
      systemRoots,
      endsAtProxy: form !== undefined,
      cancellation: request.cancellation,
      onPhase: (phase) => request.onPhase(phase),
    });
    return await opened(dialed, { host: origin.host, form, pool }).exchange(request, body);
  }

  /**
   * Adds an open connection. A function of this file and not a part of `sendOnFresh`: its closures live as
   * long as the connection, and would keep the variables of `sendOnFresh`, so the first request of the
   * connection.
   */
  function opened(
    dialed: Deno.Conn,
    { host, form, pool }: { host: string; form: AbsoluteForm | undefined; pool: ConnectionPool },
  ): UpstreamConnection {
    const connection = new UpstreamConnection(dialed, {
      host,
      form,
      onIdle: (connection) => pool.keep(connection),
      onClose: (connection) => open.delete(connection),
    });
    open.add(connection);
    return connection;
  }

  /** The upstream of an origin. Backends with the same connection settings share its connections. */
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
