/** The server with `engine = "deno"`: the platform's `Deno.serve` in front of the handler. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig } from "../config/config.ts";
import type { Entry } from "../http/message.ts";
import { type ListenAddress, openSockets } from "../network/listen_everywhere.ts";
import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";
import { drainExchanges } from "./drain_exchanges.ts";
import { FetchHandler } from "./fetch_handler.ts";
import { peerAddress } from "./peer_address.ts";
import type { RunningServer } from "./running_server.ts";

/** The time between two checks of the timeouts of clients, in milliseconds. */
const SWEEP_MS = 5_000;

/** The parts of the program that a {@link DenoServer} uses. */
export interface DenoServerParts {
  readonly app: App;
  readonly log: Log;
  /** The time between two checks of the timeouts of clients, in milliseconds. */
  readonly sweepMs?: number | undefined;
}

/** Serves plain HTTP with `Deno.serve`, from its construction until it is drained. */
export class DenoServer implements RunningServer {
  readonly #app: App;
  readonly #log: Log;
  readonly #host: string;
  readonly #handlers: FetchHandler[] = [];
  readonly #servers: Deno.HttpServer<Deno.NetAddr>[] = [];
  readonly #stop = new AbortController();
  readonly #sweep: ReturnType<typeof setInterval>;
  #limits: ConnectionLimits;
  #draining: Promise<void> | undefined;

  readonly address: Deno.NetAddr;
  readonly httpsAddress = undefined;
  readonly adminAddress: Deno.NetAddr | undefined;

  /** The configuration must have no certificate. Throws the error of `Deno.serve` if it cannot listen. */
  constructor(
    { host, port, adminPort, connections }: ServerConfig,
    { app, log, sweepMs = SWEEP_MS }: DenoServerParts,
  ) {
    this.#app = app;
    this.#log = log;
    this.#host = host;
    this.#limits = connections;
    const main = this.#listen(port, adminPort === undefined ? "all" : "clients");
    this.address = main.addr;
    this.adminAddress = adminPort === undefined ? undefined : this.#listenBeside(adminPort).addr;
    this.#sweep = setInterval(() => this.#handlers.forEach((handler) => handler.endOverdue()), sweepMs);
  }

  configure({ connections }: ServerConfig): void {
    this.#limits = connections;
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#draining ??= this.#drain(deadlineMs);
  }

  async #drain(deadlineMs: number): Promise<void> {
    let ended: Promise<unknown> | undefined;
    await drainExchanges(this.#app, {
      log: this.#log,
      deadlineMs,
      finish: () => ended ??= Promise.all(this.#servers.map((server) => server.shutdown())),
      close: () => this.#stop.abort(),
    });
    clearInterval(this.#sweep);
  }

  #listen(port: number, entry: Entry): Deno.HttpServer<Deno.NetAddr> {
    const handler = new FetchHandler({
      handler: this.#app.handler,
      entry,
      limits: () => this.#limits,
      now: () => performance.now(),
      onUnexpected: (error) => this.#log("error", "unexpected", { detail: traceOf(error) }),
    });
    const open = (address: ListenAddress) =>
      Deno.serve({
        ...address,
        signal: this.#stop.signal,
        // The proxy prints its own banner.
        onListen() {},
        // The runtime calls this function for a response that breaks off. The log already has the reason.
        // Without this function, the runtime prints the error.
        onError: () => new Response(null, { status: 500 }),
      }, (request, { remoteAddr }) => handler.handle(request, peerAddress(remoteAddr)));
    const opened = openSockets({ hostname: this.#host, port }, {
      open,
      close: (server) => void server.shutdown(),
    });
    this.#handlers.push(handler);
    this.#servers.push(...opened);
    return opened[0];
  }

  /** Opens the admin port. Closes the main port if that fails. */
  #listenBeside(port: number): Deno.HttpServer<Deno.NetAddr> {
    try {
      return this.#listen(port, "admin");
    } catch (error) {
      for (const server of this.#servers) void server.shutdown();
      throw error;
    }
  }
}
