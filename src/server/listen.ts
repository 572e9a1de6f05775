/** The listening side: sockets, TLS, what connections may take, and how it all ends. */

import type { App } from "../app.ts";
import type { ConnectionLimits, ServerConfig, TlsConfig } from "../config/config.ts";
import { endsWithin } from "./ends_within.ts";
import { closeQuietly } from "../streams/close_quietly.ts";
import type { Entry } from "../http/message.ts";
import { HeldBytes } from "../limits/held_bytes.ts";
import type { Log } from "../observability/log.ts";
import { Certificate } from "./certificate.ts";
import { ClientConnection } from "./connection.ts";
import type { Http2Gateway } from "./http2/gateway.ts";
import { Handshake } from "./handshake.ts";
import { StrangerBudget } from "./stranger_budget.ts";
import { connectionToClose } from "./make_room.ts";
import { Listener } from "./listener.ts";
import type { ServedConnection } from "./served_connection.ts";
import { traceOf } from "../text/error_text.ts";

/** A server that is listening. */
export interface RunningServer {
  /** Where it listens; with two ports the plain one. */
  readonly address: Deno.NetAddr;
  /** Where HTTPS is spoken, if that is another port. */
  readonly httpsAddress: Deno.NetAddr | undefined;
  /** Where the admin page and the management API are, if that is another port. */
  readonly adminAddress: Deno.NetAddr | undefined;
  /** Another configuration holds from now on: its limits and its certificate. Where it listens does not change. */
  readonly configure: (config: ServerConfig) => void;
  /**
   * Stops accepting, lets running exchanges end until the drain deadline, then cuts the rest. Resolves once
   * nothing is served any more; calling it again gives the same promise.
   */
  readonly drain: (deadlineMs: number) => Promise<void>;
}

/** How often connections and the files of the certificate are looked at; one timer for all of them. */
const SWEEP_MS = 5_000;
/** What connections of clients with a token hold together: what they sent ahead, and answers that they do not take. */
const MAX_KNOWN_BYTES = 128 * 1024 * 1024;
/** How often it is said that there is no room, and that a client does not speak TLS. */
const SAY_AGAIN_MS = 60_000;
/** How long connections may take to end once their exchanges have been cut. */
const AFTER_CUT_MS = 500;

