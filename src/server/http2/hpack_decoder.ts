import { withoutBlanks } from "../../http/blanks.ts";
import type { Field } from "../../http/fields.ts";
import { decodeLatin1 } from "../../http/latin1.ts";
import { isToken } from "../../http/token.ts";
import { protocolError } from "./frames.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_TABLE } from "./static_table.ts";

/** The size of the dynamic table that a client may use without an agreement (RFC 9113, 6.5.2). */
const TABLE_BYTES = 4_096;
/** The bytes that an entry of the dynamic table counts in addition to its text (RFC 7541, 4.1). */
const ENTRY_BYTES = 32;
/** The most bits of an integer after its prefix. No length needs more. */
const MOST_BITS = 28;
/**
 * The most changes of the table size before a block. A client announces the smallest size since its last
 * block, and the present size (RFC 7541, 4.2).
 */
const MAX_RESIZES = 2;
/** This number of bytes in a block counts as much work as one field. */
const BYTES_IN_COST = 256;
/** The memory of a field's object in bytes, without its text. */
const FIELD_BYTES = 96;

/** The pseudo fields of requests and responses (RFC 9113, 8.3). Others are errors. */
const PSEUDO: ReadonlySet<string> = new Set([
  ":method",
  ":scheme",
  ":authority",
  ":path",
  ":protocol",
  ":status",
]);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** A value without control characters except the tab, as in HTTP/1.1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A field with its size in the dynamic table. */
interface Entry {
  readonly field: Field;
  readonly size: number;
}

const NOTHING = new Uint8Array();
const STATIC: readonly Entry[] = STATIC_TABLE.map(([name, value]) => entryOf(name, value));

/** The limits for one header block. */
export interface BlockLimits {
  /** The most fields. A block with more fields is an error. */
  readonly maxFields: number;
  /**
   * The most bytes of names and values. In a block with more bytes, all fields except the method are left
   * out.
   */
  readonly maxBytes: number;
}

/** A header block after its decoding. */
export interface DecodedBlock {
  /** The fields in order, with the pseudo fields. Their names and values are valid. */
  readonly fields: Field[];
  /** The number of fields, including fields that were left out. */
  readonly count: number;
  /** The memory of the fields in bytes. */
  readonly heldBytes: number;
  /** The work for the block: 1 for each field, and more for long text and for entries of the table. */
  readonly cost: number;
  /** Whether fields were left out. `fields` then has only the method, if it was among the first fields. */
  readonly isTooLong: boolean;
}

/**
 * Decodes the header blocks of one connection (HPACK, RFC 7541). Each block changes the table of the decoder,
 * so all blocks have to be decoded in their order.
 */
export class HpackDecoder {
  /** The dynamic table. The newest entry is the last one. */
  readonly #table: Entry[] = [];
  #size = 0;
  #maxSize = TABLE_BYTES;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;
  /** The entries that the present block has added to the table. */
  #added = 0;

  /** Decodes a whole block. Throws a `ConnectionError` if the block or one of its fields is invalid. */
  decode(
    { bytes, start, end }: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
    { maxFields, maxBytes }: BlockLimits,
  ): DecodedBlock {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#added = 0;
    try {
      return this.#fields({ maxFields, maxBytes });
    } finally {
      // Without this, the block would stay in memory until the next one.
      this.#bytes = NOTHING;
    }
  }

  #fields({ maxFields, maxBytes }: BlockLimits): DecodedBlock {
    const start = this.#at;
    const end = this.#end;
    let fields: Field[] = [];
    let count = 0;
    let length = 0;
    let resizes = 0;
    let isTooLong = false;
    while (this.#at < end) {
      const byte = this.#byte();
      if ((byte & 0xe0) === 0x20) {
        if (count > 0) throw protocolError("a change of the table size after a field");
        if (++resizes > MAX_RESIZES) throw protocolError("too many changes of the table size");
        this.#resize(this.#integer(byte, 5));
        continue;
      }
      if (++count > maxFields) throw protocolError("too many fields");
      const { field, size } = this.#field(byte);
      // The text in the block counts, and not the value without blanks: a part of a text keeps the whole text
      // in memory.
      length += size - ENTRY_BYTES;
      if (isTooLong) continue;
      isTooLong = length > maxBytes;
      if (isTooLong) fields = fields.filter(({ name }) => name === ":method");
      else fields.push(field);
    }
    return {
      fields,
      count,
      heldBytes: isTooLong ? 0 : length + count * FIELD_BYTES,
      cost: count + this.#added + resizes + Math.floor((end - start) / BYTES_IN_COST),
      isTooLong,
    };
  }

  #field(byte: number): Entry {
    if (byte >= 0x80) return this.#entry(this.#integer(byte, 7));
    const isIndexed = byte >= 0x40;
    const index = this.#integer(byte, isIndexed ? 6 : 4);
    const name = index === 0 ? this.#text() : this.#entry(index).field.name;
    const entry = entryOf(name, this.#text());
    if (isIndexed) this.#add(entry);
    return entry;
  }

  #entry(index: number): Entry {
    const entry = index <= STATIC.length
      ? STATIC[index - 1]
      : this.#table[this.#table.length - (index - STATIC.length)];
    if (entry === undefined) throw protocolError("an index without an entry");
    return entry;
  }

  #add(entry: Entry): void {
    this.#added++;
    this.#size += entry.size;
    this.#evict();
    // An entry that is larger than the table empties it (RFC 7541, 4.4).
    if (entry.size <= this.#maxSize) this.#table.push(entry);
    else this.#size = 0;
  }

  #resize(size: number): void {
    if (size > TABLE_BYTES) throw protocolError("a table that is too large");
    this.#maxSize = size;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#maxSize) {
      const oldest = this.#table.shift();
      if (oldest === undefined) return;
      this.#size -= oldest.size;
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw protocolError("a truncated header block");
    return this.#bytes[this.#at++] ?? 0;
  }

  #integer(first: number, prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = first & most;
    if (value < most) return value;
    for (let bits = 0; bits < MOST_BITS; bits += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << bits;
      if (byte < 0x80) return value;
    }
    throw protocolError("an integer that is too long");
  }

  #text(): string {
    const first = this.#byte();
    const length = this.#integer(first, 7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw protocolError("a truncated header block");
    return first < 0x80
      ? decodeLatin1(this.#bytes, start, this.#at)
      : decodeHuffman(this.#bytes, start, this.#at);
  }
}

/** Checks a field. Throws a `ConnectionError` if its name or value is invalid. */
function entryOf(name: string, value: string): Entry {
  const isValidName = name.startsWith(":") ? PSEUDO.has(name) : NAME.test(name);
  if (!isValidName) throw protocolError("an invalid field name");
  // An invalid path is an error of its stream only, so it is checked later.
  if (name !== ":path" && !VALUE.test(value)) throw protocolError("an invalid field value");
  if (name === ":method" && !isToken(value)) throw protocolError("an invalid method");
  return {
    field: { name, lower: name, value: withoutBlanks(value) },
    size: name.length + value.length + ENTRY_BYTES,
  };
}
