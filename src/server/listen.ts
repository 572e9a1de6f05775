/** The server: its sockets, TLS, the limits of connections, and the shutdown. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig, TlsConfig } from "../config/config.ts";
import { endsWithin } from "./ends_within.ts";
import { closeQuietly } from "../streams/close_quietly.ts";
import type { Entry } from "../http/message.ts";
import { HeldBytes } from "../limits/held_bytes.ts";
import type { Log } from "../observability/log.ts";
import { Certificate } from "./certificate.ts";
import { ClientConnection } from "./connection.ts";
import type { FrameRateLimit } from "./http2/frame_rate_limit.ts";
import { Handshake } from "./handshake.ts";
import { UnauthenticatedBudget } from "./unauthenticated_budget.ts";
import { connectionToClose } from "./connection_to_close.ts";
import { Listener } from "./listener.ts";
import { peerAddress } from "./peer_address.ts";
import type { ServedConnection } from "./served_connection.ts";
import { traceOf } from "../text/error_text.ts";

/** A server that accepts connections. */
export interface RunningServer {
  /** The address of the main port. With a separate HTTPS port, this is the plain one. */
  readonly address: Deno.NetAddr;
  /** The address of the separate HTTPS port. Undefined if the server has no such port. */
  readonly httpsAddress: Deno.NetAddr | undefined;
  /**
   * The address of the separate port of the admin page and the management API. Undefined if the server has no
   * such port.
   */
  readonly adminAddress: Deno.NetAddr | undefined;
  /** Applies the limits and the certificate of another configuration. The addresses do not change. */
  readonly configure: (config: ServerConfig) => void;
  /**
   * Stops accepting connections, waits for running exchanges until the deadline, and then ends the rest.
   * Resolves when all connections have ended. Further calls return the same promise.
   */
  readonly drain: (deadlineMs: number) => Promise<void>;
}

/** How often one timer checks the timeouts of all connections and the files of the certificate. */
const SWEEP_MS = 5_000;
/**
 * The memory that connections of authenticated clients may hold together: requests that they sent ahead, and
 * responses that they do not read.
 */
const MAX_AUTHENTICATED_BYTES = 128 * 1024 * 1024;
/** The pause before the same warning is logged again. */
const LOG_AGAIN_MS = 60_000;
/** How long connections may take to end after their exchanges were aborted. */
const AFTER_ABORT_MS = 500;

/**
 * Starts the server. Throws like `Deno.listenTls` if an address cannot be bound or the certificate cannot be
 * used.
 */
