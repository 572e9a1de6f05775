/** A string of HPACK is at most as long as a frame; anything longer is not a string. */
const MOST_BITS = 28;

/** What an integer of HPACK that is being read says. */
type IntegerUse = "index" | "name" | "value" | "nothing";

/**
 * Follows the structure of a header block (HPACK, RFC 7541) without decoding it: counts its fields, and knows whether
 * it ends behind a whole field. A reference of one byte can stand for thousands of bytes, so that the length of a block
 * does not say what it costs to decode.
 */
export class HeaderBlockScan {
  #fields = 0;
  #isBroken = false;
  /** What the next byte is part of. */
  #stage: "field" | "integer" | "name" | "value" = "field";
  #use: IntegerUse = "nothing";
  #integer = 0;
  #bits = 0;
  /** Bytes of the present string that are still to come. */
  #left = 0;

  /** Fields that the block has by now. */
  get fields(): number {
    return this.#fields;
  }

  /** Whether the block may end here. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#stage === "field";
  }

  /** The next bytes of the block. */
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
    // Index 0: the name follows as a string.
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
