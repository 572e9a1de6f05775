import { ConnectionError, ERROR, FLAG, FRAME, HEAD_BYTES, MAX_FRAME_BYTES, protocolError } from "./frames.ts";

/**
 * The size of the buffer for a connection that sends little, in bytes. A connection that sends much gets
 * {@link ROOMY_BYTES}.
 */
const SMALL_BYTES = 4 * 1024;
const ROOMY_BYTES = 64 * 1024;
/**
 * The longest header block, in bytes. It is longer than the limit of heads, so that a head above the limit
 * gets a response.
 */
const MAX_BLOCK_BYTES = 256 * 1024;
/** The bytes of the priority in a HEADERS frame (RFC 9113, 6.2). */
const PRIORITY_BYTES = 5;

/** The functions that {@link FrameInput} calls with the frames. */
export interface FrameReader {
  /** Takes a frame that is neither DATA nor a part of a header block. Its length is valid. */
  readonly frame: (type: number, frame: { stream: number; isAck: boolean; payload: DataView }) => void;
  /** Takes the content of a DATA frame. `length` is the length with the padding. */
  readonly data: (stream: number, bytes: Uint8Array, frame: { length: number; ends: boolean }) => void;
  /** Takes a complete header block. */
  readonly headers: (
    stream: number,
    block: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
    frame: { ends: boolean; dependsOnItself: boolean },
  ) => void;
  /** Called when a PRIORITY frame makes a stream depend on itself. */
  readonly dependsOnItself: (stream: number) => void;
  /** Called when the buffers have grown or shrunk. */
  readonly onResize: () => void;
}

/** A header block whose end has not arrived. */
interface Block {
  readonly stream: number;
  readonly ends: boolean;
  readonly dependsOnItself: boolean;
  bytes: Uint8Array;
  length: number;
}

/** Reads the frames of a client from bytes that arrive in pieces of any length (RFC 9113, 4). */
export class FrameInput {
  /** Whether the buffer may grow for a client that sends much. */
  isRoomy = false;
  readonly #reader: FrameReader;
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #lastCount = 0;
  #block: Block | undefined;

  constructor(reader: FrameReader) {
    this.#reader = reader;
  }

  /** The memory that exceeds the buffer of every connection, in bytes. */
  get extraBytes(): number {
    return this.#buffer.length - SMALL_BYTES + (this.#block?.bytes.length ?? 0);
  }

