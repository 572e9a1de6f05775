import { concat } from "../../streams/bytes.ts";
import { FLAG, FRAME, type FrameHead, FrameHeads, HEAD_BYTES } from "./frame_heads.ts";
import { HeaderBlockScan } from "./header_block_scan.ts";

/**
 * The header in which the proxy notes the stream of a request. The proxy ignores values that clients send.
 */
export const STREAM_FIELD = "x-llm-proxy-stream";
/** The longest payload of a frame, because the runtime does not allow longer ones (RFC 9113, 6.5.2). */
const MAX_FRAME_BYTES = 16_384;
/** Several of these bytes in a row are invalid in a header block, except inside a string. */
const FILLER = 0xff;

/** What {@link ClientFrames} reports. */
export interface ClientFramesEvents {
  /** Called when the client resets a stream. */
  readonly onReset: (stream: number) => void;
  /** Called when a header block has too many fields. The connection has to be closed. */
  readonly onTooManyFields: () => void;
  /**
   * Called when a truncated block would be completed by the added bytes. The connection has to be closed.
   * Otherwise the runtime would accept a stream number of the client.
   */
  readonly onMisleading: () => void;
}

/** A header block whose end has not arrived. */
interface Block {
  readonly scan: HeaderBlockScan;
  readonly stream: number;
  /** True: the block begins a request. False: it holds trailers. */
  readonly isRequest: boolean;
}

/**
 * Forwards a client's frames to the runtime, and adds the number of the stream to the header block of each
 * request, because the runtime does not give it. The number is a literal field, which does not change HPACK's
 * dynamic table. Also counts the cost of the frames.
 */
export class ClientFrames {
  readonly #events: ClientFramesEvents;
  readonly #maxBlockFields: () => number;
  readonly #heads = new FrameHeads();
  #frame: FrameHead | undefined;
  /** The bytes of the present payload that have not arrived. */
  #left = 0;
  #lastStream = 0;
  #block: Block | undefined;
  /** The bytes of the present payload before and after the header block: priority and padding. */
  #before = 0;
  #behind = 0;
  /** The head of a padded frame, until the length of the padding has arrived. */
  #heldHead: FrameHead | undefined;
  /** The field to add after the present header block. */
  #field: Uint8Array | undefined;
  #cost = 0;
  /** Whether the runtime gets other bytes than the present piece. */
  #isChanged = false;

  /**
   * `maxBlockFields` returns the most fields of a header block. The cost of more fields is unknown before
   * decoding.
   */
  constructor(events: ClientFramesEvents, { maxBlockFields }: { maxBlockFields: () => number }) {
    this.#events = events;
    this.#maxBlockFields = maxBlockFields;
  }

