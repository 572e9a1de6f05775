/** The strict reader of forms (RFC 7578). It rejects a form that two readers could understand differently. */

import { decodeLatin1, encodeLatin1 } from "../http/latin1.ts";
import { type Pause, STEP_BYTES } from "./pace.ts";
import { FormSyntaxError, parsePartHead, type PartHead } from "./part_head.ts";

/** One field or file of a form. */
export interface FormPart extends PartHead {
  /** The index of the first byte of the content. */
  readonly start: number;
  /** The index after the last byte of the content. */
  readonly end: number;
}

/** The characters of a boundary (RFC 2046, 5.1.1). */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
/** The longest head of a part, in bytes. It has a name, the name of a file and a type. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_PARTS = 1_000;
const HEAD_END = encodeLatin1("\r\n\r\n");

/**
 * Reads the parts of a form. Awaits `pause` between parts and between steps of a long part. Throws a
 * {@link FormSyntaxError} for a malformed form.
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
      throw new FormSyntaxError("bytes after a boundary in its line");
    }
    if (parts.length === MAX_PARTS) throw new FormSyntaxError(`more than ${MAX_PARTS} parts`);
    // The search begins at the line end of the boundary. So it also finds the end of a head that has no
    // lines.
    const headEnd = findWithin(bytes, HEAD_END, { from: at, to: at + MAX_HEAD_BYTES });
    if (headEnd === -1) throw new FormSyntaxError("a part whose head does not end");
    const start = headEnd + HEAD_END.length;
    const head = parsePartHead(decodeLatin1(bytes.subarray(at + 2, headEnd)), at + 2);
    await pause();
    const end = await find(bytes, delimiter, { from: headEnd + 2, pause });
    if (end === -1) throw new FormSyntaxError("a form that is incomplete");
    if (end < start) throw new FormSyntaxError("a boundary inside of a part's head");
    // For a file that the user has not chosen, browsers send an empty name without content.
    if (head.hasEmptyFilename && end > start) throw new FormSyntaxError("a file with an empty name");
    parts.push({ ...head, start, end });
    at = end + delimiter.length;
  }
  const rest = bytes.subarray(at + CLOSE.length);
  if (rest.length > 0 && !(rest.length === 2 && startsWith(rest, LINE_END, 0))) {
    throw new FormSyntaxError("bytes after the last boundary");
  }
  return parts;
}

const CLOSE = encodeLatin1("--");
const LINE_END = encodeLatin1("\r\n");

/**
 * Returns the index of `needle` at or after `from`. -1 if it is not found. Searches in steps, with pauses.
 */
async function find(
  bytes: Uint8Array,
  needle: Uint8Array,
  { from, pause }: { from: number; pause: Pause },
): Promise<number> {
  for (let at = from; at < bytes.length; at += STEP_BYTES) {
    if (at > from) await pause();
    const found = findWithin(bytes, needle, { from: at, to: at + STEP_BYTES });
    if (found !== -1) return found;
  }
  return -1;
}

/** Returns the index of `needle` if it begins between `from` and `to`. -1 if it does not. */
function findWithin(
  bytes: Uint8Array,
  needle: Uint8Array,
  { from, to }: { from: number; to: number },
): number {
  const first = needle[0] ?? 0;
  const window = bytes.subarray(0, to);
  let at = window.indexOf(first, from);
  while (at !== -1 && !startsWith(bytes, needle, at)) at = window.indexOf(first, at + 1);
  return at;
}

function startsWith(bytes: Uint8Array, needle: Uint8Array, at: number): boolean {
  for (let index = 0; index < needle.length; index++) {
    if (bytes[at + index] !== needle[index]) return false;
  }
  return true;
}
