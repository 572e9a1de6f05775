/**
 * The length of a frame header in bytes (RFC 9113, 4.1): 3 for the length, then type, flags and 4 for the
 * stream.
 */
export const HEAD_BYTES = 9;

/** The longest payload that both sides may send without an agreement (RFC 9113, 6.5.2). */
export const MAX_FRAME_BYTES = 16_384;

/** The largest window and the largest stream number (RFC 9113, 6.9.1). */
export const MAX_31_BITS = 0x7fff_ffff;

/** The frame types (RFC 9113, 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

/** The frame flags (RFC 9113, 6). */
export const FLAG = { endStream: 0x01, ack: 0x01, endHeaders: 0x04, padded: 0x08, priority: 0x20 } as const;

/** The settings that the proxy reads or sends (RFC 9113, 6.5.2). */
export const SETTING = { enablePush: 2, maxStreams: 3, initialWindow: 4, maxFrame: 5 } as const;

/** The error codes that the proxy sends (RFC 9113, 7). */
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  enhanceYourCalm: 11,
} as const;

/**
 * The error for a client that broke the rules of HTTP/2. The proxy then ends the connection with a GOAWAY.
 */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The error code of the GOAWAY, one of {@link ERROR}. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Returns the error for frames and header blocks that break the rules. */
export function protocolError(message: string): ConnectionError {
  return new ConnectionError(ERROR.protocol, message);
}
