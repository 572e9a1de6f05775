import { TurnCount } from "../../streams/turn.ts";
import type { StallTimer } from "../stall_timer.ts";
import { FLAG, FRAME, HEAD_BYTES, MAX_FRAME_BYTES } from "./frames.ts";

/** The size of an array for frames, in bytes. Larger arrays are not kept for later frames. */
const CAPACITY = 20 * 1024;
/** The most arrays that are kept for other connections: 1.25 MB. */
const MAX_SPARE = 64;
/** From this number of unwritten bytes, responses add no more frames. */
const FULL_BYTES = 64 * 1024;
/** From this number of unwritten bytes, the proxy reads no more frames until the client reads. */
const BLOCKED_BYTES = 256 * 1024;

/** How long the first SETTINGS and WINDOW_UPDATE wait for a response, to be sent with it. In milliseconds. */
const HOLD_MS = 10;

const spare: Uint8Array[] = [];

/** The parts of a connection that a {@link FrameOutput} uses. */
export interface FrameOutputParts {
  readonly connection: Pick<Deno.Conn, "write">;
  /** Measures how long the client does not read what the proxy writes. */
  readonly stall: StallTimer;
  /** Called after each write. */
  readonly onWritten: () => void;
  /** Called once when the connection has failed. */
  readonly onFailed: () => void;
}

/**
 * Collects the frames for a client, so that one write can send the frames of several responses. Holds memory
 * only while it holds frames.
 */
