/** The proxy's own server: its ports, its certificate, its connections, and its shutdown. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig, TlsConfig } from "../config/config.ts";
import type { Entry } from "../http/message.ts";
import { HeldBytes } from "../capacity/held_bytes.ts";
import type { Log } from "../observability/log.ts";
import { Certificate } from "./certificate.ts";
import { drainExchanges } from "./drain_exchanges.ts";
import { type OpenPorts, openPorts } from "./open_ports.ts";
import { OpenConnections } from "./open_connections.ts";
import { RepeatedWarning } from "./repeated_warning.ts";
import type { RunningServer } from "./running_server.ts";
import { ConnectionServer } from "./connection_server.ts";
import { UnauthenticatedBudget } from "./unauthenticated_budget.ts";

/**
 * The time between two checks of the timeouts of all connections and of the files of the certificate, in
 * milliseconds. One timer checks all of them.
 */
const SWEEP_MS = 5_000;
/**
 * The memory that connections of authenticated clients may hold together, in bytes: requests that they sent
 * ahead, and responses that they do not read. All threads share it.
 */
const MAX_AUTHENTICATED_BYTES = 128 * 1024 * 1024;

/** The parts of the program that an {@link HttpServer} uses. */
export interface HttpServerParts {
  readonly app: App;
  readonly log: Log;
  /** The time between two checks of timeouts and of the files of the certificate, in milliseconds. */
  readonly sweepMs?: number | undefined;
  /** Called when the server begins to use another certificate. */
  readonly onRenewed?: ((tls: TlsConfig) => void) | undefined;
}

/** Accepts connections from its construction until it is drained. */
export class HttpServer implements RunningServer {
  readonly #app: App;
  readonly #log: Log;
  readonly #connections: OpenConnections;
  readonly #connectionServer: ConnectionServer;
  readonly #ports: OpenPorts;
  /** The certificate of the server. `undefined` if no port is encrypted. */
  readonly #certificate: Certificate | undefined;
  readonly #sweep: ReturnType<typeof setInterval>;
  readonly #full: RepeatedWarning;
  #limits: ConnectionLimits;
  #draining: Promise<void> | undefined;

  /**
   * Throws the error of `Deno.listenTls` if an address cannot be bound, or if the certificate cannot be used.
   */
  constructor(config: ServerConfig, { app, log, sweepMs = SWEEP_MS, onRenewed }: HttpServerParts) {
    const now = () => performance.now();
    this.#app = app;
    this.#log = log;
    this.#limits = config.connections;
    this.#full = new RepeatedWarning("connections_full", { log, now });
    this.#connections = new OpenConnections(now);
    this.#connectionServer = new ConnectionServer({
      handler: app.handler,
      connections: this.#connections,
      limits: () => this.#limits,
      unauthenticatedBudget: new UnauthenticatedBudget({ now }),
      heldBytes: new HeldBytes(MAX_AUTHENTICATED_BYTES / config.workers, now),
      log,
      now,
    });
    this.#ports = openPorts(config, {
      onConnection: (accepted, entry) => this.#accept(accepted, entry),
      onAcceptFailed: (reason) => log("warn", "accept_failed", { detail: reason }),
      onBindFailed: (reason) =>
        log("error", "listen_failed", { detail: `${reason}; the proxy keeps trying` }),
    });
    this.#certificate = config.tls && this.#certificateOf(config.tls, onRenewed);
    this.#sweep = setInterval(() => {
      this.#connections.endOverdue();
      if (this.#draining === undefined) void this.#certificate?.reload();
    }, sweepMs);
  }

  get address(): Deno.NetAddr {
    return this.#ports.main.address;
  }

  get httpsAddress(): Deno.NetAddr | undefined {
    return this.#ports.https?.address;
  }

  get adminAddress(): Deno.NetAddr | undefined {
    return this.#ports.admin?.address;
  }

  configure({ connections, tls }: ServerConfig): void {
    this.#limits = connections;
    if (tls !== undefined) void this.#certificate?.replace(tls);
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#draining ??= this.#drain(deadlineMs);
  }

  async #drain(deadlineMs: number): Promise<void> {
    const closed = Promise.all(this.#ports.all.map((listener) => listener.close()));
    await drainExchanges(this.#app, {
      log: this.#log,
      deadlineMs,
      finish: () => Promise.all([closed, this.#connections.finish()]),
      close: () => this.#connections.close(),
    });
    clearInterval(this.#sweep);
  }

  #accept(accepted: Deno.Conn, entry: Entry): void {
    const { maxConnections } = this.#limits;
    if (this.#connections.hasRoom(maxConnections)) {
      this.#connections.track(this.#connectionServer.serve(accepted, entry));
      return;
    }
    this.#full.log({
      detail: `all ${maxConnections} connections are in use; the proxy closes new ones (max_connections)`,
    });
    accepted.close();
  }

  #certificateOf(tls: TlsConfig, onRenewed: HttpServerParts["onRenewed"]): Certificate {
    const encrypting = this.#ports.all.filter(({ isEncrypting }) => isEncrypting);
    return new Certificate(tls, {
      readTextFile: (path) => Deno.readTextFile(path),
      use: async (tls) => void await Promise.all(encrypting.map((listener) => listener.renew(tls))),
      onRenewed: (used) => {
        this.#log("info", "certificate_renewed", {});
        onRenewed?.(used);
      },
      onRejected: (reason) =>
        this.#log("error", "certificate_refused", {
          detail: `${reason}; the previous certificate stays in use`,
        }),
    });
  }
}
