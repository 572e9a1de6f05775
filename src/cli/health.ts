/** Reads and checks the health of a running proxy. */

import * as v from "valibot";
import { durationText } from "../config/values/durations.ts";
import { TransportError } from "../forwarding/transport/transport.ts";
import { hostAndPort } from "../network/host_port.ts";
import { CommandError } from "./command_error.ts";
import { ownAddress, type ProxyAddress } from "./own_address.ts";
import { request, type RequestOptions } from "./request.ts";

const TIMEOUT_MS = 3_000;

const healthSchema = v.object({
  status: v.string(),
  version: v.string(),
  uptime_seconds: v.number(),
  storage: v.optional(v.string()),
});
/** The parsed body of `/health`: the status, the version, the uptime, and the state of the database. */
export type Health = v.InferOutput<typeof healthSchema>;

/** Parses the body of `/health`. Returns `undefined` if the body is not that of llm-proxy. */
export function parseHealth(text: string): Health | undefined {
  try {
    const result = v.safeParse(healthSchema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads `/health` of a base URL. Resolves to `undefined` if there is no answer, or if the server there is not
 * llm-proxy.
 */
export async function readHealth(
  base: string,
  options: Pick<RequestOptions, "caCerts" | "proxy">,
): Promise<Health | undefined> {
  try {
    return parseHealth((await request(`${base}/health`, { ...options, timeoutMs: TIMEOUT_MS })).text);
  } catch {
    return undefined;
  }
}

/**
 * Checks the proxy at a URL. If the URL is `undefined`, checks the proxy of this machine. It never uses an
 * outbound proxy, because the response must come from the proxy itself. Throws a {@link CommandError} if the
 * check fails.
 */
export async function checkHealth(url: string | undefined): Promise<void> {
  const address = url === undefined ? await ownAddress() : urlAddress(url);
  try {
    await (address.tls ? checkConnection(address) : checkHealthz(address));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`No response from ${hostAndPort(address)}: ${connectionReason(error)}.`);
  }
}

function urlAddress(text: string): ProxyAddress {
  if (!URL.canParse(text)) throw new CommandError(`--url ${JSON.stringify(text)} is not a URL`, 2);
  const url = new URL(text);
  const tls = url.protocol === "https:";
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || (tls ? 443 : 80), tls };
}

async function checkHealthz(address: ProxyAddress): Promise<void> {
  const { status } = await request(`http://${hostAndPort(address)}/healthz`, { timeoutMs: TIMEOUT_MS });
  if (status !== 200) throw new CommandError(`${hostAndPort(address)}/healthz answered ${status}.`);
}

/**
 * Only opens a TCP connection. It does not check the certificate, which has the names that clients use and
 * not that of loopback.
 */
async function checkConnection({ hostname, port }: ProxyAddress): Promise<void> {
  const connection = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(TIMEOUT_MS) });
  connection.close();
}

function connectionReason(error: unknown): string {
  if (error instanceof TransportError) return error.message;
  return error instanceof DOMException && error.name === "TimeoutError"
    ? `nothing came within ${durationText(TIMEOUT_MS)}`
    : "the connection failed";
}
