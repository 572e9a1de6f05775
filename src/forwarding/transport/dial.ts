import type { Cancellation, CancellationListener } from "../../cancellation.ts";
import { proxyText } from "../../config/read/outbound_proxy.ts";
import type { ConnectionSettings, OutboundProxy } from "../../config/config.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import { type Hop, overLoopback } from "./loopback.ts";
import { type AttemptPhase, type FailureFacts, TransportError } from "./transport.ts";
import type { SystemRoots } from "./system_roots.ts";
import { openTunnel, TunnelRefused } from "./tunnel.ts";

/** The address of an upstream. */
export interface Origin {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** The value of the field `host`: without the default port of the scheme. */
  readonly host: string;
}

/** Parses an origin such as `https://api.openai.com`. */
export function parseOrigin(text: string): Origin {
  const url = new URL(text);
  const tls = url.protocol === "https:";
  return {
    tls,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (tls ? 443 : 80) : Number(url.port),
    host: url.host,
  };
}

/** The settings of a connection, the cancellation, and the listener for its phases. */
export interface DialOptions {
  readonly connection: ConnectionSettings;
  readonly cancellation: Cancellation;
  readonly onPhase: (phase: AttemptPhase) => void;
  readonly systemRoots: SystemRoots;
  /** Whether the connection ends at the outbound proxy, which gets requests in the absolute form. */
  readonly endsAtProxy?: boolean;
}

/**
 * Opens a connection to an origin, through the outbound proxy of the settings, with TLS for `https`. Throws a
 * {@link TransportError}, or the reason of the cancellation.
 */
export async function dial(origin: Origin, options: DialOptions): Promise<Deno.Conn> {
  const { systemRoots, connection: { caCerts } } = options;
  const used = systemRoots.certsFor(origin.host);
  try {
    return await dialTrusting(joined(caCerts, used), origin, options);
  } catch (error) {
    if (!(error instanceof TransportError) || !UNKNOWN_AUTHORITY.test(error.message)) throw error;
    const more = await systemRoots.moreFor(origin.host, used);
    if (more === undefined) throw error;
    options.cancellation.throwIfCancelled();
    return await dialTrusting(joined(caCerts, more), origin, options);
  }
}

/** What {@link tlsReason} says of a certificate by an authority that is not trusted. */
const UNKNOWN_AUTHORITY = /\(UnknownIssuer\)/;

type Certificates = readonly string[] | undefined;

function joined(some: Certificates, others: Certificates): Certificates {
  return some === undefined || others === undefined ? some ?? others : [...some, ...others];
}

async function dialTrusting(caCerts: Certificates, origin: Origin, options: DialOptions): Promise<Deno.Conn> {
  const { connection: { proxy, clientCert }, cancellation, onPhase, endsAtProxy = false } = options;
  onPhase("connect");
  if (proxy === undefined) {
    if (origin.tls && clientCert !== undefined) {
      return await connectWithCert(origin, { ...clientCert, caCerts, cancellation, onPhase });
    }
    const plain = await connect(origin, cancellation);
    if (!origin.tls) return plain;
    onPhase("tls");
    return await secure(plain, { hostname: origin.hostname, caCerts, cancellation });
  }
  const tunnel = await dialThrough(proxy, endsAtProxy ? undefined : origin, { caCerts, cancellation });
  if (!origin.tls) return tunnel;
  onPhase("tls");
  if (clientCert !== undefined) {
    const { near, close } = await hop(tunnel, (address) => {
      const named = { ...address, [SERVER_NAME]: origin.hostname };
      return Deno.connectTls({ ...named, ...tlsOptions(caCerts), ...clientCert });
    });
    return await afterHandshake(near, { cancellation, alsoClose: close });
  }
  const { near, close } = isTcp(tunnel)
    ? { near: tunnel, close: undefined }
    : await hop(tunnel, (address) => Deno.connect(address));
  return await secure(near, { hostname: origin.hostname, caCerts, cancellation, alsoClose: close });
}

/**
 * The option of `Deno.connectTls` for the name that the certificate must have, in place of the address. The
 * runtime does not document it. A runtime without it checks the certificate for the address, and fails.
 */
const SERVER_NAME = Symbol.for("unstableServerName");

