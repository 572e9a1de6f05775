import { type Field, fieldValue } from "../../http/fields.ts";
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

/** Grows to the longest block so far. */
let block = new Uint8Array(4_096);
let at = 0;

/**
 * Encodes the head of a response (RFC 7541). No field enters a table of the client, so nothing depends on the
 * blocks before. The result is valid until the next call.
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
  for (const [position, { lower, value }] of fields.entries()) {
    if (WITHOUT.has(lower)) continue;
    if (lower === "set-cookie" || !isRepeated(fields, position)) literal(lower, value, INDEXES.get(lower));
    else if (isFirst(fields, position)) literal(lower, fieldValue(fields, lower) ?? "", INDEXES.get(lower));
  }
  if (length !== undefined) literal("content-length", String(length), INDEXES.get("content-length"));
  return block.subarray(0, at);
}

/** Whether another field has the same name. Clients may keep only one of them, so they are joined. */
function isRepeated(fields: readonly Field[], position: number): boolean {
  const lower = fields[position]?.lower;
  for (let other = 0; other < fields.length; other++) {
    if (other !== position && fields[other]?.lower === lower) return true;
  }
  return false;
}

function isFirst(fields: readonly Field[], position: number): boolean {
  return fields.findIndex(({ lower }) => lower === fields[position]?.lower) === position;
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

/** Writes a string without Huffman coding, which would cost more time than it saves bytes. */
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
