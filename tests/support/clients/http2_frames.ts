/** Frames of HTTP/2 and fields of HPACK, built by hand: every byte is the test's. */

/** What a client sends first (RFC 9113, 3.4). */
export const PREFACE: Uint8Array<ArrayBuffer> = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Types of frames (RFC 9113, 6). */
export const TYPES = {
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

/** A flag of DATA and HEADERS; the same bit is ACK in SETTINGS and PING. */
export const END_STREAM = 1;
/** The acknowledgement of SETTINGS or PING. */
export const ACK = 1;
/** A flag of HEADERS and CONTINUATION. */
export const END_HEADERS = 4;
/** A flag of DATA and HEADERS. */
export const PADDED = 8;
/** A flag of HEADERS: five bytes of priority come first. */
export const PRIORITY = 32;
/** The flags of a request in one frame. */
export const WHOLE = END_STREAM | END_HEADERS;

/** `:method GET` as an index of HPACK's static table. */
export const GET = 0x82;
/** `:method POST` as an index of HPACK's static table. */
export const POST = 0x83;
/** `:scheme https` as an index of HPACK's static table. */
export const HTTPS = 0x87;

/** One frame; a type that has no name is given as its number. */
export function frame(
  type: keyof typeof TYPES | number,
  flags: number,
  stream: number,
  payload: readonly number[] | Uint8Array = [],
): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  const id = [stream >> 24 & 127, stream >> 16 & 255, stream >> 8 & 255, stream & 255];
  const code = typeof type === "number" ? type : TYPES[type];
  const whole = new Uint8Array(9 + length);
  whole.set([length >> 16, length >> 8 & 255, length & 255, code, flags, ...id]);
  whole.set(payload, 9);
  return whole;
}

/** A field that is not indexed. */
export function literal(name: string, value: string): number[] {
  return [0, ...text(name), ...text(value)];
}

/** A string of HPACK without Huffman coding (RFC 7541, 5.2). */
export function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...integer(bytes.length, 7), ...bytes];
}

/** An integer of HPACK, with the bits before it at 0 (RFC 7541, 5.1). */
export function integer(value: number, prefixBits: number): number[] {
  const most = (1 << prefixBits) - 1;
  if (value < most) return [value];
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = rest >> 7) bytes.push(rest & 127 | 128);
  return [...bytes, rest];
}

/** Four bytes, the highest first. */
export function uint32(value: number): number[] {
  return [value >>> 24, value >> 16 & 255, value >> 8 & 255, value & 255];
}

/** One parameter of SETTINGS. */
export function setting(identifier: number, value: number): number[] {
  return [identifier >> 8, identifier & 255, ...uint32(value)];
}
