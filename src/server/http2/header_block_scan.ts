/** The most bits after the prefix of an integer. Longer integers are errors, also for the runtime. */
const MOST_BITS = 28;

/** The meaning of an integer in a header block. */
type IntegerUse = "index" | "name" | "value" | "nothing";

/**
 * Scans a header block (HPACK, RFC 7541) without decoding it. Counts the fields, and knows whether the last
 * field is complete. The length of a block does not show the cost of decoding it: a reference of one byte can
 * mean a field of thousands of bytes.
 */
export class HeaderBlockScan {
  #fields = 0;
  #isBroken = false;
  /** The part of the block to which the next byte belongs. */
  #stage: "field" | "integer" | "name" | "value" = "field";
  #use: IntegerUse = "nothing";
  #integer = 0;
  #bits = 0;
  /** The bytes of the present string that have not arrived. */
  #left = 0;

  /** The number of fields so far, the last one included. */
  get fields(): number {
    return this.#fields;
  }

  /** Whether the block is valid so far and its last field is complete. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#stage === "field";
  }

  /** Takes the next bytes of the block. Returns whether the block is whole afterwards. */
  isWholeAfter(bytes: Uint8Array): boolean {
    this.pass(bytes);
    return this.isWhole;
  }

  /** Takes the next bytes of the block. */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isBroken;) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, bytes.length - at);
        this.#left -= count;
        at += count;
        if (this.#left === 0) this.#afterString();
        continue;
      }
      this.#byte(bytes[at++] ?? 0);
    }
  }

  #byte(byte: number): void {
    if (this.#stage === "integer") {
      this.#integer += (byte & 0x7f) * 2 ** this.#bits;
      this.#bits += 7;
      if (this.#bits > MOST_BITS) this.#isBroken = true;
      else if (byte < 0x80) this.#afterInteger();
    } else if (this.#stage === "field") {
      this.#fields++;
      if (byte >= 0x80) this.#begin("nothing", byte, 7);
      else if (byte >= 0x40) this.#begin("index", byte, 6);
      else if (byte >= 0x20) this.#begin("nothing", byte, 5);
      else this.#begin("index", byte, 4);
    } else this.#begin(this.#stage, byte, 7);
  }

  #begin(use: IntegerUse, byte: number, prefixBits: number): void {
    const most = (1 << prefixBits) - 1;
    this.#use = use;
    this.#integer = byte & most;
    this.#bits = 0;
    if (this.#integer === most) this.#stage = "integer";
    else this.#afterInteger();
  }

  #afterInteger(): void {
    if (this.#use === "nothing") this.#stage = "field";
    // With index 0, the name follows as a string.
    else if (this.#use === "index") this.#stage = this.#integer === 0 ? "name" : "value";
    else {
      this.#stage = this.#use;
      this.#left = this.#integer;
      if (this.#left === 0) this.#afterString();
    }
  }

  #afterString(): void {
    this.#stage = this.#stage === "name" ? "value" : "field";
  }
}
