/** The strict reader of forms (RFC 7578): what two readers could understand differently is rejected. */

import { decodeLatin1, encodeLatin1 } from "../http/latin1.ts";
import { type Pause, STEP_BYTES } from "./pace.ts";
import { FormSyntaxError, parsePartHead, type PartHead } from "./part_head.ts";

export { FormSyntaxError } from "./part_head.ts";

/** One field or file of a form. */
export interface FormPart extends PartHead {
  /** The first byte of its content, and the one behind its last. */
  readonly start: number;
  readonly end: number;
}

/** RFC 2046, 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
/** A part's head is a name, a file's name and a type. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_PARTS = 1_000;
const HEAD_END = encodeLatin1("\r\n\r\n");

/**
 * The parts of a form. `pause` is awaited between them and between steps of a long one. Throws a
 * {@link FormSyntaxError}.
 */
export async function readForm(
  bytes: Uint8Array,
  { boundary, pause }: { boundary: string; pause: Pause },
): Promise<FormPart[]> {
  if (!BOUNDARY.test(boundary)) throw new FormSyntaxError("a boundary that RFC 2046 does not allow");
  const delimiter = encodeLatin1(`\r\n--${boundary}`);
  if (!startsWith(bytes, delimiter.subarray(2), 0)) {
    throw new FormSyntaxError("bytes before the first boundary");
  }
  const parts: FormPart[] = [];
  let at = delimiter.length - 2;
  while (!startsWith(bytes, CLOSE, at)) {
    if (!startsWith(bytes, LINE_END, at)) {
      throw new FormSyntaxError("a boundary that its line goes on behind");
    }
    if (parts.length === MAX_PARTS) throw new FormSyntaxError(`more than ${MAX_PARTS} parts`);
    // A head may be empty only of lines; its first one begins behind the boundary's line end.
    const headEnd = findWithin(bytes, HEAD_END, { from: at, to: at + MAX_HEAD_BYTES });
    if (headEnd === -1) throw new FormSyntaxError("a part whose head has no end");
    const start = headEnd + HEAD_END.length;
    const head = parsePartHead(decodeLatin1(bytes.subarray(at + 2, headEnd)), at + 2);
    await pause();
    const end = await find(bytes, delimiter, { from: headEnd + 2, pause });
    if (end === -1) throw new FormSyntaxError("a form that is not whole");
    if (end < start) throw new FormSyntaxError("a boundary within a part's head");
    parts.push({ ...head, start, end });
    at = end + delimiter.length;
  }
  const rest = bytes.subarray(at + CLOSE.length);
  if (rest.length > 0 && !(rest.length === 2 && startsWith(rest, LINE_END, 0))) {
    throw new FormSyntaxError("bytes behind the last boundary");
  }
  return parts;
}

const CLOSE = encodeLatin1("--");
const LINE_END = encodeLatin1("\r\n");

/** Where `wanted` stands at or behind `from`, or -1; searched in steps. */
async function find(
  bytes: Uint8Array,
  wanted: Uint8Array,
  { from, pause }: { from: number; pause: Pause },
): Promise<number> {
  for (let at = from; at < bytes.length; at += STEP_BYTES) {
    if (at > from) await pause();
    const found = findWithin(bytes, wanted, { from: at, to: at + STEP_BYTES });
    if (found !== -1) return found;
  }
  return -1;
}

/** Where `wanted` begins between two places, or -1. */
function findWithin(
  bytes: Uint8Array,
  wanted: Uint8Array,
  { from, to }: { from: number; to: number },
): number {
  const first = wanted[0] ?? 0;
  const window = bytes.subarray(0, to);
  let at = window.indexOf(first, from);
  while (at !== -1 && !startsWith(bytes, wanted, at)) at = window.indexOf(first, at + 1);
  return at;
}

function startsWith(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}