async function hop<Near extends Deno.TcpConn | Deno.TlsConn>(
  tunnel: Deno.Conn,
  connect: (address: { hostname: string; port: number }) => Promise<Near>,
): Promise<Hop<Near>> {
  try {
    return await overLoopback(tunnel, connect);
  } catch (error) {
    closeQuietly(tunnel);
    throw new TransportError("no connection could be made within this machine", facts("connect"), {
      cause: error,
    });
  }
}

/** Opens a connection to an origin through an outbound proxy, or to the proxy itself without an origin. */
async function dialThrough(
  proxy: OutboundProxy,
  origin: Origin | undefined,
  { caCerts, cancellation }: { readonly caCerts: Certificates; readonly cancellation: Cancellation },
): Promise<Deno.Conn> {
  let current: Deno.Conn | undefined;
  const departure = { cancelled: () => current && closeQuietly(current) };
  try {
    current = await connect(proxy, cancellation);
    if (proxy.scheme === "https" && isTcp(current)) {
      current = await secure(current, { hostname: proxy.hostname, caCerts, cancellation });
    }
    cancellation.addListener(departure);
    if (origin !== undefined) await openTunnel(current, proxy, origin);
    return current;
  } catch (error) {
    if (current !== undefined) closeQuietly(current);
    cancellation.throwIfCancelled();
    const reason = error instanceof TransportError
      ? error.message
      : error instanceof TunnelRefused
      ? error.message
      : "it broke off";
    throw new TransportError(
      `the outbound proxy ${proxyText(proxy)} gave no ${
        origin === undefined ? "connection" : "tunnel"
      }: ${reason}`,
      facts("connect"),
      { cause: error },
    );
  } finally {
    cancellation.removeListener(departure);
  }
}

function isTcp(connection: Deno.Conn): connection is Deno.TcpConn {
  return !("handshake" in connection);
}

async function secure(
  plain: Deno.TcpConn,
  { hostname, caCerts, cancellation, alsoClose }: {
    hostname: string;
    caCerts: Certificates;
    cancellation: Cancellation;
    /** Closes the connection that this connection leads through. */
    alsoClose?: (() => void) | undefined;
  },
): Promise<Deno.TlsConn> {
  let secured: Deno.TlsConn;
  try {
    secured = await Deno.startTls(plain, { hostname, ...tlsOptions(caCerts) });
  } catch (error) {
    closeQuietly(plain);
    alsoClose?.();
    cancellation.throwIfCancelled();
    throw new TransportError(`TLS could not be set up: ${tlsReason(error)}`, facts("tls"), { cause: error });
  }
  return await afterHandshake(secured, { cancellation, alsoClose });
}

function tlsOptions(caCerts: Certificates): { alpnProtocols: string[]; caCerts?: string[] } {
  return { alpnProtocols: ["http/1.1"], ...(caCerts && { caCerts: [...caCerts] }) };
}

/**
 * Returns a connection after its handshake. If the handshake fails, closes it and the connection that it
 * leads through.
 */
async function afterHandshake(
  secured: Deno.TlsConn,
  { cancellation, alsoClose }: { cancellation: Cancellation; alsoClose?: (() => void) | undefined },
): Promise<Deno.TlsConn> {
  const closeAll = (): void => {
    closeQuietly(secured);
    alsoClose?.();
  };
  const departure = { cancelled: closeAll };
  cancellation.addListener(departure);
  try {
    cancellation.throwIfCancelled();
    const { alpnProtocol } = await secured.handshake();
    if (alpnProtocol !== null && alpnProtocol !== "http/1.1") {
      throw new TypeError("a protocol that was not offered");
    }
    return secured;
  } catch (error) {
    closeAll();
    cancellation.throwIfCancelled();
    throw new TransportError(`TLS could not be set up: ${tlsReason(error)}`, facts("tls"), { cause: error });
  } finally {
    cancellation.removeListener(departure);
  }
}

/**
 * Opens a connection with TLS on which the proxy shows a certificate. The runtime offers that only together
 * with the connection, and it then offers no options of TCP.
 */
