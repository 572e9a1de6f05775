/**
 * WebSockets on raw sockets, at both ends of the proxy: every byte is the test's, every frame is read
 * strictly.
 */

import { createHash } from "node:crypto";
import {
  answeredInTime,
  type HeaderList,
  headerOf,
  HttpReader,
  type MessageHead,
  writeAll,
} from "./http_reader.ts";
import { pem } from "../upstreams/tls_upstream.ts";

/** Kinds of frames (RFC 6455, 11.8). */
export const TEXT = 1;
/** Likewise. */
export const BINARY = 2;
/** Likewise. */
export const CLOSE = 8;
/** Likewise. */
export const PING = 9;
/** Likewise. */
export const PONG = 10;

export interface Frame {
  readonly isFinal: boolean;
  readonly opcode: number;
  readonly isMasked: boolean;
  /** As it is without its mask. */
  readonly payload: Uint8Array;
}

export interface FrameOptions {
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
  readonly reserved?: number;
}

/** A frame's bytes. */
export function frame(opcode: number, payload: string | Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { isFinal = true, isMasked = false, reserved = 0 } = options;
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const length = bytes.length < 126
    ? [bytes.length]
    : bytes.length < 65_536
    ? [126, bytes.length >> 8, bytes.length & 255]
    : [127, 0, 0, 0, 0, ...new Uint8Array(new Uint32Array([bytes.length]).buffer).reverse()];
  const mask = isMasked ? [0x11, 0x22, 0x33, 0x44] : [];
  const head = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode, (isMasked ? 0x80 : 0) | (length[0] ?? 0)];
  const whole = new Uint8Array(2 + length.length - 1 + mask.length + bytes.length);
  whole.set([...head, ...length.slice(1), ...mask]);
  whole.set(bytes, whole.length - bytes.length);
  if (isMasked) applyMask(whole.subarray(whole.length - bytes.length), Uint8Array.from(mask));
  return whole;
}

/** A close frame's payload. */
export function closePayload(code: number, reason = ""): Uint8Array {
  return Uint8Array.of(code >> 8, code & 255, ...new TextEncoder().encode(reason));
}

/** What a close frame says, like `1001 bye`. */
export function closeText({ payload }: Frame): string {
  const [high = 0, low = 0] = payload;
  return `${high << 8 | low} ${new TextDecoder().decode(payload.subarray(2))}`.trimEnd();
}

/** The side of a connection that reads frames and writes bytes. */
export class FramePeer implements Disposable {
  readonly connection: Deno.Conn;
  readonly #reader: HttpReader;

  constructor(connection: Deno.Conn, reader: HttpReader) {
    this.connection = connection;
    this.#reader = reader;
  }

  send(bytes: string | Uint8Array): Promise<void> {
    return writeAll(this.connection, bytes);
  }

  /** The next frame; null where the connection ends before one begins. */
  async frame(): Promise<Frame | null> {
    const first = await this.#reader.bytes(2);
    if (first === null) return null;
    const [zero = 0, one = 0] = first;
    const short = one & 127;
    const extended = short < 126 ? new Uint8Array() : await this.#need(short === 126 ? 2 : 8);
    const length = short < 126 ? short : extended.reduce((sum, byte) => sum * 256 + byte, 0);
    const isMasked = (one & 128) !== 0;
    const mask = isMasked ? await this.#need(4) : new Uint8Array(4);
    const payload = await this.#need(length);
    if (isMasked) applyMask(payload, mask);
    return { isFinal: (zero & 128) !== 0, opcode: zero & 15, isMasked, payload };
  }

  /** The next bytes as they stand on the wire. */
  bytes(count: number): Promise<Uint8Array> {
    return this.#need(count);
  }

