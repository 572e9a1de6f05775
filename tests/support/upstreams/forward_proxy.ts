/**
 * Small forward proxies on loopback: HTTP (CONNECT, and requests with a whole URL), plain or over TLS, and
 * SOCKS5; each with or without a login.
 */

import { ConnectionReader } from "../../../src/http/reader.ts";
import { type Head, readHead } from "../../../src/http/head.ts";
import { closeQuietly } from "../../../src/streams/close_quietly.ts";
import { pem } from "./tls_upstream.ts";

export interface ForwardProxyOptions {
  readonly scheme: "http" | "https" | "socks5";
  /** `user:password` that is asked for. */
  readonly login?: string;
  /** Where names lead that only the proxy knows. */
  readonly hosts?: Readonly<Record<string, number>>;
  /** Refuses CONNECT with a 403, as squid and tinyproxy do for most ports. */
  readonly noTunnels?: boolean;
  /** What an HTTP proxy answers instead of opening a tunnel, or a SOCKS5 proxy's failure. */
  readonly refusal?: string | number;
}

export class ForwardProxy implements AsyncDisposable {
  /** `host:port` of every tunnel that was asked for. */
  readonly asked: string[] = [];
  /** `host:port` of every upstream that a request with a whole URL led to, once for each connection. */
  readonly relayed: string[] = [];
  /** The first lines of requests with a whole URL. */
  readonly urls: string[] = [];
  readonly #options: ForwardProxyOptions;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #tasks: Promise<void>[] = [];

  constructor(options: ForwardProxyOptions) {
    this.#options = options;
    const address = { hostname: "127.0.0.1", port: 0 };
    this.#listener = options.scheme === "https"
      ? Deno.listenTls({ ...address, cert: pem("cert.pem"), key: pem("key.pem") })
      : Deno.listen(address);
    this.#tasks.push(this.#accept());
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port; // a listener on TCP has a NetAddr
  }

