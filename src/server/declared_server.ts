/** Serves requests from a server of the platform, such as `deno serve`. That server owns the port. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";
import { drainExchanges } from "./drain_exchanges.ts";
import { FetchHandler } from "./fetch_handler.ts";
import { peerAddress } from "./peer_address.ts";

/** The time between two checks of the timeouts of clients, in milliseconds. */
const SWEEP_MS = 5_000;

/** The proxy behind a server of the platform. Its owner drains it before the process ends. */
export class DeclaredServer {
  readonly #app: App;
  readonly #log: Log;
  readonly #handler: FetchHandler;
  readonly #sweep: ReturnType<typeof setInterval>;
  /** The running responses. Each promise resolves when the client has the whole response, or has left. */
  readonly #responses = new Set<Promise<void>>();
  #limits: ConnectionLimits;

  constructor(app: App, config: ServerConfig, log: Log) {
    this.#app = app;
    this.#log = log;
    this.#limits = config.connections;
    this.#handler = new FetchHandler({
      handler: app.handler,
      entry: "all",
      limits: () => this.#limits,
      now: () => performance.now(),
      onUnexpected: (error) => log("error", "unexpected", { detail: traceOf(error) }),
    });
    this.#sweep = setInterval(() => this.#handler.endOverdue(), SWEEP_MS);
  }

  /** Handles a request, and returns the response. Never rejects. */
  handle(request: Request, { remoteAddr, completed }: Deno.ServeHandlerInfo): Promise<Response> {
    const response = completed.catch(() => {}).finally(() => this.#responses.delete(response));
    this.#responses.add(response);
    return this.#handler.handle(request, peerAddress(remoteAddr));
  }

  /** Applies the limits of another configuration. */
  configure({ connections }: ServerConfig): void {
    this.#limits = connections;
  }

  /**
   * Rejects new requests, and waits for the running ones until the deadline. Then aborts the rest.
   * `deadlineMs` is a duration.
   */
  async drain(deadlineMs: number): Promise<void> {
    await drainExchanges(this.#app, {
      log: this.#log,
      deadlineMs,
      finish: () => Promise.all(this.#responses),
    });
    clearInterval(this.#sweep);
  }
}
