/** The strict reader of forms (RFC 7578): what two readers could understand differently is rejected. */

import { trimmed } from "../http1/blanks.ts";
import { decodeLatin1, encodeLatin1 } from "../http1/latin1.ts";

/** What is no form by RFC 7578, or has more than plain heads. `message` ends a sentence. */
export class FormSyntaxError extends Error {
  override readonly name = "FormSyntaxError";
}

/** One field or file of a form. */
export interface FormPart {
  readonly name: string;
  /** It has the name of a file: a plain one, or an encoded one alone, which not every reader knows. */
  readonly isFile: boolean;
  /** Where the number stands of a length in the part's own head; undefined: it has none. */
  readonly lengthAt: { readonly start: number; readonly end: number } | undefined;
  /** The first byte of its content, and the one behind its last. */
  readonly start: number;
  readonly end: number;
}

/** RFC 2046, 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
/** A part's head is a name, a file's name and a type. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_PARTS = 1_000;
/** So much is searched at a stretch: a few milliseconds at worst. */
const STEP_BYTES = 128 * 1024;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** An escape is taken only where no reader could see another parameter behind it; curl writes it so. */
const FILENAME = `"([^"\\\\]*)"|"((?:[^"\\\\;=]|\\\\["\\\\])*)"|(${TOKEN})`;
/** In small letters, as all clients write it: not every reader takes capitals for the same. */
const DISPOSITION = new RegExp(
  `^form-data; ?name=(?:"([^"\\\\;]*)"|(${TOKEN}))(?:; ?filename=(?:${FILENAME}))?(; ?filename\\*=[\\w'%.~-]+)?$`,
);
const PARAMETER_WITHIN = /^[^;]*;.*=/;
const CRLF = "\r\n";
const HEAD_END = encodeLatin1("\r\n\r\n");

/** The parts of a form. `pause` is awaited between steps of a long one. Throws a {@link FormSyntaxError}. */
export async function readForm(
  bytes: Uint8Array,
  { boundary, pause }: { boundary: string; pause: () => Promise<void> },
): Promise<FormPart[]> {
  if (!BOUNDARY.test(boundary)) throw new FormSyntaxError("a boundary that RFC 2046 does not allow");
  const delimiter = encodeLatin1(`\r\n--${boundary}`);
  if (!startsWith(bytes, delimiter.subarray(2), 0)) {
    throw new FormSyntaxError("bytes before the first boundary");
  }
  const parts: FormPart[] = [];
  let at = delimiter.length - 2;
  let pausedAt = at;
  while (!startsWith(bytes, CLOSE, at)) {
    if (!startsWith(bytes, LINE_END, at)) {
      throw new FormSyntaxError("a boundary that its line goes on behind");
    }
    if (parts.length === MAX_PARTS) throw new FormSyntaxError(`more than ${MAX_PARTS} parts`);
    if (at - pausedAt > STEP_BYTES) {
      await pause();
      pausedAt = at;
    }
    // A head may be empty only of lines; its first one begins behind the boundary's line end.
    const headEnd = findWithin(bytes, HEAD_END, { from: at, to: at + MAX_HEAD_BYTES });
    if (headEnd === -1) throw new FormSyntaxError("a part whose head has no end");
    const start = headEnd + HEAD_END.length;
    const text = decodeLatin1(bytes.subarray(at + 2, headEnd));
    const head = parseHead(text);
    const lengthAt = lengthIn(text, at + 2);
    const end = await find(bytes, delimiter, { from: headEnd + 2, pause });
    if (end === -1) throw new FormSyntaxError("a form that is not whole");
    if (end < start) throw new FormSyntaxError("a boundary within a part's head");
    parts.push({ ...head, lengthAt, start, end });
    at = end + delimiter.length;
  }
  const rest = bytes.subarray(at + CLOSE.length);
  if (rest.length > 0 && !(rest.length === 2 && startsWith(rest, LINE_END, 0))) {
    throw new FormSyntaxError("bytes behind the last boundary");
  }
  return parts;
}

const CLOSE = encodeLatin1("--");
const LINE_END = encodeLatin1(CRLF);

function parseHead(text: string): Pick<FormPart, "name" | "isFile"> {
  let disposition: string | undefined;
  const seen = new Set<string>();
  for (const line of text.split(CRLF)) {
    if (hasControls(line)) throw new FormSyntaxError("a control character in a part's head");
    const colon = line.indexOf(":");
    const lower = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = trimmed(line, colon + 1);
    if (!KNOWN.has(lower)) {
      throw new FormSyntaxError("a part with a header other than its name, type and length");
    }
    if (seen.has(lower)) throw new FormSyntaxError(`a part with a repeated ${lower}`);
    seen.add(lower);
    if (lower === "content-disposition") disposition = value;
    if (lower === "content-transfer-encoding" && !IDENTITY.test(value)) {
      throw new FormSyntaxError("a part with a transfer encoding");
    }
  }
  const [, quoted, plain, inQuotes, escaped, token, encoded] = DISPOSITION.exec(disposition ?? "") ?? [];
  const name = quoted ?? plain;
  if (name === undefined) throw new FormSyntaxError('a part without a plain name="…"');
  const filename = inQuotes ?? escaped ?? token;
  if (filename === undefined) return { name: utf8(name), isFile: encoded !== undefined };
  // A reader that does not know quotes would take what follows a semicolon for a parameter.
  if (PARAMETER_WITHIN.test(filename)) {
    throw new FormSyntaxError("a file's name that some readers take for more parameters");
  }
  utf8(filename);
  return { name: utf8(name), isFile: true };
}

function lengthIn(head: string, offset: number): FormPart["lengthAt"] {
  const [line, digits] = /^content-length:[ \t]*(\d+)/im.exec(head) ?? [];
  if (line === undefined || digits === undefined) return undefined;
  const end = offset + head.indexOf(line) + line.length;
  return { start: end - digits.length, end };
}

const KNOWN: ReadonlySet<string> = new Set([
  "content-disposition",
  "content-type",
  "content-length",
  "content-transfer-encoding",
]);
/** RFC 7578, 4.7: these say that nothing is encoded; some clients still send them. */
const IDENTITY = /^(?:7bit|8bit|binary)$/i;

/** Whether a line in Latin-1 holds a control character of ASCII besides tabs; beyond ASCII it is UTF-8. */
function hasControls(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if ((code < 0x20 || code === 0x7f) && code !== 0x09) return true;
  }
  return false;
}

/** Names are UTF-8 (RFC 7578, 5.1.2). */
function utf8(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(encodeLatin1(latin1));
  } catch {
    throw new FormSyntaxError("a name that is not UTF-8");
  }
}

/** Where `wanted` stands at or behind `from`, or -1; searched in steps. */
async function find(
  bytes: Uint8Array,
  wanted: Uint8Array,
  { from, pause }: { from: number; pause: () => Promise<void> },
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