/** Listens and serves. Throws what `Deno.listen` throws when an address cannot be had. */
export function startServer(
  app: App,
  config: ServerConfig,
  log: Log,
  { sweepMs, onRenewed = () => {} }: { sweepMs?: number; onRenewed?: (tls: TlsConfig) => void } = {},
): RunningServer {
  const connections = new Set<ServedConnection>();
  const serving = new Set<Promise<void>>();
  const now = () => performance.now();
  const strangers = new StrangerBudget({ now });
  const heldBytes = new HeldBytes(MAX_KNOWN_BYTES, now);
  let limits: ConnectionLimits = config.connections;
  let isOpen = true;
  let draining: Promise<void> | undefined;
  let gateway: Http2Gateway | undefined;
  let saidFullAt = -Infinity;
  let saidPlainAt = -Infinity;

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
    onRefused: (reason) =>
      log("error", "certificate_refused", { detail: `${reason}; the one of before stays` }),
  });
  const sweep = setInterval(() => {
    for (const connection of connections) connection.endOverdue();
    if (isOpen) void certificate?.look();
  }, sweepMs ?? SWEEP_MS);

  return {
    address: main.address,
    httpsAddress: https?.address,
    adminAddress: admin?.address,
    configure(next) {
      limits = next.connections;
      if (next.tls !== undefined) void certificate?.exchange(next.tls);
    },
    drain: (deadlineMs) => draining ??= drain(deadlineMs),
  };

  /** Where there is only one port for clients it speaks HTTPS, if there is a certificate; the admin page's always does. */
  function listenAt(
    { host: hostname, port, httpsPort, adminPort, tls }: ServerConfig,
  ): { main: Listener; https: Listener | undefined; admin: Listener | undefined } {
    const open: Listener[] = [];
    const listen = (port: number, tls: TlsConfig | undefined, entry: Entry): Listener => {
      const listener = new Listener({ hostname, port, tls }, {
        onConnection(accepted) {
          if (hasRoom()) {
            track(accepted, isTls(accepted) ? encrypted(accepted, entry) : plain(accepted, entry));
          } else {
            sayFull();
            accepted.close();
          }
        },
        onFailed: (reason) => log("warn", "accept_failed", { detail: reason }),
        onDeaf: (reason) =>
          log("error", "listen_failed", { detail: `${reason}; it is tried again and again` }),
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
      // Nothing that goes wrong with one connection may end the program.
      closeQuietly(accepted);
      log("error", "unexpected", {
        detail: traceOf(error),
      });
    }).finally(() => serving.delete(tracked));
    serving.add(tracked);
  }

  async function plain(accepted: Deno.Conn, entry: Entry): Promise<void> {
    if ("setNoDelay" in accepted && typeof accepted.setNoDelay === "function") accepted.setNoDelay(true);
    const connection = new ClientConnection(accepted, {
      handler: app.handler,
      peer: peerOf(accepted),
      isTls: isTls(accepted),
      entry,
      limits: () => limits,
      strangers,
      heldBytes,
      now,
    });
    await during(connection, () => connection.serve());
  }

  async function encrypted(connection: Deno.TlsConn, entry: Entry): Promise<void> {
    const handshake = new Handshake(connection, {
      limitMs: () => limits.headMs,
      now,
      onOther: () => sayPlain(peerOf(connection)),
    });
    const protocol = await during(handshake, () => handshake.protocol());
    if (handshake.isClosed) return;
    if (protocol === "http/1.1") await plain(connection, entry);
    else if (protocol === "h2") {
      // Loaded by the first client that speaks it.
      const { Http2Gateway } = await import("./http2/gateway.ts");
      gateway ??= new Http2Gateway({ now });
      const served = await gateway.open(connection, {
        handler: app.handler,
        peer: peerOf(connection),
        entry,
        limits: () => limits,
        strangers,
        heldBytes,
        now,
      });
      await during(served, () => served.serve());
    }
  }

  /** Looks after a connection while it does something. */
  async function during<Result>(connection: ServedConnection, work: () => Promise<Result>): Promise<Result> {
    connections.add(connection);
    if (!isOpen) connection.finish();
    try {
      return await work();
    } finally {
      connections.delete(connection);
    }
  }

  /** Whether a new connection can be served, if need be in place of another one. */
  function hasRoom(): boolean {
    if (connections.size < limits.maxConnections) return true;
    const closed = connectionToClose(connections, now());
    if (closed === undefined) return false;
    connections.delete(closed);
    closed.close();
    return true;
  }

  /** Once a minute at most. */
  function sayFull(): void {
    if (now() - saidFullAt < SAY_AGAIN_MS) return;
    saidFullAt = now();
    log("warn", "connections_full", {
      detail: `${limits.maxConnections} connections are open and busy; new ones are closed (max_connections)`,
    });
  }

  /** Once a minute at most. The client itself sees no words of HTTP, since the runtime answers in TLS. */
  function sayPlain(client: string): void {
    if (now() - saidPlainAt < SAY_AGAIN_MS) return;
    saidPlainAt = now();
    log("warn", "plain_http", {
      client,
      detail:
        "a client began without TLS at a port for HTTPS: its address of the proxy has to begin with https://",
    });
  }

  async function drain(deadlineMs: number): Promise<void> {
    isOpen = false;
    clearInterval(sweep);
    const closed = listeners.map((listener) => listener.close());
    app.drain();
    log("info", "draining", { in_flight: app.inFlight() });
    for (const connection of connections) connection.finish();
    const ended = Promise.all([...closed, gateway?.shutdown(), ...serving]);
    if (!await endsWithin(ended, deadlineMs)) {
      log("warn", "drain_deadline", { in_flight: app.inFlight() });
      app.abortAll();
      // A client that does not read keeps its connection open even then.
      if (!await endsWithin(ended, AFTER_CUT_MS)) {
        for (const connection of connections) connection.close();
        // Where the runtime does not end a pending write with its connection, the end of the process does.
        await endsWithin(ended, AFTER_CUT_MS);
      }
    }
  }
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

function peerOf({ remoteAddr }: Deno.Conn): string {
  return "hostname" in remoteAddr ? remoteAddr.hostname : "";
}
