/** The head of a form's part (RFC 7578, 4), read strictly and in one pass. */

import { isBlank, withoutBlanks } from "../http/blanks.ts";
import { encodeLatin1 } from "../http/latin1.ts";
import { TOKEN } from "../http/token.ts";

/** What is no form by RFC 7578, or has more than plain heads. `message` ends a sentence. */
export class FormSyntaxError extends Error {
  override readonly name = "FormSyntaxError";
}

/** What a part says of itself. */
export interface PartHead {
  readonly name: string;
  /** It has the name of a file: a plain one, or an encoded one alone, which not every reader knows. */
  readonly isFile: boolean;
  /** Where the number stands of a length in the part's own head; undefined: it has none. */
  readonly lengthAt: { readonly start: number; readonly end: number } | undefined;
}

/** An escape is taken only where no reader could see another parameter behind it; curl writes it so. */
const FILENAME = `"([^"\\\\]*)"|"((?:[^"\\\\;=]|\\\\["\\\\])*)"|(${TOKEN})`;
/** In small letters, as all clients write it: not every reader takes capitals for the same. */
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
/** RFC 7578, 4.7: these say that nothing is encoded; some clients still send them. */
const IDENTITY = /^(?:7bit|8bit|binary)$/i;

/** Reads a head in Latin-1 that begins at a byte of the form. Throws a {@link FormSyntaxError}. */
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
  if (filename === undefined) return { name: utf8(name), isFile: encoded !== undefined, lengthAt };
  // A reader that does not know quotes would take what follows a semicolon for a parameter.
  if (PARAMETER_WITHIN.test(filename)) {
    throw new FormSyntaxError("a file's name that some readers take for more parameters");
  }
  utf8(filename);
  return { name: utf8(name), isFile: true, lengthAt };
}

/** Where the digits of a line stand that it has behind blanks. `offset` is where the line begins. */
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

/** Whether a line in Latin-1 holds a control character of ASCII besides the tab; beyond ASCII it is UTF-8. */
function hasControls(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code < 0x20 && code !== 0x09 || code === 0x7f) return true;
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
