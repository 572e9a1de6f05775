/**
 * The checksum of gzip (RFC 1952, 8). It is implemented here, because the runtime's implementation would load
 * all of zlib.
 */

const POLYNOMIAL = 0xedb88320;
const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? value >>> 1 ^ POLYNOMIAL : value >>> 1;
  return value;
});

/**
 * Returns the checksum of the bytes from `from` up to `to`. `before` is the checksum of the bytes before
 * them.
 */
export function crc32(
  bytes: Uint8Array,
  { from, to, before = 0 }: { from: number; to: number; before?: number },
): number {
  let value = ~before;
  for (let at = from; at < to; at++) value = value >>> 8 ^ (TABLE[(value ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  return ~value >>> 0;
}