async function connectWithCert(
  { hostname, port }: Origin,
  { cert, key, caCerts, cancellation, onPhase }: {
    cert: string;
    key: string;
    caCerts: Certificates;
    cancellation: Cancellation;
    onPhase: DialOptions["onPhase"];
  },
): Promise<Deno.TlsConn> {
  const connecting = Deno.connectTls({
    hostname,
    port,
    cert,
    key,
    ...tlsOptions(caCerts),
  });
  const { promise: left, reject } = Promise.withResolvers<never>();
  let connection: Deno.TlsConn | undefined;
  const departure: CancellationListener = {
    cancelled() {
      reject(cancellation.reason);
      connecting.then(closeQuietly, () => {});
    },
  };
  cancellation.addListener(departure);
  try {
    connection = await Promise.race([connecting, left]);
    onPhase("tls");
    cancellation.throwIfCancelled();
    await connection.handshake();
    return connection;
  } catch (error) {
    if (connection !== undefined) closeQuietly(connection);
    cancellation.throwIfCancelled();
    throw connection === undefined
      ? new TransportError(connectReason(error), facts("connect"), { cause: error })
      : new TransportError(`TLS could not be set up: ${tlsReason(error)}`, facts("tls"), { cause: error });
  } finally {
    cancellation.removeListener(departure);
  }
}

/** What the name `localhost` may lead to. */
const LOCALHOST_ADDRESSES = ["127.0.0.1", "::1"];

/**
 * Opens a TCP connection. Many systems know only one address of `localhost`, and many servers listen only on
 * the other one, so both addresses are tried. The first error counts.
 */
async function open(hostname: string, options: { port: number; signal: AbortSignal }): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ ...options, hostname });
  } catch (error) {
    if (hostname !== "localhost") throw error;
    for (const address of LOCALHOST_ADDRESSES) {
      if (options.signal.aborted) break;
      try {
        return await Deno.connect({ ...options, hostname: address });
      } catch {
        // No server listens there, or the system has no IPv6.
      }
    }
    throw error;
  }
}

/** How long an abandoned connection may still take to open before it is aborted. */
const LATE_MS = 3_000;

async function connect(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  cancellation: Cancellation,
): Promise<Deno.TcpConn> {
  const abort = new AbortController();
  const connecting = open(hostname, { port, signal: abort.signal });
  const { promise: left, reject } = Promise.withResolvers<never>();
  const departure: CancellationListener = {
    cancelled() {
      reject(cancellation.reason);
      discard(connecting, abort);
    },
  };
  cancellation.addListener(departure);
  try {
    const connection = await Promise.race([connecting, left]);
    cancellation.throwIfCancelled();
    connection.setNoDelay(true);
    // Keeps a silent connection known to routers on the way, at the system's interval.
    connection.setKeepAlive(true);
    return connection;
  } catch (error) {
    cancellation.throwIfCancelled();
    throw new TransportError(connectReason(error), facts("connect"), { cause: error });
  } finally {
    cancellation.removeListener(departure);
  }
}

/**
 * Closes a connection as soon as it is open. If the connection opened at the same moment, an immediate abort
 * would leave it open. After {@link LATE_MS} that is unlikely.
 */
function discard(connecting: Promise<Deno.TcpConn>, abort: AbortController): void {
  const timer = setTimeout(() => abort.abort(), LATE_MS);
  connecting.then(closeQuietly, () => {}).finally(() => clearTimeout(timer));
}

function facts(phase: "connect" | "tls"): FailureFacts {
  return { phase, sent: false, received: false, reused: false, elapsedMs: 0 };
}

function connectReason(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "it refused the connection";
  const text = error instanceof Error ? error.message : "";
  if (/lookup|resolve|name or service/i.test(text)) return "its name could not be resolved";
  if (/unreachable|no route/i.test(text)) return "there is no route to it";
  if (/timed out/i.test(text)) return "it did not accept the connection";
  return "the connection failed";
}

/** Keeps what the runtime says about certificates: it contains names and dates, and no secret. */
function tlsReason(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  if (/InvalidContentType|corrupt message/.test(text)) return "it does not speak TLS";
  const certificate = /invalid peer certificate: (.+)/.exec(text)?.[1];
  if (certificate !== undefined) return `its certificate is not valid (${certificate})`;
  if (/eof|reset|closed/i.test(text)) return "it ended the connection";
  return "the handshake failed";
}
