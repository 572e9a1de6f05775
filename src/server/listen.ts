/** The listening side: the socket, TLS, what connections may take, and how it all ends. */

import type { App } from "../app.ts";
import type { ServerConfig } from "../config/schema.ts";
import type { Log } from "../observability/log.ts";
import { ClientConnection, type ConnectionState } from "./connection.ts";

/** A server that is listening. */
export interface RunningServer {
  readonly address: Deno.NetAddr;
  /**
   * Stops accepting, lets running exchanges end until the drain deadline, then cuts the rest. Resolves once
   * nothing is served any more; calling it again gives the same promise.
   */
  readonly drain: (deadlineMs: number) => Promise<void>;
}

/** How long a connection may be idle between requests, and how long a head may take to arrive. */
const LIMITS_MS: Partial<Record<ConnectionState, number>> = { idle: 120_000, head: 30_000 };
/** How often connections are looked at; one timer for all of them. */
const SWEEP_MS = 5_000;
/** How long connections may take to end once their exchanges have been cut. */
const AFTER_CUT_MS = 500;
/** Before accepting goes on after it failed, mostly for want of file descriptors. */
const ACCEPT_PAUSE_MS = 100;

/** Listens and serves. Throws what `Deno.listen` throws when the address cannot be had. */
export function startServer(app: App, config: ServerConfig, log: Log): RunningServer {
  const { host: hostname, port, tls } = config;
  const listener = tls === undefined
    ? Deno.listen({ hostname, port })
    : Deno.listenTls({ hostname, port, ...tls, alpnProtocols: ["http/1.1"] });
  const connections = new Set<ClientConnection>();
  const serving = new Set<Promise<void>>();
  const now = () => performance.now();
  let isOpen = true;
  let draining: Promise<void> | undefined;
  const accepting = accept();
  const sweep = setInterval(closeOverdue, SWEEP_MS);
  return { address: listener.addr, drain: (deadlineMs) => draining ??= drain(deadlineMs) };

  async function accept(): Promise<void> {
    while (isOpen) {
      try {
        const accepted = await listener.accept();
        if (isOpen) serve(accepted);
        else accepted.close();
      } catch (error) {
        if (!isOpen) return;
        // A TLS handshake that fails is the client's affair; anything else passes or comes again.
        if (error instanceof Deno.errors.InvalidData) continue;
        log("warn", "accept_failed", { detail: error instanceof Error ? error.message : String(error) });
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  function serve(accepted: Deno.Conn): void {
    if ("setNoDelay" in accepted && typeof accepted.setNoDelay === "function") accepted.setNoDelay(true);
    const connection = new ClientConnection(accepted, { handler: app.handler, now });
    connections.add(connection);
    const served = connection.serve().finally(() => {
      connections.delete(connection);
      serving.delete(served);
    });
    serving.add(served);
  }

  function closeOverdue(): void {
    const time = now();
    for (const connection of connections) {
      const limit = LIMITS_MS[connection.state];
      if (limit !== undefined && time - connection.since > limit || connection.isStuck()) connection.close();
    }
  }

  async function drain(deadlineMs: number): Promise<void> {
    isOpen = false;
    listener.close();
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    for (const connection of connections) connection.finish();
    const ended = Promise.all([accepting, ...serving]);
    if (!await endsWithin(ended, deadlineMs)) {
      log("warn", "drain_deadline", { in_flight: app.inFlight() });
      app.cutShort();
      // A client that does not read keeps its connection open even then.
      if (!await endsWithin(ended, AFTER_CUT_MS)) {
        for (const connection of connections) connection.close();
        // Where the runtime does not end a pending write with its connection, the end of the process does.
        await endsWithin(ended, AFTER_CUT_MS);
      }
    }
    clearInterval(sweep);
  }
}

/** Whether a promise resolves in time. */
async function endsWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, limitMs, false);
  const inTime = await Promise.race([promise.then(() => true), expired]);
  clearTimeout(timer);
  return inTime;
}