export function startServer(
  app: App,
  config: ServerConfig,
  log: Log,
  { sweepMs, onRenewed = () => {} }: { sweepMs?: number; onRenewed?: (tls: TlsConfig) => void } = {},
): RunningServer {
  const connections = new Set<ServedConnection>();
  const serving = new Set<Promise<void>>();
  const now = () => performance.now();
  const unauthenticatedBudget = new UnauthenticatedBudget({ now });
  const heldBytes = new HeldBytes(MAX_AUTHENTICATED_BYTES, now);
  let limits: ConnectionLimits = config.connections;
  let isOpen = true;
  let draining: Promise<void> | undefined;
  let http2Rate: FrameRateLimit | undefined;
  let loggedFullAt = -Infinity;
  let loggedPlainAt = -Infinity;

  const { main, https, admin } = listenAt(config);
  const listeners = [main, https, admin].filter((listener) => listener !== undefined);
  const encrypting = listeners.filter(({ isEncrypting }) => isEncrypting);
  const certificate = config.tls && new Certificate(config.tls, {
    readTextFile: (path) => Deno.readTextFile(path),
    use: async (tls) => void await Promise.all(encrypting.map((listener) => listener.renew(tls))),
    onRenewed: (used) => {
      log("info", "certificate_renewed", {});
      onRenewed(used);
    },
    onRejected: (reason) =>
      log("error", "certificate_refused", { detail: `${reason}; the previous certificate stays in use` }),
  });
  const sweep = setInterval(() => {
    for (const connection of connections) connection.endOverdue();
    if (isOpen) void certificate?.reload();
  }, sweepMs ?? SWEEP_MS);

  return {
    address: main.address,
    httpsAddress: https?.address,
    adminAddress: admin?.address,
    configure(next) {
      limits = next.connections;
      if (next.tls !== undefined) void certificate?.replace(next.tls);
    },
    drain: (deadlineMs) => draining ??= drain(deadlineMs),
  };

  /**
   * Opens the ports. With a certificate, the main port uses TLS unless there is an HTTPS port. The admin port
   * always does.
   */
  function listenAt(
    { host: hostname, port, httpsPort, adminPort, tls }: ServerConfig,
  ): { main: Listener; https: Listener | undefined; admin: Listener | undefined } {
    const open: Listener[] = [];
    const listen = (port: number, tls: TlsConfig | undefined, entry: Entry): Listener => {
      const listener = new Listener({ hostname, port, tls }, {
        onConnection(accepted) {
          if (canAccept()) {
            track(accepted, isTls(accepted) ? encrypted(accepted, entry) : plain(accepted, entry));
          } else {
            logFull();
            accepted.close();
          }
        },
        onAcceptFailed: (reason) => log("warn", "accept_failed", { detail: reason }),
        onBindFailed: (reason) =>
          log("error", "listen_failed", { detail: `${reason}; the proxy keeps trying` }),
      });
      open.push(listener);
      return listener;
    };
    const entry = adminPort === undefined ? "all" : "clients";
    try {
      return {
        main: listen(port, httpsPort === undefined ? tls : undefined, entry),
        https: httpsPort === undefined ? undefined : listen(httpsPort, tls, entry),
        admin: adminPort === undefined ? undefined : listen(adminPort, tls, "admin"),
      };
    } catch (error) {
      for (const listener of open) void listener.close();
      throw error;
    }
  }

  function track(accepted: Deno.Conn, served: Promise<void>): void {
    const tracked = served.catch((error) => {
      // An error of one connection must not end the program.
      closeQuietly(accepted);
      log("error", "unexpected", {
        detail: traceOf(error),
      });
    }).finally(() => serving.delete(tracked));
    serving.add(tracked);
  }

  async function plain(accepted: Deno.Conn, entry: Entry): Promise<void> {
    if (isTcp(accepted)) {
      accepted.setNoDelay(true);
      accepted.setKeepAlive(true);
    }
    const connection = new ClientConnection(accepted, {
      handler: app.handler,
      peer: peerAddress(accepted.remoteAddr),
      isTls: isTls(accepted),
      entry,
      limits: () => limits,
      unauthenticatedBudget,
      heldBytes,
      now,
    });
    await supervised(connection, () => connection.serve());
  }

  async function encrypted(connection: Deno.TlsConn, entry: Entry): Promise<void> {
    const handshake = new Handshake(connection, {
      limitMs: () => limits.headMs,
      now,
      onNotTls: () => logPlainHttp(peerAddress(connection.remoteAddr)),
    });
    const protocol = await supervised(handshake, () => handshake.protocol());
    if (handshake.isClosed) return;
    if (protocol === "http/1.1") await plain(connection, entry);
    else if (protocol === "h2") {
      // The first HTTP/2 client loads this code.
      const { Http2Connection } = await import("./http2/connection.ts");
      const { unauthenticatedRate } = await import("./http2/frame_rate_limit.ts");
      http2Rate ??= unauthenticatedRate(now);
      const served = new Http2Connection(connection, {
        handler: app.handler,
        peer: peerAddress(connection.remoteAddr),
        entry,
        limits: () => limits,
        unauthenticatedBudget,
        heldBytes,
        now,
      }, http2Rate);
      await supervised(served, () => served.serve());
    }
  }

  /** Includes a connection in limits, timeouts and the shutdown while `work` runs. */
  async function supervised<Result>(
    connection: ServedConnection,
    work: () => Promise<Result>,
  ): Promise<Result> {
    connections.add(connection);
    if (!isOpen) connection.finish();
    try {
      return await work();
    } finally {
      connections.delete(connection);
    }
  }

  /**
   * Whether there is room for a new connection. If not, closes the least useful connection, if there is one.
   */
  function canAccept(): boolean {
    if (connections.size < limits.maxConnections) return true;
    const closed = connectionToClose(connections, now());
    if (closed === undefined) return false;
    connections.delete(closed);
    closed.close();
    return true;
  }

  function logFull(): void {
    if (now() - loggedFullAt < LOG_AGAIN_MS) return;
    loggedFullAt = now();
    log("warn", "connections_full", {
      detail:
        `all ${limits.maxConnections} connections are in use; the proxy closes new ones (max_connections)`,
    });
  }

  /** The client cannot see this message: the runtime answers with a TLS alert. */
  function logPlainHttp(client: string): void {
    if (now() - loggedPlainAt < LOG_AGAIN_MS) return;
    loggedPlainAt = now();
    log("warn", "plain_http", {
      client,
      detail:
        "a client sent plain HTTP to the HTTPS port: the base URL in this client must begin with https://",
    });
  }

  async function drain(deadlineMs: number): Promise<void> {
    isOpen = false;
    clearInterval(sweep);
    const closed = listeners.map((listener) => listener.close());
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    for (const connection of connections) connection.finish();
    const ended = Promise.all([...closed, ...serving]);
    if (!await endsWithin(ended, deadlineMs)) {
      log("warn", "drain_deadline", { in_flight: app.inFlight() });
      app.abortAll();
      // A client that does not read keeps its connection open even then.
      if (!await endsWithin(ended, AFTER_ABORT_MS)) {
        for (const connection of connections) connection.close();
        // If the runtime does not end a pending write of a closed connection, the end of the process does.
        await endsWithin(ended, AFTER_ABORT_MS);
      }
    }
  }
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

/** Whether options of TCP can be set. The runtime offers none for connections that it accepted with TLS. */
function isTcp(connection: Deno.Conn): connection is Deno.TcpConn {
  return "setKeepAlive" in connection;
}