  /** Tunnels and their far sides that are open. */
  get openConnections(): number {
    return this.#connections.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    while (true) {
      try {
        this.#tasks.push(this.#serve(await this.#listener.accept()));
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        // A handshake that failed, or a client that left before it was accepted.
      }
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    this.#connections.add(client);
    if ("setNoDelay" in client && typeof client.setNoDelay === "function") client.setNoDelay(true);
    let far: Deno.Conn | undefined;
    try {
      const reader = new ConnectionReader(client);
      const head = this.#options.scheme === "socks5" ? null : await readHead(reader);
      const url = /^[A-Z]+ http:\/\/([^/ :]+)(?::(\d+))?\S* HTTP\/1\.1$/.exec(head?.startLine ?? "");
      if (head !== null && url !== null) {
        if (!await this.#admits(client, head)) return;
        const [, hostname = "", port = "80"] = url;
        this.relayed.push(`${hostname}:${port}`);
        far = await connectTo(this.#leadsTo(hostname, Number(port)));
        this.#connections.add(far);
        await Promise.all([this.#relayRequests(head, { client, reader, far }), pump(far, client)]);
        return;
      }
      const target = this.#options.scheme === "socks5"
        ? await this.#socks5(client, reader)
        : await this.#http(client, head);
      if (target !== undefined) {
        far = await connectTo(target);
        this.#connections.add(far);
        await Promise.all([pump(client, far), pump(far, client)]);
      }
    } catch {
      // One of the sides ended: what the test asserts shows whether that was right.
    } finally {
      for (const connection of far === undefined ? [client] : [client, far]) {
        closeQuietly(connection);
        this.#connections.delete(connection);
      }
    }
  }

  #target(hostname: string, port: number): { hostname: string; port: number } {
    this.asked.push(`${hostname}:${port}`);
    return this.#leadsTo(hostname, port);
  }

  #leadsTo(hostname: string, port: number): { hostname: string; port: number } {
    const known = this.#options.hosts?.[hostname];
    return known === undefined ? { hostname, port } : { hostname: "127.0.0.1", port: known };
  }

  /** Whether a request with a whole URL has the right login. Answers it where it has not. */
  async #admits(client: Deno.Conn, { fields }: Head): Promise<boolean> {
    const { login, refusal } = this.#options;
    const authorization = fields.find(({ lower }) => lower === "proxy-authorization")?.value;
    const status = typeof refusal === "string"
      ? refusal
      : login !== undefined && authorization !== `Basic ${btoa(login)}`
      ? "407 Proxy Authentication Required"
      : undefined;
    if (status === undefined) return true;
    await client.write(new TextEncoder().encode(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`));
    return false;
  }

  /** Passes requests on as an HTTP proxy does: with the path alone, and without what is for the proxy. */
  async #relayRequests(
    first: Head,
    { client, reader, far }: { client: Deno.Conn; reader: ConnectionReader; far: Deno.Conn },
  ): Promise<void> {
    for (let head: Head | null = first; head !== null; head = await readHead(reader)) {
      if (head !== first && !await this.#admits(client, head)) return;
      this.urls.push(head.startLine);
      const { framing } = head;
      const length = framing.kind === "counted" ? framing.length : 0;
      if (framing.kind === "chunked") throw new Error("this proxy reads bodies of a stated length only");
      const lines = [
        head.startLine.replace(/ http:\/\/[^/ ]+/, " "),
        ...head.fields.filter(({ lower }) => !lower.startsWith("proxy-")).map(({ name, value }) =>
          `${name}: ${value}`
        ),
        ...(framing.kind === "counted" ? [`Content-Length: ${length}`] : []),
      ];
      await far.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
      await far.write(await take(reader, length));
    }
    closeQuietly(far);
  }

  async #http(
    client: Deno.Conn,
    head: Head | null,
  ): Promise<{ hostname: string; port: number } | undefined> {
    const { login, refusal, noTunnels = false } = this.#options;
    const [, hostname = "", port] = /^CONNECT (.+):(\d+) HTTP\/1\.1$/.exec(head?.startLine ?? "") ?? [];
    const authorization = head?.fields.find(({ lower }) => lower === "proxy-authorization")?.value;
    const host = head?.fields.find(({ lower }) => lower === "host")?.value;
    const status = typeof refusal === "string"
      ? refusal
      : noTunnels
      ? "403 Filtered"
      : host !== `${hostname}:${port}`
      ? "400 Bad Request"
      : login !== undefined && authorization !== `Basic ${btoa(login)}`
      ? "407 Proxy Authentication Required"
      : "200 Connection established";
    await client.write(new TextEncoder().encode(`HTTP/1.1 ${status}\r\nVia: test\r\n\r\n`));
    return status.startsWith("200")
      ? this.#target(hostname.replace(/^\[|\]$/g, ""), Number(port))
      : undefined;
  }

  async #socks5(
    client: Deno.Conn,
    reader: ConnectionReader,
  ): Promise<{ hostname: string; port: number } | undefined> {
    const { login, refusal } = this.#options;
    const [version, count = 0] = await take(reader, 2);
    const methods = await take(reader, count);
    const wanted = login === undefined ? 0 : 2;
    if (version !== 5 || !methods.includes(wanted)) {
      await client.write(Uint8Array.of(5, 255));
      return undefined;
    }
    await client.write(Uint8Array.of(5, wanted));
    if (login !== undefined) {
      const [, userLength = 0] = await take(reader, 2);
      const user = text(await take(reader, userLength));
      const [passwordLength = 0] = await take(reader, 1);
      const right = `${user}:${text(await take(reader, passwordLength))}` === login;
      await client.write(Uint8Array.of(1, right ? 0 : 1));
      if (!right) return undefined;
    }
    const [, command, , kind] = await take(reader, 4);
    const [length = 0] = kind === 3 ? await take(reader, 1) : [kind === 1 ? 4 : 16];
    const address = await take(reader, length);
    const [high = 0, low = 0] = await take(reader, 2);
    const failure = command !== 1 ? 7 : typeof refusal === "number" ? refusal : 0;
    await client.write(Uint8Array.of(5, failure, 0, 1, 0, 0, 0, 0, 0, 0));
    if (failure !== 0) return undefined;
    const hostname = kind === 3 ? text(address) : kind === 1 ? address.join(".") : "::1";
    return this.#target(hostname, high * 256 + low);
  }
}

/** Connects without delays between the parts of a message. */
async function connectTo(target: { hostname: string; port: number }): Promise<Deno.TcpConn> {
  const connection = await Deno.connect(target);
  connection.setNoDelay(true);
  return connection;
}

async function take(reader: ConnectionReader, count: number): Promise<Uint8Array> {
  while (reader.buffered.length < count) {
    if (reader.hasEnded()) throw new Error("the client ended within the handshake");
    await reader.readable();
  }
  return reader.take(count).slice();
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    }
  } finally {
    closeQuietly(from);
    closeQuietly(to);
  }
}
