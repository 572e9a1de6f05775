/** The strict parser for the head of a part in a form (RFC 7578, 4). It reads the head once. */

import { isBlank, withoutBlanks } from "../http/blanks.ts";
import { encodeLatin1 } from "../http/latin1.ts";
import { TOKEN } from "../http/token.ts";

/**
 * The error for a form that is malformed by RFC 7578, or whose heads readers could understand differently.
 * `message` is the end of a sentence.
 */
export class FormSyntaxError extends Error {
  override readonly name = "FormSyntaxError";
}

/** The statements in the head of a part. */
export interface PartHead {
  readonly name: string;
  /**
   * Whether the part states the name of a file, even if only in the encoded form. Not every reader knows the
   * encoded form.
   */
  readonly isFile: boolean;
  /** Whether the part has an empty name of a file. Some readers treat it as a field, and others as a file. */
  readonly hasEmptyFilename: boolean;
  /**
   * The position of the number of the part's `content-length` in the form. `undefined` if the part has none.
   */
  readonly lengthAt: { readonly start: number; readonly end: number } | undefined;
}

/**
 * The name of a file. An escape is allowed only if no reader could see another parameter after it. curl
 * writes such escapes.
 */
const FILENAME = `"([^"\\\\]*)"|"((?:[^"\\\\;=]|\\\\["\\\\])*)"|(${TOKEN})`;
/**
 * The field `content-disposition`. Its words must be in lower case, as all clients write them, because not
 * every reader ignores capitals.
 */
const DISPOSITION = new RegExp(
  `^form-data; ?name=(?:"([^"\\\\;]*)"|(${TOKEN}))(?:; ?filename=(?:${FILENAME}))?(; ?filename\\*=[\\w'%.~-]+)?$`,
);
const PARAMETER_WITHIN = /^[^;]*;.*=/;
const CRLF = "\r\n";

const KNOWN: ReadonlySet<string> = new Set([
  "content-disposition",
  "content-type",
  "content-length",
  "content-transfer-encoding",
]);
/**
 * The transfer encodings that change nothing. RFC 7578, 4.7 deprecates them, but some clients still send
 * them.
 */
const IDENTITY = /^(?:7bit|8bit|binary)$/i;

/** Parses a head, decoded as Latin-1. `offset` is its index in the form. Throws a {@link FormSyntaxError}. */
export function parsePartHead(text: string, offset: number): PartHead {
  let disposition = "";
  let lengthAt: PartHead["lengthAt"];
  const seen = new Set<string>();
  let at = offset;
  for (const line of text.split(CRLF)) {
    const colon = line.indexOf(":");
    const lower = line.slice(0, Math.max(colon, 0)).toLowerCase();
    if (!KNOWN.has(lower)) {
      throw new FormSyntaxError("a part with a header other than its name, type and length");
    }
    if (seen.has(lower)) throw new FormSyntaxError(`a part with a repeated ${lower}`);
    seen.add(lower);
    if (hasControls(line)) throw new FormSyntaxError("a control character in a part's head");
    if (lower === "content-disposition") disposition = withoutBlanks(line, colon + 1);
    if (lower === "content-transfer-encoding" && !IDENTITY.test(withoutBlanks(line, colon + 1))) {
      throw new FormSyntaxError("a part with a transfer encoding");
    }
    if (lower === "content-length") lengthAt = digitsIn(line, colon + 1, at);
    at += line.length + CRLF.length;
  }
  const [, quoted, plain, inQuotes, escaped, token, encoded] = DISPOSITION.exec(disposition) ?? [];
  const name = quoted ?? plain;
  if (name === undefined) throw new FormSyntaxError('a part without a plain name="…"');
  const filename = inQuotes ?? escaped ?? token;
  if (filename === undefined) {
    return { name: utf8(name), isFile: encoded !== undefined, hasEmptyFilename: false, lengthAt };
  }
  // A reader that ignores quotes would read a parameter after a semicolon in the name.
  if (PARAMETER_WITHIN.test(filename)) {
    throw new FormSyntaxError("a file's name that some readers split into parameters");
  }
  utf8(filename);
  return { name: utf8(name), isFile: true, hasEmptyFilename: filename === "", lengthAt };
}

/**
 * Returns the position of the digits of a value in the form. `offset` is the index of the line in the form.
 */
function digitsIn(line: string, from: number, offset: number): PartHead["lengthAt"] {
  let start = from;
  while (isBlank(line.charCodeAt(start))) start++;
  let end = start;
  while (isDigit(line.charCodeAt(end))) end++;
  return end === start ? undefined : { start: offset + start, end: offset + end };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Whether a line has an ASCII control character other than the tab. Bytes beyond ASCII are UTF-8. */
function hasControls(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code < 0x20 && code !== 0x09 || code === 0x7f) return true;
  }
  return false;
}

/** Decodes a name, which is UTF-8 (RFC 7578, 5.1.2). */
function utf8(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(encodeLatin1(latin1));
  } catch {
    throw new FormSyntaxError("a name that is not UTF-8");
  }
}
