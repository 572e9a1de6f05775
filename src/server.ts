/** The listening side: the socket, TLS, and how it ends. */

import type { App } from "./app.ts";
import type { ServerConfig } from "./config/schema.ts";
import type { Log } from "./observability/log.ts";

/** A server that is listening. */
export interface RunningServer {
  readonly address: Deno.NetAddr;
  /** Stops accepting, lets running exchanges end until the drain deadline, then cuts the rest. */
  readonly drain: () => Promise<void>;
  /** Resolves once nothing is served any more. */
  readonly finished: Promise<void>;
}

/** Listens and serves. Throws what `Deno.listen` throws when the address cannot be had. */
export function startServer(app: App, config: ServerConfig, log: Log): RunningServer {
  const abort = new AbortController();
  const server = Deno.serve({
    hostname: config.host,
    port: config.port,
    ...config.tls,
    signal: abort.signal,
    // The caller says where it listens, in its own words.
    onListen() {},
    automaticCompression: false,
    onError(error) {
      log("error", "unexpected", { detail: error instanceof Error ? error.message : String(error) });
      return new Response(null, { status: 500 });
    },
  }, app.handler);
  let draining: Promise<void> | undefined;
  return {
    address: server.addr,
    finished: server.finished,
    drain: () => draining ??= drain(),
  };

  async function drain(): Promise<void> {
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    let deadline: ReturnType<typeof setTimeout> | undefined;
    const expired = new Promise<"expired">((resolve) => {
      deadline = setTimeout(resolve, config.drainMs, "expired");
    });
    const outcome = await Promise.race([server.shutdown(), expired]);
    clearTimeout(deadline);
    if (outcome === "expired") {
      log("warn", "drain_deadline", { in_flight: app.inFlight() });
      abort.abort();
    }
  }
}
