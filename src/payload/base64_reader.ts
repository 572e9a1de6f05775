/** Decodes base64 (RFC 4648, 4) inside a JSON string, in pieces of any size. */

const NO_DIGIT = 64;
const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const at = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(
    String.fromCharCode(byte),
  );
  return at === -1 ? NO_DIGIT : at;
});

/**
 * Decodes one string after another, and passes the bytes on. Stops at the first character that is not base64.
 */
export class Base64Reader {
  readonly #take: (bytes: Uint8Array) => void;
  #bits = 0;
  #count = 0;
  #hasEnded = false;
  #isEscaped = false;

  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
  }

  /** Decodes the next piece of the string: `bytes` from `from` up to `to`. */
  write(bytes: Uint8Array, from: number, to: number): void {
    if (this.#hasEnded) return;
    const plain = new Uint8Array(Math.ceil((to - from) * 3 / 4) + 1);
    let length = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      // Some JSON writers escape slashes.
      if (byte === BACKSLASH && !this.#isEscaped) {
        this.#isEscaped = true;
        continue;
      }
      const digit = this.#isEscaped && byte !== SLASH ? NO_DIGIT : DIGITS[byte] ?? NO_DIGIT;
      this.#isEscaped = false;
      if (digit === NO_DIGIT) {
        this.#hasEnded = true;
        break;
      }
      this.#bits = this.#bits << 6 | digit;
      this.#count += 6;
      if (this.#count < 8) continue;
      this.#count -= 8;
      plain[length++] = this.#bits >> this.#count & 0xff;
      this.#bits &= (1 << this.#count) - 1;
    }
    if (length > 0) this.#take(plain.subarray(0, length));
  }

  /**
   * Decodes the next piece of the string, up to the first quote or escape. Returns the index of the first
   * byte that it has not read.
   */
  writeText(bytes: Uint8Array, from: number, to: number): number {
    let end = from;
    while (end < to && bytes[end] !== QUOTE && bytes[end] !== BACKSLASH) end++;
    if (end > from) this.write(bytes, from, end);
    return end;
  }

  /** Ends the string. The next piece belongs to another string. */
  end(): void {
    this.#bits = 0;
    this.#count = 0;
    this.#hasEnded = false;
    this.#isEscaped = false;
  }
}
