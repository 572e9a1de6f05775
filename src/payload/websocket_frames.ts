/**
 * Reads frames of WebSocket messages (RFC 6455, 5) while they pass. It does not store, unmask or join them.
 */

import { concat } from "../streams/bytes.ts";

/** The statements of the head of a frame (RFC 6455, 5.2). */
export interface FrameHead {
  /** Whether this is the last frame of its message. */
  readonly isFinal: boolean;
  /** Whether an extension changes the meaning of the frame. In data frames it is usually compression. */
  readonly hasReservedBits: boolean;
  readonly opcode: number;
  /** The key that masks the payload. `undefined` if the payload is not masked. */
  readonly mask: Uint8Array | undefined;
  readonly payloadBytes: number;
}

/** The opcodes of frames (RFC 6455, 5.2). */
export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const KNOWN_OPCODES: ReadonlySet<number> = new Set(Object.values(OPCODES));
/** The status codes of close frames that the proxy sends (RFC 6455, 7.4.1). */
export const CLOSE_CODES = {
  goingAway: 1001,
  protocolError: 1002,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const;

/** The rule that a frame breaks, and the status code of the close frame for its sender. */
export interface FrameViolation {
  readonly code: number;
  readonly reason: string;
}

/** Receives the parts of frames, during {@link FrameReader.pass}. */
export interface FrameListener {
  readonly onHead?: (head: FrameHead) => void;
  /** Receives a piece of a frame's payload, still masked. It is valid only during the call. */
  readonly onPayload?: (bytes: Uint8Array, head: FrameHead) => void;
  readonly onEnd?: (head: FrameHead) => void;
}

const FINAL = 0x80;
const RESERVED = 0x70;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** The lowest opcode of control frames. */
const FIRST_CONTROL = 8;

/** Reads the frames of one direction. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #listener: FrameListener;
  readonly #isStrict: boolean;
  /** The beginning of a head. It is held back until the head is complete. */
  #partial = new Uint8Array();
  #head: FrameHead | undefined;
  #left = 0;
  #messageBytes = 0;
  /** Whether the next data frame must continue a message. */
  #isWithinMessage = false;
  #violation: FrameViolation | undefined;
  #hasClosed = false;

  /**
   * With `isStrict`, a frame with an unknown opcode or in the wrong order breaks a rule. Otherwise such a
   * frame passes, and its receiver decides.
   */
  constructor(maxMessageBytes: number, listener: FrameListener = {}, { isStrict = false } = {}) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#listener = listener;
    this.#isStrict = isStrict;
  }

  /**
   * Whether the bytes that {@link pass} has returned end with a complete frame. Another frame may then
   * follow.
   */
  get isAtBoundary(): boolean {
    return this.#head === undefined;
  }

  /** Whether a close frame has begun. Its sender sends no data after it. */
  get hasClosed(): boolean {
    return this.#hasClosed;
  }

  /** The first rule that a frame broke. No bytes pass after it. */
  get violation(): FrameViolation | undefined {
    return this.#violation;
  }

  /**
   * Returns the part of the next piece that may pass. An incomplete head and a frame that breaks a rule may
   * not pass.
   */
  pass(piece: Uint8Array): Uint8Array {
    const bytes = this.#partial.length === 0 ? piece : concat([this.#partial, piece]);
    this.#partial = new Uint8Array();
    let at = 0;
    while (at < bytes.length && this.#violation === undefined) {
      if (this.#head === undefined) {
        const headBytes = headLength(bytes, at);
        if (headBytes === undefined || at + headBytes > bytes.length) {
          this.#partial = bytes.slice(at);
          break;
        }
        const head = readHead(bytes.subarray(at, at + headBytes));
        if (!this.#begins(head)) break;
        at += headBytes;
      } else {
        const part = bytes.subarray(at, at + this.#left);
        this.#listener.onPayload?.(part, this.#head);
        at += part.length;
        this.#left -= part.length;
      }
      if (this.#left === 0) this.#ends();
    }
    return bytes.subarray(0, at);
  }

  /**
   * Returns the rule that the head of a frame breaks (RFC 6455, 5.2, 5.4 and 5.5). `undefined` if it breaks
   * none.
   */
  #brokenRule({ opcode, isFinal, payloadBytes }: FrameHead): string | undefined {
    const isControl = opcode >= FIRST_CONTROL;
    if (isControl && payloadBytes > MAX_CONTROL_BYTES) return "a control frame that is too long";
    if (!this.#isStrict) return undefined;
    if (!KNOWN_OPCODES.has(opcode)) return `a frame with the reserved opcode ${opcode}`;
    if (isControl) {
      return isFinal ? undefined : "a control frame in several parts";
    }
    if (opcode === OPCODES.continuation) {
      return this.#isWithinMessage ? undefined : "a continuation without a message";
    }
    return this.#isWithinMessage ? "a message that begins within another one" : undefined;
  }

  #begins(head: FrameHead): boolean {
    const isControl = head.opcode >= FIRST_CONTROL;
    const broken = isControl || this.#isStrict ? this.#brokenRule(head) : undefined;
    if (broken !== undefined) {
      this.#violation = { code: CLOSE_CODES.protocolError, reason: broken };
      return false;
    }
    if (!isControl) {
      this.#isWithinMessage = !head.isFinal;
      const before = head.opcode === OPCODES.continuation ? this.#messageBytes : 0;
      this.#messageBytes = before + head.payloadBytes;
      if (this.#messageBytes > this.#maxMessageBytes) {
        this.#violation = {
          code: CLOSE_CODES.tooBig,
          reason: `a message longer than ${this.#maxMessageBytes} bytes`,
        };
        return false;
      }
    }
    if (head.opcode === OPCODES.close) this.#hasClosed = true;
    this.#head = head;
    this.#left = head.payloadBytes;
    this.#listener.onHead?.(head);
    return true;
  }

  #ends(): void {
    if (this.#head === undefined) return;
    this.#listener.onEnd?.(this.#head);
    this.#head = undefined;
  }
}

