import type { Field } from "../../http/fields.ts";
import { writeLatin1 } from "../../http/latin1.ts";
import { STATIC_TABLE } from "./static_table.ts";

/** Fields that HTTP/2 does not have (RFC 9113, 8.2.2). */
const WITHOUT: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** The first index of each name in the static table. */
const INDEXES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(([name], at) => [name, at + 1] as const).reverse(),
);
/** The indexes of the statuses that the table has with their value. */
const STATUSES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.flatMap(([name, value], at) => name === ":status" ? [[value, at + 1] as const] : []),
);
const STATUS_INDEX = INDEXES.get(":status") ?? 0;
/** The longest integer: the first byte and 4 with 7 bits each. */
const INTEGER_BYTES = 5;

/** A buffer that grows to the longest block so far. */
let block = new Uint8Array(4_096);
let at = 0;
/** The names of the fields of the present response. It is used again for each response. */
const names = new Set<string>();

/**
 * Encodes the head of a response (RFC 7541). It adds no field to the table of the client, so it does not
 * depend on earlier blocks. The result is valid until the next call.
 */
export function responseBlock(
  { status, fields, length }: {
    readonly status: number;
    readonly fields: readonly Field[];
    /** The `content-length` to state. `undefined` if the response states none. */
    readonly length: number | undefined;
  },
): Uint8Array {
  at = 0;
  const text = String(status);
  const index = STATUSES.get(text);
  if (index === undefined) literal(":status", text, STATUS_INDEX);
  else block[at++] = 0x80 | index;
  const values = joinedValues(fields);
  for (const { lower, value } of fields) {
    if (WITHOUT.has(lower)) continue;
    if (lower === "set-cookie" || values === undefined) literal(lower, value, INDEXES.get(lower));
    else {
      const joined = values.get(lower);
      // The first field of a name gets all values of this name.
      if (joined === undefined) continue;
      values.delete(lower);
      literal(lower, joined.length === 1 ? value : joined.join(", "), INDEXES.get(lower));
    }
  }
  if (length !== undefined) literal("content-length", String(length), INDEXES.get("content-length"));
  return block.subarray(0, at);
}

/**
 * Returns the values of each name. Clients may keep only one of several fields with the same name, so their
 * values are joined. `undefined` if no name is repeated, as in most responses.
 */
function joinedValues(fields: readonly Field[]): Map<string, string[]> | undefined {
  names.clear();
  for (const { lower } of fields) names.add(lower);
  if (names.size === fields.length) return undefined;
  const values = new Map<string, string[]>();
  for (const { lower, value } of fields) {
    const known = values.get(lower);
    if (known === undefined) values.set(lower, [value]);
    else known.push(value);
  }
  return values;
}

/** Writes a literal field without indexing (RFC 7541, 6.2.2). */
function literal(name: string, value: string, index: number | undefined): void {
  makeRoom(name.length + value.length + 3 * INTEGER_BYTES);
  if (index === undefined) {
    block[at++] = 0;
    string(name);
  } else integer(index, 4);
  string(value);
}

/** Writes a string without Huffman coding. The coding would save few bytes, and cost more time. */
function string(text: string): void {
  integer(text.length, 7);
  writeLatin1(text, block, at);
  at += text.length;
}

function integer(value: number, prefixBits: number): void {
  const most = (1 << prefixBits) - 1;
  if (value < most) {
    block[at++] = value;
    return;
  }
  block[at++] = most;
  let rest = value - most;
  for (; rest >= 0x80; rest >>= 7) block[at++] = rest & 0x7f | 0x80;
  block[at++] = rest;
}

function makeRoom(bytes: number): void {
  if (at + bytes <= block.length) return;
  const roomier = new Uint8Array(Math.max(block.length * 2, at + bytes));
  roomier.set(block);
  block = roomier;
}
