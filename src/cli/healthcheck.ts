import { durationText } from "../config/values/durations.ts";
import { processSources } from "../config/sources/env.ts";
import { loadAddress } from "../config/load.ts";
import { TransportError } from "../forwarding/transport/transport.ts";
import { CommandError } from "./command_error.ts";
import { writeAnswer } from "./output.ts";
import { request } from "./request.ts";

const TIMEOUT_MS = 3_000;

/**
 * `llm-proxy healthcheck`: asks the proxy that runs on this machine with this environment for `/healthz`.
 * For container images, which have no shell and no curl. Throws when it does not answer 200.
 */
export async function healthcheck({ url }: { url: string | undefined }): Promise<void> {
  await askHealth(url);
  // Without --json nothing is said: the exit code is the answer.
  writeAnswer({ status: "ok" }, () => "");
}

/**
 * Asks the proxy at a URL, or the one of this machine, and no other proxy on the way, whatever the environment names:
 * the answer has to be that of the proxy itself. Throws a {@link CommandError} when it is not well.
 */
export async function askHealth(url: string | undefined): Promise<void> {
  const address = url === undefined ? await ownAddress() : urlAddress(url);
  try {
    await (address.tls ? checkConnection(address) : checkHealth(address));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`No answer from ${hostAndPort(address)}: ${reasonOf(error)}.`);
  }
}

interface Address {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
}

async function ownAddress(): Promise<Address> {
  const { host, port, tls } = await loadAddress(processSources);
  const hostname = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return { hostname, port, tls };
}

function urlAddress(text: string): Address {
  if (!URL.canParse(text)) throw new CommandError(`--url ${JSON.stringify(text)} is not a URL`, 2);
  const url = new URL(text);
  const tls = url.protocol === "https:";
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || (tls ? 443 : 80), tls };
}

async function checkHealth(address: Address): Promise<void> {
  const { status } = await request(`http://${hostAndPort(address)}/healthz`, { timeoutMs: TIMEOUT_MS });
  if (status !== 200) throw new CommandError(`${hostAndPort(address)}/healthz answered ${status}.`);
}

/** Over TLS only the port is tried: the certificate is made for the clients' names, not for loopback. */
async function checkConnection({ hostname, port }: Address): Promise<void> {
  const connection = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(TIMEOUT_MS) });
  connection.close();
}

function hostAndPort({ hostname, port }: Address): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function reasonOf(error: unknown): string {
  if (error instanceof TransportError) return error.message;
  return error instanceof DOMException && error.name === "TimeoutError"
    ? `nothing came within ${durationText(TIMEOUT_MS)}`
    : "the connection failed";
}
