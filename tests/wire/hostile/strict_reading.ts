/** Strict readings of whole HTTP/1.1 messages, by regular expressions and apart from the proxy's own. */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const FIELD_LINES = `((?:${TOKEN}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*)`;
const REQUEST_HEAD = new RegExp(
  `^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/1\\.1\\r\\n${FIELD_LINES}\\r\\n`,
);
const ANSWER_HEAD = new RegExp(
  `^HTTP/1\\.1 ([1-5]\\d\\d) [\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n${FIELD_LINES}\\r\\n`,
);
/** What only the request's own framing may hold: no extensions, no trailers, no sizes but plain ones. */
const CHUNK_LINE = /^([0-9a-f]{1,8})\r\n/;

/** A text that is no HTTP; the message says where. */
export class NotStrict extends Error {
  override readonly name = "NotStrict";
}

/** Fields with their names in lower case. */
export type Fields = readonly (readonly [lower: string, value: string])[];

/** A request, as far as it has come. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  /** Undefined: it has not come to its end. */
  readonly body: string | undefined;
  /** What follows the request. */
  readonly rest: string;
}

/** The final answer. */
export interface ReadAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
  readonly rest: string;
}

/** All values of a field. */
export function valuesOf(fields: Fields, lower: string): string[] {
  return fields.filter(([name]) => name === lower).map(([, value]) => value);
}

/** Reads a request; undefined where its head has not come to its end. */
export function readRequest(text: string): ReadRequest | undefined {
  if (!text.includes("\r\n\r\n")) return undefined;
  const [head, method = "", target = "", lines = ""] = REQUEST_HEAD.exec(text) ?? [];
  if (head === undefined) throw new NotStrict(`no request head: ${JSON.stringify(text.slice(0, 300))}`);
  const fields = fieldsOf(lines);
  return { method, target, fields, ...bodyOf(text.slice(head.length), fields, { silent: "empty" }) };
}

/** Reads an answer to its end, past interim ones. */
export function readAnswer(text: string, method: string): ReadAnswer {
  const [head, status = "", lines = ""] = ANSWER_HEAD.exec(text) ?? [];
  if (head === undefined) throw new NotStrict(`no answer's head: ${JSON.stringify(text.slice(0, 300))}`);
  const following = text.slice(head.length);
  if (status.startsWith("1")) return readAnswer(following, method);
  const fields = fieldsOf(lines);
  const read = { status: Number(status), fields };
  if (method === "HEAD" || status === "204" || status === "304") {
    return { ...read, body: "", rest: following };
  }
  const { body, rest } = bodyOf(following, fields, { silent: "until close" });
  if (body === undefined) {
    throw new NotStrict(`an answer that is cut short: ${JSON.stringify(text.slice(-300))}`);
  }
  return { ...read, body, rest };
}

function fieldsOf(lines: string): Fields {
  return lines.split("\r\n").slice(0, -1).map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
  });
}

/** One framing at most; `silent` says what a message without any has. */
function bodyOf(
  text: string,
  fields: Fields,
  { silent }: { silent: "empty" | "until close" },
): { body: string | undefined; rest: string } {
  const lengths = valuesOf(fields, "content-length");
  const codings = valuesOf(fields, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new NotStrict("more than one framing");
  const [length] = lengths;
  const [coding] = codings;
  if (coding !== undefined) {
    if (coding !== "chunked") throw new NotStrict(`the coding ${coding}`);
    return chunksOf(text);
  }
  if (length === undefined) return silent === "empty" ? { body: "", rest: text } : { body: text, rest: "" };
  if (!/^\d+$/.test(length)) throw new NotStrict(`the length ${length}`);
  const isWhole = text.length >= Number(length);
  return isWhole
    ? { body: text.slice(0, Number(length)), rest: text.slice(Number(length)) }
    : { body: undefined, rest: "" };
}

function chunksOf(text: string): { body: string | undefined; rest: string } {
  let rest = text;
  let body = "";
  while (true) {
    const [line, digits = ""] = CHUNK_LINE.exec(rest) ?? [];
    if (line === undefined) {
      if (!/^(?:[0-9a-f]{1,8}\r?)?$/.test(rest)) throw new NotStrict(`no chunk: ${JSON.stringify(rest)}`);
      return { body: undefined, rest: "" };
    }
    rest = rest.slice(line.length);
    const size = parseInt(digits, 16);
    if (rest.length < size + 2) return { body: undefined, rest: "" };
    if (rest.slice(size, size + 2) !== "\r\n") throw new NotStrict("a trailer, or a chunk that is too long");
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
    if (size === 0) return { body, rest };
  }
}