  /** Resolves when the other side has ended the connection; gives what came before that. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let next = await this.frame(); next !== null; next = await this.frame()) frames.push(next);
    return frames;
  }

  async #need(count: number): Promise<Uint8Array> {
    const bytes = await this.#reader.bytes(count);
    if (bytes === null) throw new Error("the connection ended within a frame");
    return bytes;
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Changes the bytes in place: long messages take a while otherwise. */
function applyMask(payload: Uint8Array, mask: Uint8Array): void {
  for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** What a server answers to a key. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

export interface OpenedWebSocket {
  readonly head: MessageHead;
  readonly status: number;
  readonly peer: FramePeer;
  header(name: string): string | undefined;
  /** What follows the head of a refusal. */
  text(): Promise<string>;
}

/** Asks for a WebSocket. */
export async function openWebSocket(
  url: string,
  path: string,
  lines: readonly string[] = [],
): Promise<OpenedWebSocket> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  // What is sent in pieces shall come in pieces.
  connection.setNoDelay(true);
  const reader = new HttpReader(answeredInTime(connection));
  const head = [
    `GET ${path} HTTP/1.1`,
    "Host: proxy.local",
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${KEY}`,
    ...lines,
  ];
  await writeAll(connection, `${head.join("\r\n")}\r\n\r\n`);
  const answer = await reader.head();
  if (answer === null) throw new Error("the connection ended without an answer");
  return {
    head: answer,
    status: Number(answer.startLine.split(" ")[1]),
    peer: new FramePeer(connection, reader),
    header: (name) => headerOf(answer.headers, name),
    async text() {
      let text = "";
      for await (const piece of reader.body(answer.headers, { untilClose: true })) {
        text += new TextDecoder().decode(piece);
      }
      return text;
    },
  };
}

/** A WebSocket as the upstream got it. */
export interface UpstreamSession {
  readonly startLine: string;
  readonly headers: HeaderList;
  readonly raw: string;
  readonly peer: FramePeer;
}

/** An upstream for WebSockets; each handshake is answered by the test's own bytes. */
export class WebSocketUpstream implements AsyncDisposable {
  readonly sessions: UpstreamSession[] = [];
  /** Connections that were ever made to it. */
  connections = 0;
  readonly #listener: Deno.Listener<Deno.Conn, Deno.NetAddr>;
  readonly #isTls: boolean;
  readonly #answer: (session: UpstreamSession) => string;
  readonly #open = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;
  readonly #waiting: ((session: UpstreamSession) => void)[] = [];

  constructor(
    { tls = false, answer = accepted }: { tls?: boolean; answer?: (session: UpstreamSession) => string } = {},
  ) {
    const address = { hostname: "127.0.0.1", port: 0 };
    this.#isTls = tls;
    this.#listener = tls
      ? Deno.listenTls({ ...address, cert: pem("cert.pem"), key: pem("key.pem") })
      : Deno.listen(address);
    this.#answer = answer;
    this.#accepting = this.#accept();
  }

  get origin(): string {
    const { port } = this.#listener.addr;
    return this.#isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  }

  /** The next session, past ones not counted. */
  next(): Promise<UpstreamSession> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#open) {
      new FramePeer(connection, new HttpReader(connection))[Symbol.dispose]();
    }
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        this.connections++;
        this.#open.add(connection);
        // TLS has no such setting.
        if ("setNoDelay" in connection && typeof connection.setNoDelay === "function") {
          connection.setNoDelay(true);
        }
        // A client may leave before its head is whole: what the test asserts shows whether that was right.
        this.#serve(connection).catch(() => {});
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    const reader = new HttpReader(connection);
    const head = await reader.head();
    if (head === null) return;
    const peer = new FramePeer(connection, reader);
    const session = { startLine: head.startLine, headers: head.headers, raw: head.raw, peer };
    await peer.send(this.#answer(session));
    this.sessions.push(session);
    for (const resolve of this.#waiting.splice(0)) resolve(session);
  }
}

/** The answer of a server that takes the first subprotocol it is offered. */
export function accepted({ headers }: Pick<UpstreamSession, "headers">): string {
  const protocol = headerOf(headers, "sec-websocket-protocol")?.split(",")[0]?.trim();
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(headerOf(headers, "sec-websocket-key") ?? "")}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    "",
    "",
  ].join("\r\n");
}
