/** Heads of HTTP/1.1 messages, read strictly (RFC 9112, 2 to 5). */

import { withoutBlanks } from "./blanks.ts";
import type { Field } from "./fields.ts";
import { type Framing, separateFraming } from "./framing.ts";
import { decodeLatin1 } from "./latin1.ts";
import type { ConnectionReader } from "./reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "./syntax_error.ts";
import { isToken } from "./token.ts";

/** A head's first line, its fields without framing, and how its body ends. */
export interface Head {
  readonly startLine: string;
  readonly fields: Field[];
  readonly framing: Framing;
}

/** A head is longer than the limits allow. */
export class HeadTooLarge extends HttpSyntaxError {}

/** How much a head may hold. */
export interface HeadLimits {
  /** With its empty line. */
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
}

/** What heads of upstreams and proxies are read within. */
const USUAL_LIMITS: HeadLimits = { maxHeadBytes: 64 * 1024, maxHeadFields: 256 };

const CR = 13;
const LF = 10;
/** No control characters but the tab; that keeps bare CR, LF and NUL out too. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The next head; null where the peer ended before a byte of it. */
export async function readHead(
  reader: ConnectionReader,
  { maxHeadBytes, maxHeadFields }: HeadLimits = USUAL_LIMITS,
): Promise<Head | null> {
  let end = headEnd(reader.buffered, 0);
  while (end < 0) {
    const seen = reader.buffered.length;
    if (seen >= maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
    if (!await reader.fill()) {
      if (seen === 0) return null;
      throw new UnexpectedEnd("the connection ended within a head");
    }
    // The last line may have been looked at in part only.
    end = headEnd(reader.buffered, seen);
  }
  if (end > maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
  return parseHead(decodeLatin1(reader.take(end).subarray(0, end - 4)), maxHeadFields);
}

/** Where a head ends (behind its empty line), or -1. Lines end in CR LF; a bare LF is refused. */
function headEnd(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(LF, from);
  while (at !== -1) {
    if (bytes[at - 1] !== CR) throw new HttpSyntaxError("a line that ends without CR");
    if (bytes[at - 2] === LF) return at + 1;
    at = bytes.indexOf(LF, at + 1);
  }
  return -1;
}

/** A head without its empty line, as text. */
export function parseHead(text: string, maxFields: number): Head {
  const [startLine = "", ...lines] = text.split("\r\n");
  if (lines.length > maxFields) throw new HeadTooLarge(`more than ${maxFields} header fields`);
  return { startLine, ...separateFraming(lines.map(parseField)) };
}

/** A folded line begins with a space and so has no name: it is refused like every other line without one. */
function parseField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (colon < 1) throw new HttpSyntaxError("a header line without a proper name");
  return checkedField(name, withoutBlanks(line, colon + 1));
}

/** A field, if its name and its value may stand in a head. */
export function checkedField(name: string, value: string): Field {
  if (!isToken(name)) throw new HttpSyntaxError("a header line without a proper name");
  if (!VALUE.test(value)) throw new HttpSyntaxError("a header value with control characters");
  return { name, lower: name.toLowerCase(), value };
}