/** The longest payload of a control frame, in bytes (RFC 6455, 5.5). */
const MAX_CONTROL_BYTES = 125;

/** Returns the length of the head that begins at `at`. `undefined` if its second byte has not arrived. */
function headLength(bytes: Uint8Array, at: number): number | undefined {
  const second = bytes[at + 1];
  if (second === undefined) return undefined;
  const length = second & LENGTH;
  const extended = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0;
  return 2 + extended + ((second & MASKED) === 0 ? 0 : 4);
}

function readHead(bytes: Uint8Array): FrameHead {
  const [first = 0, second = 0] = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = second & LENGTH;
  const isMasked = (second & MASKED) !== 0;
  return {
    isFinal: (first & FINAL) !== 0,
    hasReservedBits: (first & RESERVED) !== 0,
    opcode: first & OPCODE,
    mask: isMasked ? bytes.slice(-4) : undefined,
    // The number is inexact beyond 2^53. That does not matter, because such a length exceeds every limit.
    payloadBytes: length === LENGTH_16
      ? view.getUint16(2)
      : length === LENGTH_64
      ? Number(view.getBigUint64(2))
      : length,
  };
}

/** Makes a close frame. The side that acts as a client must mask it. */
export function closeFrame(
  { code, reason }: FrameViolation,
  { masked }: { masked: boolean },
): Uint8Array {
  const text = new TextEncoder().encode(reason).subarray(0, MAX_CONTROL_BYTES - 2);
  const payload = new Uint8Array(2 + text.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(text, 2);
  const mask = masked ? crypto.getRandomValues(new Uint8Array(4)) : new Uint8Array();
  const head = [FINAL | OPCODES.close, (masked ? MASKED : 0) | payload.length];
  const body = payload.map((byte, index) => masked ? byte ^ (mask[index % 4] ?? 0) : byte);
  return Uint8Array.of(...head, ...mask, ...body);
}

/** Returns the payload of a frame without its mask. `offset` is the position of the bytes in the payload. */
export function unmasked(bytes: Uint8Array, mask: Uint8Array, offset: number): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    plain[at] = (bytes[at] ?? 0) ^ (mask[(offset + at) & 3] ?? 0);
  }
  return plain;
}
