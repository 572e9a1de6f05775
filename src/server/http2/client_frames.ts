import { FLAG, FRAME, type FrameHead, FrameHeads, HEAD_BYTES } from "./frame_heads.ts";
import { HeaderBlockScan } from "./header_block_scan.ts";

/** The field by which the proxy tells itself which stream a request came on. No client's value is ever believed. */
export const STREAM_FIELD = "x-llm-proxy-stream";
/** What no peer may send in one frame, as long as it is not allowed more (RFC 9113, 6.5.2). */
const MAX_FRAME_BYTES = 16_384;
/** Within any part of a header block this is an error, or leaves it unfinished. */
const FILLER = 0xff;

/** What the frames of a client say. */
export interface ClientFramesEvents {
  /** The client has reset a stream. */
  readonly onReset: (stream: number) => void;
  /** A header block has more fields than {@link ClientFrames} allows. */
  readonly onTooManyFields: () => void;
}

/** A header block that has begun. */
interface Block {
  readonly scan: HeaderBlockScan;
  readonly stream: number;
  /** The block begins a request. Otherwise it holds trailers. */
  readonly isRequest: boolean;
}

/**
 * Passes a client's frames on to the runtime, and adds to the header block of each request the number of its stream,
 * which the runtime does not tell: one literal field, which changes no table of HPACK. Also counts what the frames cost
 * to read.
 */
export class ClientFrames {
  readonly #events: ClientFramesEvents;
  readonly #maxBlockFields: () => number;
  readonly #heads = new FrameHeads();
  #frame: FrameHead | undefined;
  /** Bytes of the present payload that are still to come. */
  #left = 0;
  #lastStream = 0;
  #block: Block | undefined;
  /** Bytes of the present payload before and behind the header block: priority and padding. */
  #before = 0;
  #behind = 0;
  /** The head of a padded frame, which waits for the length of the padding. */
  #heldHead: FrameHead | undefined;
  /** The field that belongs into the present frame, behind the block. */
  #field: Uint8Array | undefined;
  #cost = 0;
  /** The runtime gets something else than what has come in the present piece. */
  #isChanged = false;

  /** `maxBlockFields`: what a block of more fields costs to decode is not known before it is decoded. */
  constructor(events: ClientFramesEvents, { maxBlockFields }: { maxBlockFields: () => number }) {
    this.#events = events;
    this.#maxBlockFields = maxBlockFields;
  }

  /** Gives what the frames since the last call cost: one for each frame and for each field. */
  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }

  /** Takes the next bytes behind the client's preface. Gives what the runtime gets in their place. */
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
    // Most pieces are of bodies, and go on as they are.
    return this.#isChanged || this.#heads.isWithin || this.#heldHead !== undefined ? joined(out) : bytes;
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
      // The runtime has to see that the frame is too short.
      if (isPadded || length < this.#before) this.#block = undefined;
    } else if (type !== FRAME.continuation || stream !== this.#block?.stream) this.#block = undefined;
    this.#sendHead(head, out);
  }

  /** The first byte of a padded frame has come. */
  #padded(head: FrameHead, padding: number, out: Uint8Array[]): void {
    this.#heldHead = undefined;
    this.#left--;
    this.#behind = padding;
    // The runtime has to see that the padding is longer than its frame.
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
      // What does not fit into the frame goes into another one.
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
    // Padding is at the end of the frame, of which some may not have come.
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

  /** Adds the field behind the last byte of the block, and before the padding. */
  #endBlock(out: Uint8Array[]): void {
    const field = this.#field;
    if (field === undefined || (this.#frame?.length ?? 0) + field.length > MAX_FRAME_BYTES) return;
    this.#field = undefined;
    this.#isChanged = true;
    // A block that breaks off has to stay broken.
    out.push(this.#block?.scan.isWhole === true ? field : new Uint8Array(field.length).fill(FILLER));
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

/** A literal field that is not indexed (RFC 7541, 6.2.2). */
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

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
