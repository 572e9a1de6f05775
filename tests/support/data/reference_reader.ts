/** A second reading of HTTP/1.1 answers, for tests: the whole text at once, by the letter of the rules. */

const MAX_INTERIM = 16;
const MAX_CHUNK_LINE = 4_096;
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;
const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * The final answer to a GET with its whole body; undefined where a strict client has to refuse or to call it
 * cut.
 */
export function referenceReading(text: string): { status: number; body: string } | undefined {
  let rest = text;
  for (let interim = 0; interim <= MAX_INTERIM; interim++) {
    const head = /^(?:[^\r\n]+\r\n)+\r\n/.exec(rest)?.[0];
    if (head === undefined) return undefined;
    rest = rest.slice(head.length);
    const [statusLine = "", ...lines] = head.slice(0, -4).split("\r\n");
    if (!STATUS_LINE.test(statusLine) || !lines.every((line) => FIELD_LINE.test(line))) return undefined;
    const status = Number(statusLine.slice(9, 12));
    if (status === 101) return undefined;
    if (status < 200) continue;
    const body = bodyOf(rest, { status, lines });
    return body === undefined ? undefined : { status, body };
  }
  return undefined;
}

function bodyOf(rest: string, { status, lines }: { status: number; lines: string[] }): string | undefined {
  const values = (name: string) =>
    lines.filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
  const lengths = values("content-length");
  const codings = values("transfer-encoding");
  if (lengths.length + codings.length > 1) return undefined;
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return undefined;
  if (codings.some((coding) => !/^chunked$/i.test(coding))) return undefined;
  if (status === 204 || status === 205 || status === 304) return "";
  if (codings.length === 1) return chunksOf(rest);
  const length = lengths[0];
  if (length === undefined) return rest;
  return rest.length < Number(length) ? undefined : rest.slice(0, Number(length));
}

function chunksOf(text: string): string | undefined {
  let rest = text;
  let body = "";
  while (true) {
    const [line, digits] = /^([0-9A-Fa-f]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(rest) ?? [];
    if (line === undefined || digits === undefined || line.length > MAX_CHUNK_LINE) return undefined;
    rest = rest.slice(line.length);
    const size = parseInt(digits, 16);
    if (size === 0) return /^(?:[^\r\n\0]+\r\n)*\r\n/.test(rest) ? body : undefined;
    if (rest.slice(size, size + 2) !== "\r\n") return undefined;
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}
