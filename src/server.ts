/** The listening side: the socket, TLS, and how it ends. */

import type { App } from "./app.ts";
import type { ServerConfig } from "./config/schema.ts";
import type { Log } from "./observability/log.ts";

/** A server that is listening. */
export interface RunningServer {
  readonly address: Deno.NetAddr;
  /**
   * Stops accepting, lets running exchanges end until the drain deadline, then cuts the rest. Resolves once
   * nothing is served any more; calling it again gives the same promise.
   */
  readonly drain: () => Promise<void>;
}

/** How long connections may take to close once their exchanges have been cut. */
const AFTER_CUT_MS = 1_000;

/** Listens and serves. Throws what `Deno.listen` throws when the address cannot be had. */
export function startServer(app: App, config: ServerConfig, log: Log): RunningServer {
  const server = Deno.serve({
    hostname: config.host,
    port: config.port,
    ...config.tls,
    // The caller says where it listens, in its own words.
    onListen() {},
    onError(error) {
      log("error", "unexpected", { detail: error instanceof Error ? error.message : String(error) });
      return new Response(null, { status: 500 });
    },
  }, app.handler);
  let draining: Promise<void> | undefined;
  return {
    address: server.addr,
    drain: () => draining ??= drain(),
  };

  async function drain(): Promise<void> {
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    const closed = server.shutdown();
    if (await endsWithin(closed, config.drainMs)) return;
    log("warn", "drain_deadline", { in_flight: app.inFlight() });
    app.cutShort();
    // A client that does not read may keep its connection open even then; the end of the process closes it.
    await endsWithin(closed, AFTER_CUT_MS);
  }
}

/** Whether a promise resolves in time. */
async function endsWithin(promise: Promise<void>, limitMs: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, limitMs, false);
  const inTime = await Promise.race([promise.then(() => true), expired]);
  clearTimeout(timer);
  return inTime;
}
