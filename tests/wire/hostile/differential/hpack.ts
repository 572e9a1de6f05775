/**
 * HPACK (RFC 7541) as far as tests need it: literals are written plainly, and answers are read without a
 * dynamic table.
 */

/**
 * How long the code of each byte is; codes of one length follow each other in the order of their bytes
 * (appendix B).
 */
// deno-fmt-ignore
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/** Appendix A, from index 1. */
// deno-fmt-ignore
const STATIC_TABLE: readonly (readonly [name: string, value: string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** A header field: its name in lower case, and its value in Latin-1. */
export type HpackField = readonly [name: string, value: string];

/** Bytes by their code, which is written with its length in front, since codes begin with zeros. */
const BYTES_BY_CODE = new Map<number, number>();
const CODE_STRIDE = 2 ** 32;
const LONGEST_CODE = 30;

function buildCodes(): void {
  const bytes = CODE_LENGTHS.map((length, byte) => ({ length, byte }))
    .sort((one, other) => one.length - other.length || one.byte - other.byte);
  let code = 0;
  let before = bytes[0]?.length ?? 0;
  for (const { length, byte } of bytes) {
    code *= 2 ** (length - before);
    before = length;
    BYTES_BY_CODE.set(length * CODE_STRIDE + code, byte);
    code++;
  }
}

function huffmanDecoded(bytes: Uint8Array): string {
  if (BYTES_BY_CODE.size === 0) buildCodes();
  let text = "";
  let code = 0;
  let length = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + (byte >> bit & 1);
      length++;
      const found = BYTES_BY_CODE.get(length * CODE_STRIDE + code);
      if (found !== undefined) {
        text += String.fromCharCode(found);
        code = length = 0;
      } else if (length > LONGEST_CODE) throw new RangeError("a code of HPACK that is none");
    }
  }
  return text;
}

/**
 * Reads a block of fields that was written without a dynamic table. Throws a `RangeError` where it breaks the
 * rules.
 */
export function hpackDecoded(block: Uint8Array): HpackField[] {
  const fields: HpackField[] = [];
  let at = 0;
  const octet = (): number => {
    const value = block[at++];
    if (value === undefined) throw new RangeError("a block of HPACK that is cut short");
    return value;
  };
  const integer = (first: number, prefixBits: number): number => {
    const most = 2 ** prefixBits - 1;
    let value = first & most;
    if (value < most) return value;
    for (let shift = 0;; shift += 7) {
      const next = octet();
      value += (next & 127) * 2 ** shift;
      if (next < 128) return value;
    }
  };
  const string = (): string => {
    const first = octet();
    const length = integer(first, 7);
    const bytes = block.subarray(at, at + length);
    at += length;
    return first & 128 ? huffmanDecoded(bytes) : String.fromCharCode(...bytes);
  };
  const indexed = (index: number): HpackField => {
    const field = STATIC_TABLE[index - 1];
    if (field === undefined) throw new RangeError(`the index ${index} of HPACK's dynamic table`);
    return field;
  };
  while (at < block.length) {
    const first = octet();
    if (first & 128) fields.push(indexed(integer(first, 7)));
    else if ((first & 224) === 32) integer(first, 5);
    else {
      const index = integer(first, first & 64 ? 6 : 4);
      const name = index === 0 ? string() : indexed(index)[0];
      fields.push([name, string()]);
    }
  }
  return fields;
}

/** A field as a literal without Huffman's code and without an index; the texts are Latin-1. */
export function hpackLiteral([name, value]: HpackField): number[] {
  return [0, ...stringLiteral(name), ...stringLiteral(value)];
}

function stringLiteral(text: string): number[] {
  const bytes = Array.from(text, (character) => character.charCodeAt(0));
  if (bytes.length < 127) return [bytes.length, ...bytes];
  const length = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left >>= 7) length.push(left & 127 | 128);
  return [...length, left, ...bytes];
}
