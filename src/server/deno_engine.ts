/** The server with `engine = "deno"`: the platform's `Deno.serve` in front of the handler. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig } from "../config/config.ts";
import type { Entry } from "../http/message.ts";
import { openSockets } from "../network/listen_everywhere.ts";
import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";
import { endsWithin } from "./ends_within.ts";
import { FetchHandler } from "./fetch_handler.ts";
import type { RunningServer } from "./listen.ts";
import { peerAddress } from "./peer_address.ts";

/** How often the timeouts of clients are checked. */
const SWEEP_MS = 5_000;
/** How long connections may take to end after their requests have been cut. */
const AFTER_CUT_MS = 500;

/**
 * Listens and serves plain HTTP by `Deno.serve`. The configuration must have no certificate. Throws what
 * `Deno.serve` throws if it cannot listen.
 */
export function startDenoServer(
  app: App,
  config: ServerConfig,
  log: Log,
  { sweepMs = SWEEP_MS }: { sweepMs?: number } = {},
): RunningServer {
  let limits: ConnectionLimits = config.connections;
  let draining: Promise<void> | undefined;
  const stop = new AbortController();
  const fetchHandlers: FetchHandler[] = [];
  const servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  const { host, port, adminPort } = config;
  const main = listen(port, adminPort === undefined ? "all" : "clients");
  const admin = adminPort === undefined ? undefined : listenBeside(adminPort);
  const sweep = setInterval(() => fetchHandlers.forEach((handler) => handler.endOverdue()), sweepMs);

  return {
    address: main.addr,
    httpsAddress: undefined,
    adminAddress: admin?.addr,
    configure: (next) => limits = next.connections,
    drain: (deadlineMs) => draining ??= drain(deadlineMs),
  };

  function listen(port: number, entry: Entry): Deno.HttpServer<Deno.NetAddr> {
    const fetchHandler = new FetchHandler({
      handler: app.handler,
      entry,
      limits: () => limits,
      now: () => performance.now(),
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
    });
    const open = (address: { hostname: string; port: number }) =>
      Deno.serve({
        ...address,
        signal: stop.signal,
        // The proxy prints its own banner.
        onListen() {},
        // It is called for responses that break off, whose reason the log has. Without it the runtime prints
        // the error.
        onError: () => new Response(null, { status: 500 }),
      }, (request, { remoteAddr }) => fetchHandler.answer(request, peerAddress(remoteAddr)));
    const opened = openSockets({ hostname: host, port }, { open, close: (server) => void server.shutdown() });
    fetchHandlers.push(fetchHandler);
    servers.push(...opened);
    return opened[0];
  }

  function listenBeside(port: number): Deno.HttpServer<Deno.NetAddr> {
    try {
      return listen(port, "admin");
    } catch (error) {
      for (const server of servers) void server.shutdown();
      throw error;
    }
  }

  async function drain(deadlineMs: number): Promise<void> {
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    const ended = Promise.all(servers.map((server) => server.shutdown()));
    if (!await endsWithin(ended, deadlineMs)) {
      log("warn", "drain_deadline", { in_flight: app.inFlight() });
      app.abortAll();
      if (!await endsWithin(ended, AFTER_CUT_MS)) {
        stop.abort();
        await endsWithin(ended, AFTER_CUT_MS);
      }
    }
    clearInterval(sweep);
  }
}