  /** Returns the cost of the frames since the last call: 1 for each frame and 1 for each field. */
  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }

  /**
   * Takes the next bytes of the client, after the connection preface. Returns the bytes for the runtime. They
   * are valid as long as the argument.
   */
  pass(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const out: Uint8Array[] = [];
    this.#isChanged = this.#heads.isWithin || this.#heldHead !== undefined;
    for (let at = 0; at < bytes.length;) {
      if (this.#frame === undefined) {
        const head = this.#heads.next(bytes[at++] ?? 0);
        if (head === undefined) continue;
        this.#begin(head, out);
      } else if (this.#heldHead !== undefined) {
        this.#padded(this.#heldHead, bytes[at++] ?? 0, out);
      } else {
        const payload = bytes.subarray(at, at + this.#left);
        at += payload.length;
        this.#left -= payload.length;
        this.#payload(payload, out);
      }
      if (this.#left === 0 && this.#frame !== undefined) this.#end(this.#frame, out);
    }
    // Most pieces belong to bodies, and stay as they are.
    return this.#isChanged || this.#heads.isWithin || this.#heldHead !== undefined ? concat(out) : bytes;
  }

  #begin(head: FrameHead, out: Uint8Array[]): void {
    const { type, flags, stream, length } = head;
    this.#frame = head;
    this.#left = length;
    this.#before = this.#behind = 0;
    this.#cost++;
    if (type === FRAME.reset) this.#events.onReset(stream);
    if (type === FRAME.headers) {
      const isRequest = stream > this.#lastStream;
      if (isRequest) this.#lastStream = stream;
      this.#block = { scan: new HeaderBlockScan(), stream, isRequest };
      this.#before = (flags & FLAG.priority) === 0 ? 0 : 5;
      const isPadded = (flags & FLAG.padded) !== 0;
      if (isPadded && length > 0) {
        this.#heldHead = head;
        return;
      }
      // The frame is too short, so the runtime rejects it.
      if (isPadded || length < this.#before) this.#block = undefined;
    } else if (type !== FRAME.continuation || stream !== this.#block?.stream) this.#block = undefined;
    this.#sendHead(head, out);
  }

  /** Takes the first byte of a padded frame, the length of the padding. */
  #padded(head: FrameHead, padding: number, out: Uint8Array[]): void {
    this.#heldHead = undefined;
    this.#left--;
    this.#behind = padding;
    // The padding is longer than its frame, so the runtime rejects the frame.
    if (padding + this.#before > this.#left) this.#block = undefined;
    this.#sendHead(head, out);
    out.push(Uint8Array.of(padding));
    if (this.#left === this.#behind) this.#endBlock(out);
  }

  #sendHead({ length, flags }: FrameHead, out: Uint8Array[]): void {
    const bytes = this.#heads.bytes.slice();
    if (this.#block?.isRequest === true && (flags & FLAG.endHeaders) !== 0) {
      this.#field = streamField(this.#block.stream);
      this.#isChanged = true;
      const longer = length + this.#field.length;
      // If the field does not fit into this frame, a CONTINUATION frame follows.
      if (longer > MAX_FRAME_BYTES) bytes[4] = flags & ~FLAG.endHeaders;
      else bytes.set([longer >> 16, longer >> 8, longer]);
    }
    out.push(bytes);
  }

  #payload(payload: Uint8Array, out: Uint8Array[]): void {
    if (this.#block === undefined) {
      out.push(payload);
      return;
    }
    // The padding is at the end of the frame, and this piece may have a part of it.
    const end = payload.length - Math.max(0, Math.min(payload.length, this.#behind - this.#left));
    const begin = Math.min(this.#before, end);
    this.#before -= begin;
    const { scan } = this.#block;
    const counted = scan.fields;
    scan.pass(payload.subarray(begin, end));
    this.#cost += scan.fields - counted;
    if (scan.fields > this.#maxBlockFields()) this.#events.onTooManyFields();
    if (end > 0) out.push(payload.subarray(0, end));
    if (this.#left <= this.#behind) this.#endBlock(out);
    if (end < payload.length) out.push(payload.subarray(end));
  }

  /** Adds the field after the last byte of the block, before the padding. */
  #endBlock(out: Uint8Array[]): void {
    const field = this.#field;
    if (field === undefined || (this.#frame?.length ?? 0) + field.length > MAX_FRAME_BYTES) return;
    this.#field = undefined;
    this.#isChanged = true;
    const scan = this.#block?.scan;
    if (scan === undefined || scan.isWhole) {
      out.push(field);
      return;
    }
    // A truncated block has to stay truncated. Otherwise the runtime would believe the client's own stream
    // number.
    const filler = new Uint8Array(field.length).fill(FILLER);
    if (scan.isWholeAfter(filler)) this.#events.onMisleading();
    out.push(filler);
  }

  #end({ flags }: FrameHead, out: Uint8Array[]): void {
    const block = this.#block;
    const isLast = block !== undefined && (flags & FLAG.endHeaders) !== 0;
    if (isLast) this.#endBlock(out);
    this.#frame = undefined;
    if (!isLast) return;
    this.#block = undefined;
    const field = this.#field;
    this.#field = undefined;
    if (field !== undefined) {
      this.#isChanged = true;
      out.push(continuation(block.stream, block.scan.isWhole ? field : new Uint8Array()));
    }
  }
}

function continuation(stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint16(1, payload.length);
  view.setUint8(3, FRAME.continuation);
  view.setUint8(4, FLAG.endHeaders);
  view.setUint32(5, stream);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

/** Encodes the stream number as a literal field without indexing (RFC 7541, 6.2.2). */
function streamField(stream: number): Uint8Array {
  const value = String(stream);
  const encoder = new TextEncoder();
  return Uint8Array.of(
    0,
    STREAM_FIELD.length,
    ...encoder.encode(STREAM_FIELD),
    value.length,
    ...encoder.encode(value),
  );
}
