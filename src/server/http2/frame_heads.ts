/**
 * The length of a frame header in bytes (RFC 9113, 4.1): 3 for the length, then type, flags and 4 for the
 * stream.
 */
export const HEAD_BYTES = 9;

/** The frame types that the proxy reads (RFC 9113, 6). */
export const FRAME = { data: 0, headers: 1, reset: 3, continuation: 9 } as const;

/** The frame flags that the proxy reads (RFC 9113, 6). */
export const FLAG = { endStream: 0x01, endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const;

/** The parsed header of a frame. */
export interface FrameHead {
  /** The length of the payload in bytes. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

/** Parses frame headers from bytes that arrive in pieces of any length. */
export class FrameHeads {
  /** The bytes of the present header. The next call of {@link next} overwrites them. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(HEAD_BYTES);
  #count = 0;

  /** Whether a part of a header has arrived. */
  get isWithin(): boolean {
    return this.#count > 0;
  }

  /** Takes the next byte. Returns the header when it is complete, otherwise undefined. */
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
