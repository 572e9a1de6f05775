/** A client of HTTP/2 over TLS that decides every byte it sends and sees every frame that it gets. */

import { within } from "../time/deadline.ts";
import { frame, PREFACE, TYPES } from "./http2_frames.ts";
import { pem } from "../upstreams/tls_upstream.ts";

/** A frame as it came. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** Names of error codes, by their number (RFC 9113, 7). */
const ERRORS = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The client's side of one connection. */
export class Http2Peer implements Disposable {
  readonly #connection: Deno.TlsConn;
  #buffer = new Uint8Array(0);
  #unsent: Uint8Array<ArrayBuffer>[] = [];

  private constructor(connection: Deno.TlsConn) {
    this.#connection = connection;
  }

  /** Connects to a port of this machine; sends nothing but TLS. */
  static async connect(port: number): Promise<Http2Peer> {
    return new Http2Peer(
      await Deno.connectTls({
        hostname: "localhost",
        port,
        caCerts: [pem("ca.pem")],
        alpnProtocols: ["h2"],
      }),
    );
  }

  /** Connects; the preface with empty SETTINGS goes ahead of what is sent first, in the same piece. */
  static async open(port: number): Promise<Http2Peer> {
    const peer = await Http2Peer.connect(port);
    peer.#unsent = [PREFACE, frame("settings", 0, 0)];
    return peer;
  }

  /**
   * Sends all in one piece. What the other side does not take any more is dropped: the next read tells why.
   */
  async send(...frames: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
    let rest = new Uint8Array(await new Blob([...this.#unsent.splice(0), ...frames]).arrayBuffer());
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
    } catch {
      // The other side has ended the connection.
    }
  }

  /** The next frame; null where the connection has ended. */
  async next(): Promise<ReceivedFrame | null> {
    const head = await this.#bytes(9);
    if (head === null) return null;
    const [a = 0, b = 0, c = 0, type = 0, flags = 0] = head;
    const payload = await this.#bytes(a << 16 | b << 8 | c);
    if (payload === null) return null;
    return { type, flags, stream: new DataView(head.buffer).getUint32(5) & 0x7fffffff, payload };
  }

  /** The next frame of that type; null where the connection ends before. */
  async nextOf(type: keyof typeof TYPES, stream?: number): Promise<ReceivedFrame | null> {
    while (true) {
      const received = await this.next();
      if (received === null) return null;
      if (received.type === TYPES[type] && (stream === undefined || received.stream === stream)) {
        return received;
      }
    }
  }

  /** Ends it; calls after the first do nothing. */
  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #bytes(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    while (this.#buffer.length < count) {
      const piece = new Uint8Array(64 * 1024);
      const got = await within(this.#connection.read(piece).catch(() => null), "a frame");
      if (got === null) return null;
      const joined = new Uint8Array(this.#buffer.length + got);
      joined.set(this.#buffer);
      joined.set(piece.subarray(0, got), this.#buffer.length);
      this.#buffer = joined;
    }
    const bytes = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.slice(count);
    return bytes;
  }
}

/** The error that a RST_STREAM or GOAWAY frame names. */
export function errorOf({ type, payload }: ReceivedFrame): string {
  const code = new DataView(payload.buffer).getUint32(type === TYPES.goaway ? 4 : 0);
  return ERRORS[code] ?? `error ${code}`;
}

/** Codes of the ten digits in HPACK's Huffman code, as bits (RFC 7541, appendix B). */
const DIGITS = [
  "00000",
  "00001",
  "00010",
  "011001",
  "011010",
  "011011",
  "011100",
  "011101",
  "011110",
  "011111",
];
/** What the indexes 8 to 14 of the static table say. */
const STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** The status of a connection's first answer; later ones may use an index that the first one made. */
export function statusOf({ payload }: ReceivedFrame): number {
  let at = 0;
  // A change of the table's size may come first.
  while (((payload[at] ?? 0) & 0xe0) === 0x20) at++;
  const first = payload[at] ?? 0;
  if (first >= 0x88 && first <= 0x8e) return STATUSES[first - 0x88] ?? NaN;
  const length = payload[at + 1] ?? 0;
  const value = payload.subarray(at + 2, at + 2 + (length & 127));
  if (length < 128) return Number(new TextDecoder().decode(value));
  let bits = [...value].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  while (digits.length < 3) {
    const digit = DIGITS.findIndex((code) => bits.startsWith(code));
    if (digit === -1) return NaN;
    digits += digit;
    bits = bits.slice(DIGITS[digit]?.length);
  }
  return Number(digits);
}
