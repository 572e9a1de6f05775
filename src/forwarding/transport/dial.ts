import { type AttemptPhase, type FailureFacts, TransportError } from "./transport.ts";
import type { Cancellation } from "../../cancellation.ts";

/** Where an upstream listens. */
export interface Origin {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** As it stands in the `host` field: without the scheme's own port. */
  readonly host: string;
}

/** Reads an origin like `https://api.openai.com`. */
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

/** How connections are made; tests bring their own trust. */
export interface DialOptions {
  /** Certificates in PEM form to trust besides the system's. */
  readonly caCerts?: string[];
}

/** Opens a connection, with TLS where the origin asks for it. */
export async function dial(
  origin: Origin,
  { cancellation, onPhase, caCerts }: DialOptions & {
    cancellation: Cancellation;
    onPhase: (phase: AttemptPhase) => void;
  },
): Promise<Deno.Conn> {
  onPhase("connect");
  const plain = await connect(origin, cancellation);
  plain.setNoDelay(true);
  if (!origin.tls) return plain;
  onPhase("tls");
  let current: Deno.Conn = plain;
  cancellation.stopWith(() => closeQuietly(current));
  try {
    const secured = await Deno.startTls(plain, {
      hostname: origin.hostname,
      alpnProtocols: ["http/1.1"],
      ...(caCerts && { caCerts }),
    });
    current = secured;
    cancellation.throwIfCancelled();
    const { alpnProtocol } = await secured.handshake();
    if (alpnProtocol !== null && alpnProtocol !== "http/1.1") {
      throw new TypeError("a protocol that was not offered");
    }
    return secured;
  } catch (error) {
    closeQuietly(current);
    cancellation.throwIfCancelled();
    throw new TransportError(`TLS could not be set up: ${tlsReason(error)}`, facts("tls"), { cause: error });
  }
}

/** A connection that has been closed, or turned into a TLS one, cannot be closed again. */
function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function connect({ hostname, port }: Origin, cancellation: Cancellation): Promise<Deno.TcpConn> {
  const abort = new AbortController();
  cancellation.stopWith(() => abort.abort());
  try {
    return await Deno.connect({ hostname, port, signal: abort.signal });
  } catch (error) {
    cancellation.throwIfCancelled();
    throw new TransportError(connectReason(error), facts("connect"), { cause: error });
  }
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

/** The runtime's words about certificates are worth showing: they hold names and dates and nothing secret. */
function tlsReason(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  if (/InvalidContentType|corrupt message/.test(text)) return "it does not speak TLS";
  const certificate = /invalid peer certificate: (.+)/.exec(text)?.[1];
  if (certificate !== undefined) return `its certificate is not valid (${certificate})`;
  if (/eof|reset|closed/i.test(text)) return "it ended the connection";
  return "the handshake failed";
}
