/** A strict reader for the heads of HTTP/1.1 messages (RFC 9112, 2 to 5). */

import { withoutBlanks } from "./blanks.ts";
import type { Field } from "./fields.ts";
import { type Framing, separateFraming } from "./framing.ts";
import { decodeLatin1 } from "./latin1.ts";
import type { ConnectionReader } from "./reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "./syntax_error.ts";
import { isToken } from "./token.ts";

/** The head of a message: its first line, its fields without framing fields, and the framing of its body. */
export interface Head {
  readonly startLine: string;
  readonly fields: Field[];
  readonly framing: Framing;
}

/** A head is longer than its limits, or has more fields. */
export class HeadTooLarge extends HttpSyntaxError {}

/** The limits that a head is read within. */
export interface HeadLimits {
  /** The length in bytes, with the empty line. */
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
}

/** The limits for heads of upstreams and forward proxies. */
const USUAL_LIMITS: HeadLimits = { maxHeadBytes: 64 * 1024, maxHeadFields: 256 };

const CR = 13;
const LF = 10;
/** No control characters but the tab. This also rejects bare CR, LF and NUL. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The next head. Null: the peer ended the connection before the first byte. Throws an {@link
 * HttpSyntaxError}.
 */
export async function readHead(
  reader: ConnectionReader,
  { maxHeadBytes, maxHeadFields }: HeadLimits = USUAL_LIMITS,
): Promise<Head | null> {
  let end = headEnd(reader.buffered, 0);
  while (end < 0) {
    const seen = reader.buffered.length;
    if (seen >= maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
    if (reader.hasEnded()) {
      if (seen === 0) return null;
      throw new UnexpectedEnd("the connection ended within a head");
    }
    await reader.readable();
    // The last line may have been searched in part only.
    end = headEnd(reader.buffered, seen);
  }
  if (end > maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
  return parseHead(decodeLatin1(reader.take(end).subarray(0, end - 4)), maxHeadFields);
}

/** The position behind the empty line of a head, or -1. Lines end in CR LF. Throws for a bare LF. */
function headEnd(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(LF, from);
  while (at !== -1) {
    if (bytes[at - 1] !== CR) throw new HttpSyntaxError("a line that ends without CR");
    if (bytes[at - 2] === LF) return at + 1;
    at = bytes.indexOf(LF, at + 1);
  }
  return -1;
}

/** Parses the text of a head without its empty line. Throws an {@link HttpSyntaxError}. */
export function parseHead(text: string, maxFields: number): Head {
  const [startLine = "", ...lines] = text.split("\r\n");
  if (lines.length > maxFields) throw new HeadTooLarge(`more than ${maxFields} header fields`);
  return { startLine, ...separateFraming(lines.map(parseField)) };
}

/** Throws for a folded line too: its name begins with a space, which no token does. */
function parseField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (colon < 1) throw new HttpSyntaxError("a header line without a valid name");
  return checkedField(name, withoutBlanks(line, colon + 1));
}

/** Makes a field. Throws an {@link HttpSyntaxError} where its name or its value is not allowed in a head. */
export function checkedField(name: string, value: string): Field {
  if (!isToken(name)) throw new HttpSyntaxError("a header line without a valid name");
  if (!VALUE.test(value)) throw new HttpSyntaxError("a header value with control characters");
  return { name, lower: name.toLowerCase(), value };
}