export class FrameOutput {
  readonly #parts: FrameOutputParts;
  readonly #turn = new TurnCount();
  #bytes: Uint8Array | undefined;
  #end = 0;
  /** The number of bytes that the present write sends. */
  #writing = 0;
  #isFlushing = false;
  /** The timer that runs while SETTINGS and WINDOW_UPDATE wait for other frames. */
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  #hasFailed = false;
  /**
   * The position of the header of the last frame, if that is a DATA frame. -1 if it is another frame, or if
   * it is already being written.
   */
  #lastData = -1;
  #lastStream = 0;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(parts: FrameOutputParts) {
    this.#parts = parts;
  }

  /** The number of bytes in memory that are not written yet. */
  get pending(): number {
    return this.#end + this.#writing;
  }

  /** Whether a response has to wait before it adds a frame. */
  get isFull(): boolean {
    return this.pending >= FULL_BYTES;
  }

  /** Whether the client has to read before the proxy reads more of its frames. */
  get isBlocked(): boolean {
    return this.pending >= BLOCKED_BYTES;
  }

  /** Resolves when everything is written or the connection has failed. */
  drained(): Promise<void> {
    if (this.pending === 0 || this.#hasFailed) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /**
   * Holds SETTINGS and WINDOW_UPDATE back until the next other frame, {@link release}, or a short time.
   * Otherwise the system may delay the next small write until the client has acknowledged these frames.
   */
  hold(): void {
    this.#holdTimer = setTimeout(() => this.release(), HOLD_MS);
  }

  /** Writes the frames that {@link hold} held back. */
  release(): void {
    this.stop();
    if (this.#end > 0 && !this.#isFlushing) this.#begin();
  }

  /** Ends the wait for other frames, because the connection has ended. */
  stop(): void {
    clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
  }

  /** Adds a frame whose payload consists of 32-bit numbers, such as WINDOW_UPDATE. */
  numbers(type: number, stream: number, ...values: readonly number[]): void {
    let at = this.#head(type, { length: values.length * 4, flags: 0, stream });
    for (const value of values) {
      this.#uint32(value, at);
      at += 4;
    }
  }

  /** Adds a SETTINGS frame with these values. */
  settings(values: readonly (readonly [identifier: number, value: number])[]): void {
    let at = this.#head(FRAME.settings, { length: values.length * 6, flags: 0, stream: 0 });
    for (const [identifier, value] of values) {
      const bytes = this.#bytes ?? new Uint8Array();
      bytes[at] = 0;
      bytes[at + 1] = identifier;
      this.#uint32(value, at + 2);
      at += 6;
    }
  }

  /** Adds an acknowledgement of SETTINGS or PING. `payload` is the payload of the acknowledged frame. */
  acknowledge(type: number, payload: Uint8Array): void {
    const at = this.#head(type, { length: payload.length, flags: FLAG.ack, stream: 0 });
    this.#bytes?.set(payload, at);
  }

  /** Adds the head of a response: HEADERS, and CONTINUATION if the block is long. */
  headers(stream: number, block: Uint8Array, { endsStream }: { endsStream: boolean }): void {
    let type: number = FRAME.headers;
    for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
      const part = block.subarray(at, at + MAX_FRAME_BYTES);
      const isLast = at + part.length === block.length;
      const flags = (isLast ? FLAG.endHeaders : 0) | (at === 0 && endsStream ? FLAG.endStream : 0);
      const payload = this.#head(type, { length: part.length, flags, stream });
      this.#bytes?.set(part, payload);
      type = FRAME.continuation;
    }
  }

  /** Adds a DATA frame with this payload. */
  data(stream: number, payload: Uint8Array, { endsStream }: { readonly endsStream: boolean }): void {
    const flags = endsStream ? FLAG.endStream : 0;
    const at = this.#head(FRAME.data, { length: payload.length, flags, stream });
    this.#bytes?.set(payload, at);
    this.#lastData = at - HEAD_BYTES;
    this.#lastStream = stream;
  }

  /**
   * Ends a response. If its last frame is not written yet, sets the flag in this frame. Otherwise adds an
   * empty DATA frame.
   */
  endData(stream: number): void {
    if (this.#lastData !== -1 && this.#lastStream === stream && this.#bytes !== undefined) {
      this.#bytes[this.#lastData + 4] = FLAG.endStream;
    } else this.#head(FRAME.data, { length: 0, flags: FLAG.endStream, stream });
  }

  /** Adds the header of a frame and space for its payload. Returns the position of the payload. */
  #head(
    type: number,
    { length, flags, stream }: { readonly length: number; readonly flags: number; readonly stream: number },
  ): number {
    const at = this.#end;
    const end = at + HEAD_BYTES + length;
    const bytes = this.#room(end);
    bytes[at] = length >> 16;
    bytes[at + 1] = length >> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = type;
    bytes[at + 4] = flags;
    this.#uint32(stream, at + 5);
    this.#end = end;
    this.#lastData = -1;
    const mayWait = this.#holdTimer !== undefined && (type === FRAME.settings || type === FRAME.window);
    if (!this.#isFlushing && !mayWait) this.#begin();
    return at + HEAD_BYTES;
  }

  #uint32(value: number, at: number): void {
    const bytes = this.#bytes ?? new Uint8Array();
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #room(end: number): Uint8Array {
    const bytes = this.#bytes ??= spare.pop() ?? new Uint8Array(CAPACITY);
    if (end <= bytes.length) return bytes;
    const roomier = new Uint8Array(Math.max(end, bytes.length * 2));
    roomier.set(bytes.subarray(0, this.#end));
    keep(bytes);
    return this.#bytes = roomier;
  }

  #begin(): void {
    this.stop();
    this.#isFlushing = true;
    void this.#flush();
  }

  /** Writes all frames. Frames that are added during a write are sent by the next write. */
  async #flush(): Promise<void> {
    // Responses that are ready at the same time can add their frames before the write.
    await null;
    try {
      while (this.#end > 0 && !this.#hasFailed) await this.#write();
    } catch {
      this.#hasFailed = true;
    }
    this.#isFlushing = false;
    if (this.#hasFailed) {
      this.#end = 0;
      this.#parts.onFailed();
    }
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  async #write(): Promise<void> {
    const bytes = this.#bytes ?? new Uint8Array();
    const length = this.#end;
    this.#bytes = undefined;
    this.#end = 0;
    this.#writing = length;
    this.#lastData = -1;
    const { connection, stall, onWritten } = this.#parts;
    for (let sent = 0; sent < length;) {
      stall.begin();
      const count = await connection.write(bytes.subarray(sent, length));
      stall.end();
      sent += count;
      this.#writing -= count;
      const others = this.#turn.count(count);
      if (others !== undefined) await others;
    }
    keep(bytes);
    onWritten();
  }
}

function keep(bytes: Uint8Array): void {
  if (bytes.length === CAPACITY && spare.length < MAX_SPARE) spare.push(bytes);
}
