/** A strict reader for the heads of HTTP/1.1 messages (RFC 9112, 2 to 5). */

import { withoutBlanks } from "./blanks.ts";
import type { Field } from "./fields.ts";
import { type Framing, takeFraming } from "./framing.ts";
import { decodeLatin1, encodeLatin1 } from "./latin1.ts";
import type { ConnectionReader } from "./reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "./syntax_error.ts";
import { isToken } from "./token.ts";

/**
 * The head of a message: its first line, its fields without the framing fields, and the framing of its body.
 */
export interface Head {
  readonly startLine: string;
  readonly fields: Field[];
  readonly framing: Framing;
}

/** The error if a head has more bytes or fields than its limits allow. */
export class HeadTooLarge extends HttpSyntaxError {}

/** The limits for the head of one message. */
export interface HeadLimits {
  /** The maximum length in bytes, including the empty line. */
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
}

/** The limits for heads of upstreams and forward proxies. */
const USUAL_LIMITS: HeadLimits = { maxHeadBytes: 64 * 1024, maxHeadFields: 256 };

const LINE_END = "\r\n";
/** The line ends of the last field and of the empty line. */
const EMPTY_LINE_BYTES = 4;
const CR = 13;
const LF = 10;
/** A value without control characters except the tab. So it has no bare CR, LF or NUL. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Waits for the next head, and returns it. Resolves to `null` if the peer ended the connection before the
 * first byte. Throws an {@link HttpSyntaxError}.
 */
export async function readHead(
  reader: ConnectionReader,
  limits: HeadLimits = USUAL_LIMITS,
): Promise<Head | null> {
  let searched = 0;
  while (true) {
    const head = takeHead(reader, limits, searched);
    if (head !== undefined) return head;
    searched = reader.available;
    await reader.readable();
  }
}

/**
 * Returns the next head. Returns `undefined` if more bytes are needed, and `null` if the peer ended the
 * connection before the first byte. `searched` is the number of buffered bytes in which an earlier call found
 * no end. Throws an {@link HttpSyntaxError}.
 */
export function takeHead(
  reader: ConnectionReader,
  { maxHeadBytes, maxHeadFields }: HeadLimits = USUAL_LIMITS,
  searched = 0,
): Head | null | undefined {
  const { available } = reader;
  // An earlier call may have searched only a part of the last line.
  const end = available > searched ? headEnd(reader.buffered, searched) : -1;
  if (end > maxHeadBytes || end < 0 && available >= maxHeadBytes) {
    throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
  }
  if (end >= 0) return parseHead(reader.takeText(end, EMPTY_LINE_BYTES), maxHeadFields);
  if (!reader.hasEnded()) return undefined;
  if (available === 0) return null;
  throw new UnexpectedEnd("the connection ended within a head");
}

/**
 * Returns the position after the empty line of a head. -1 if it has not arrived. Lines end in CR LF. Throws
 * for a bare LF.
 */
function headEnd(bytes: Uint8Array, from: number): number {
  // This loop costs half as much as a call of `indexOf` for each line.
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] !== LF) continue;
    if (bytes[at - 1] !== CR) throw new HttpSyntaxError("a line that ends without CR");
    if (bytes[at - 2] === LF) return at + 1;
  }
  return -1;
}

/** Parses the text of a head without its empty line. Throws an {@link HttpSyntaxError}. */
export function parseHead(text: string, maxFields: number): Head {
  let end = text.indexOf(LINE_END);
  const startLine = end === -1 ? text : text.slice(0, end);
  const fields: Field[] = [];
  while (end !== -1) {
    if (fields.length === maxFields) throw new HeadTooLarge(`more than ${maxFields} header fields`);
    const start = end + LINE_END.length;
    end = text.indexOf(LINE_END, start);
    fields.push(fieldOfLine(end === -1 ? text.slice(start) : text.slice(start, end)));
  }
  const framing = takeFraming(fields);
  return { startLine, fields, framing };
}

/**
 * Parses a header line. It also throws for a folded line: the name in it would begin with a space, which no
 * token contains.
 */
function parseField(line: string): Field {
  const colon = line.indexOf(":");
  if (colon < 1) throw new HttpSyntaxError("a header line without a valid name");
  return checkedField(line.slice(0, colon), withoutBlanks(line, colon + 1));
}

/** Makes a field. Throws an {@link HttpSyntaxError} if its name or its value is not allowed in a head. */
export function checkedField(name: string, value: string): Field {
  if (!isToken(name)) throw new HttpSyntaxError("a header line without a valid name");
  if (!VALUE.test(value)) throw new HttpSyntaxError("a header value with control characters");
  return { name, lower: name.toLowerCase(), value };
}

/**
 * Names of fields that most clients and providers repeat in every message. The reader caches such a field by
 * its line, because a look-up costs a third of parsing. The list has no header that contains a credential.
 */
const REPEATED: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "anthropic-beta",
  "anthropic-version",
  "cache-control",
  "connection",
  "content-type",
  "host",
  "openai-version",
  "server",
  "strict-transport-security",
  "transfer-encoding",
  "user-agent",
  "vary",
  "via",
  "x-app",
  "x-content-type-options",
  "x-stainless-arch",
  "x-stainless-lang",
  "x-stainless-os",
  "x-stainless-package-version",
  "x-stainless-retry-count",
  "x-stainless-runtime",
  "x-stainless-runtime-version",
  "x-stainless-timeout",
]);
const MAX_KNOWN_LINES = 512;
const MAX_KNOWN_LENGTH = 160;
const knownLines = new Map<string, Field>();

function fieldOfLine(line: string): Field {
  const known = knownLines.get(line);
  if (known !== undefined) return known;
  const parsed = parseField(line);
  if (line.length > MAX_KNOWN_LENGTH || !REPEATED.has(parsed.lower)) return parsed;
  // The line is copied, because a slice of the head would keep the whole head in memory.
  const copy = decodeLatin1(encodeLatin1(line));
  if (knownLines.size >= MAX_KNOWN_LINES) knownLines.clear();
  const field = parseField(copy);
  knownLines.set(copy, field);
  return field;
}