  /** Returns the space for the next bytes. Call {@link arrived} after the read. */
  space(): Uint8Array {
    const held = this.#end - this.#start;
    let size = this.#buffer.length;
    if (held === 0) {
      if (this.isRoomy && this.#lastCount === size) size = ROOMY_BYTES;
      else if (this.#lastCount <= SMALL_BYTES / 2) size = SMALL_BYTES;
    } else if (held >= HEAD_BYTES) size = Math.max(size, this.#frameLength());
    if (size !== this.#buffer.length) {
      const other = new Uint8Array(size);
      other.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = other;
      this.#reader.onResize();
    } else if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = held;
    return this.#buffer.subarray(held);
  }

  /** Returns space for bytes that are discarded. */
  scratch(): Uint8Array {
    return this.#buffer;
  }

  /** Reads the frames in the bytes that have arrived in {@link space}. Throws a {@link ConnectionError}. */
  arrived(count: number): void {
    this.#lastCount = this.#end === 0 ? count : 0;
    this.#end += count;
    while (this.#end - this.#start >= HEAD_BYTES) {
      const length = this.#frameLength();
      if (length - HEAD_BYTES > MAX_FRAME_BYTES) {
        throw new ConnectionError(ERROR.frameSize, "a frame too long");
      }
      if (this.#end - this.#start < length) return;
      const start = this.#start;
      this.#start += length;
      this.#frame(start, length - HEAD_BYTES);
    }
  }

  /** Returns the length of the first frame in the buffer, with its header. */
  #frameLength(): number {
    const bytes = this.#buffer;
    const at = this.#start;
    return HEAD_BYTES + ((bytes[at] ?? 0) << 16 | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0));
  }

  #frame(head: number, length: number): void {
    const bytes = this.#buffer;
    const type = bytes[head + 3] ?? 0;
    const flags = bytes[head + 4] ?? 0;
    const stream = uint32(bytes, head + 5) & 0x7fff_ffff;
    const start = head + HEAD_BYTES;
    const end = start + length;
    if (this.#block !== undefined && type !== FRAME.continuation) {
      throw protocolError("another frame within a header block");
    }
    switch (type) {
      case FRAME.data:
        return this.#data({ flags, stream, start, end });
      case FRAME.headers:
        return this.#headers({ flags, stream, start, end });
      case FRAME.continuation:
        return this.#continuation({ flags, stream, start, end });
      case FRAME.push:
        throw protocolError("PUSH_PROMISE of a client");
      case FRAME.priority:
        if (stream === 0 || length !== PRIORITY_BYTES) throw protocolError("an invalid PRIORITY");
        if ((uint32(bytes, start) & 0x7fff_ffff) === stream) this.#reader.dependsOnItself(stream);
        break;
      default:
        checkFrame(type, { stream, length, isAck: (flags & FLAG.ack) !== 0 });
    }
    this.#reader.frame(type, {
      stream,
      isAck: (flags & FLAG.ack) !== 0,
      payload: new DataView(bytes.buffer, start, length),
    });
  }

  #data({ flags, stream, start, end }: FrameParts): void {
    if (stream === 0) throw protocolError("DATA without a stream");
    const content = unpadded(this.#buffer, { flags, start, end });
    this.#reader.data(stream, this.#buffer.subarray(content.start, content.end), {
      length: end - start,
      ends: (flags & FLAG.endStream) !== 0,
    });
  }

  #headers({ flags, stream, start, end }: FrameParts): void {
    if (stream % 2 === 0) throw protocolError("HEADERS on a stream that no client begins");
    const content = unpadded(this.#buffer, { flags, start, end });
    let dependsOnItself = false;
    if ((flags & FLAG.priority) !== 0) {
      if (content.end - content.start < PRIORITY_BYTES) throw protocolError("HEADERS that are too short");
      dependsOnItself = (uint32(this.#buffer, content.start) & 0x7fff_ffff) === stream;
      content.start += PRIORITY_BYTES;
    }
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      this.#reader.headers(stream, { bytes: this.#buffer, ...content }, { ends, dependsOnItself });
      return;
    }
    const bytes = this.#buffer.slice(content.start, content.end);
    this.#block = { stream, ends, dependsOnItself, bytes, length: bytes.length };
    this.#reader.onResize();
  }

  #continuation({ flags, stream, start, end }: FrameParts): void {
    const block = this.#block;
    if (block === undefined || block.stream !== stream) throw protocolError("CONTINUATION without a block");
    const length = block.length + end - start;
    if (length > MAX_BLOCK_BYTES) throw new ConnectionError(ERROR.enhanceYourCalm, "a block too long");
    if (length > block.bytes.length) {
      const roomier = new Uint8Array(Math.max(length, 2 * block.bytes.length));
      roomier.set(block.bytes.subarray(0, block.length));
      block.bytes = roomier;
      this.#reader.onResize();
    }
    block.bytes.set(this.#buffer.subarray(start, end), block.length);
    block.length = length;
    // The frame also counts for the limit of frames.
    this.#reader.frame(FRAME.continuation, { stream, isAck: false, payload: EMPTY });
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    const { ends, dependsOnItself, bytes } = block;
    this.#reader.headers(stream, { bytes, start: 0, end: length }, { ends, dependsOnItself });
    this.#reader.onResize();
  }
}

const EMPTY = new DataView(new ArrayBuffer(0));

/** A frame in the buffer: its payload begins at `start`. */
interface FrameParts {
  readonly flags: number;
  readonly stream: number;
  readonly start: number;
  readonly end: number;
}

/** Returns the range of the content of a frame, without its padding. */
function unpadded(
  bytes: Uint8Array,
  { flags, start, end }: Pick<FrameParts, "flags" | "start" | "end">,
): { start: number; end: number } {
  if ((flags & FLAG.padded) === 0) return { start, end };
  const padding = bytes[start] ?? 0;
  if (start === end || start + 1 + padding > end) throw protocolError("more padding than payload");
  return { start: start + 1, end: end - padding };
}

/** Checks the stream and the length of a frame whose payload has a fixed form. */
function checkFrame(
  type: number,
  { stream, length, isAck }: { readonly stream: number; readonly length: number; readonly isAck: boolean },
): void {
  switch (type) {
    case FRAME.reset:
      if (stream === 0 || length !== 4) throw protocolError("an invalid RST_STREAM");
      return;
    case FRAME.settings:
      if (stream !== 0 || length % 6 !== 0 || isAck && length > 0) throw protocolError("invalid SETTINGS");
      return;
    case FRAME.ping:
      if (stream !== 0 || length !== 8) throw protocolError("an invalid PING");
      return;
    case FRAME.goaway:
      if (length < 8) throw protocolError("an invalid GOAWAY");
      return;
    case FRAME.window:
      if (length !== 4) throw protocolError("an invalid WINDOW_UPDATE");
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 24 | (bytes[at + 1] ?? 0) << 16 | (bytes[at + 2] ?? 0) << 8 |
    (bytes[at + 3] ?? 0);
}
