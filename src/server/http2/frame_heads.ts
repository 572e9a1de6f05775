/** Bytes of a frame's head (RFC 9113, 4.1): three of length, one of type, one of flags, four of the stream. */
export const HEAD_BYTES = 9;

/** Types of frames that the proxy looks at (RFC 9113, 6). */
export const FRAME = { data: 0, headers: 1, reset: 3, continuation: 9 } as const;

/** Flags of frames (RFC 9113, 6). */
export const FLAG = { endStream: 0x01, endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const;

/** The head of a frame. */
export interface FrameHead {
  /** Bytes of the payload. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

/** Collects the heads of frames from bytes that come in pieces of any length. */
export class FrameHeads {
  /** The bytes of the present head. They may be changed before they are sent on. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(HEAD_BYTES);
  #count = 0;

  /** Whether a part of a head has come. */
  get isWithin(): boolean {
    return this.#count > 0;
  }

  /** Takes the next byte. Gives the head when it is complete. */
  next(byte: number): FrameHead | undefined {
    this.bytes[this.#count++] = byte;
    if (this.#count < HEAD_BYTES) return undefined;
    this.#count = 0;
    const view = new DataView(this.bytes.buffer);
    return {
      length: view.getUint32(0) >>> 8,
      type: view.getUint8(3),
      flags: view.getUint8(4),
      stream: view.getUint32(5) & 0x7fffffff,
    };
  }
}
