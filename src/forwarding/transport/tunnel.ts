/** Tunnels through forward proxies: HTTP CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928, 1929). */

import { basicCredentials } from "../../config/read/outbound_proxy.ts";
import type { OutboundProxy } from "../../config/config.ts";
import { field } from "../../http/fields.ts";
import { readHead } from "../../http/head.ts";
import { ConnectionReader } from "../../http/reader.ts";
import { writeAll, writeMessage } from "../../http/writer.ts";

/** The destination of a tunnel. The outbound proxy resolves its name. */
export interface TunnelEnd {
  readonly hostname: string;
  readonly port: number;
}

/** An outbound proxy did not open a tunnel. `message` says what it did. */
export class TunnelRefused extends Error {
  override readonly name = "TunnelRefused";
}

/** Asks the outbound proxy of a connection for a tunnel. The connection then leads to `end`. */
export async function openTunnel(connection: Deno.Conn, proxy: OutboundProxy, end: TunnelEnd): Promise<void> {
  const reader = new ConnectionReader(connection);
  await (proxy.scheme === "socks5"
    ? socks5(connection, reader, { login: proxy.login, end })
    : httpConnect(connection, reader, { login: proxy.login, end }));
  // Neither TLS nor HTTP lets the far side send first, so these bytes would be the proxy's.
  if (reader.buffered.length > 0) throw new TunnelRefused("it sent more than its response");
}

interface TunnelRequest {
  readonly login: OutboundProxy["login"];
  readonly end: TunnelEnd;
}

async function httpConnect(
  connection: Deno.Conn,
  reader: ConnectionReader,
  { login, end }: TunnelRequest,
): Promise<void> {
  const host = end.hostname.includes(":") ? `[${end.hostname}]` : end.hostname;
  const authority = `${host}:${end.port}`;
  const fields = [field("host", authority)];
  if (login !== undefined) {
    fields.push(field("proxy-authorization", `Basic ${basicCredentials(login)}`));
  }
  const message = { startLine: `CONNECT ${authority} HTTP/1.1`, fields, body: { kind: "none" } } as const;
  await writeMessage(connection, message);
  const head = await readHead(reader);
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?: [\t\x20-\x7e]*)?$/.exec(head?.startLine ?? "") ?? [];
  if (status === undefined) throw new TunnelRefused("it did not answer as an HTTP proxy does");
  // tinyproxy says 401 where others say 407.
  if (status === "407" || status === "401") {
    throw new TunnelRefused(`it wants another user name or password (${status})`);
  }
  // The reason phrase may repeat the login, and clients get the message.
  if (!status.startsWith("2")) throw new TunnelRefused(`it answered ${status}`);
}

const SOCKS_VERSION = 5;
const NO_LOGIN = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS_KINDS = { ipv4: 1, name: 3, ipv6: 4 } as const;
/** RFC 1928, 6. */
const SOCKS_FAILURES: Readonly<Record<number, string>> = {
  1: "it failed",
  2: "its rules do not allow it",
  3: "the network is unreachable",
  4: "the host is unreachable",
  5: "the connection was refused",
  6: "it took too long",
  7: "it cannot connect",
  8: "it does not know this kind of address",
};

async function socks5(
  connection: Deno.Conn,
  reader: ConnectionReader,
  { login, end }: TunnelRequest,
): Promise<void> {
  const methods = login === undefined ? [NO_LOGIN] : [NO_LOGIN, USER_AND_PASSWORD];
  await writeAll(connection, Uint8Array.of(SOCKS_VERSION, methods.length, ...methods));
  const [version, method] = await takeBytes(reader, 2);
  if (version !== SOCKS_VERSION) throw new TunnelRefused("it does not speak SOCKS5");
  if (method === USER_AND_PASSWORD && login !== undefined) {
    const request = [1, ...lengthAndText(login.user), ...lengthAndText(login.password)];
    await writeAll(connection, Uint8Array.from(request));
    const [, status] = await takeBytes(reader, 2);
    if (status !== 0) throw new TunnelRefused("it does not accept the user name or password");
  } else if (method !== NO_LOGIN) {
    throw new TunnelRefused("it wants a user name and password");
  }
  const port = [end.port >> 8, end.port & 255];
  await writeAll(
    connection,
    Uint8Array.of(SOCKS_VERSION, CONNECT, 0, ...addressBytes(end.hostname), ...port),
  );
  const [, failure = 1, , kind] = await takeBytes(reader, 4);
  if (failure !== 0) throw new TunnelRefused(SOCKS_FAILURES[failure] ?? `it failed with code ${failure}`);
  // Skips the address that the proxy connected from.
  const [nameLength = 0] = kind === ADDRESS_KINDS.name ? await takeBytes(reader, 1) : [];
  const length = kind === ADDRESS_KINDS.ipv4 ? 4 : kind === ADDRESS_KINDS.ipv6 ? 16 : nameLength;
  await takeBytes(reader, length + 2);
}

async function takeBytes(reader: ConnectionReader, count: number): Promise<Uint8Array> {
  while (reader.buffered.length < count) {
    if (reader.hasEnded()) throw new TunnelRefused("it ended the connection");
    await reader.readable();
  }
  return reader.take(count).slice();
}

function lengthAndText(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0 || bytes.length > 255) {
    throw new TunnelRefused("SOCKS5 takes user names and passwords of 1 to 255 bytes");
  }
  return [bytes.length, ...bytes];
}

function addressBytes(hostname: string): number[] {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return [ADDRESS_KINDS.ipv4, ...hostname.split(".").map(Number)];
  if (hostname.includes(":")) return [ADDRESS_KINDS.ipv6, ...ipv6Bytes(hostname)];
  return [ADDRESS_KINDS.name, ...lengthAndText(hostname)];
}

/** The sixteen bytes of an IPv6 address in a URL: groups of hexadecimal digits, and at most one `::`. */
function ipv6Bytes(address: string): number[] {
  const groups = (text: string) => text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [before = "", after] = address.split("::");
  const first = groups(before);
  const last = after === undefined ? [] : groups(after);
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]);
}
