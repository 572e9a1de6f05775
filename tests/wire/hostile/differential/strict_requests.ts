/**
 * A strict reading of a client's bytes: which requests they hold, by the letter of RFC 9112 and apart from
 * the proxy's own.
 */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/1\\.([01])$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
/** Trailers are dropped, and so it is enough that their lines end where they seem to. */
const TRAILER_LINE = /^[^\r\n\0]+$/;

/** A request that a client has sent. */
export interface SentRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly marker: string;
  readonly contentType: string;
  /** In Latin-1, as far as it has come. */
  readonly body: string;
  /** False: its body is cut short or breaks the rules, so that no server may read it as a whole request. */
  readonly isWhole: boolean;
  /**
   * HTTP/2: its body is longer than its head says, and so many bytes may have gone on before that is seen.
   */
  readonly claimedLength?: number | undefined;
  /** False: its head breaks the rules, so that nothing of it may reach a server. */
  readonly mayBegin: boolean;
  /** The client has given it up, and may get no answer. */
  readonly isAbandoned: boolean;
  /** No server may see its body: the runtime hides it, and the request passes as one without. */
  readonly bodyMayBeHidden: boolean;
}

/** What a client's bytes hold. */
export interface SentRequests {
  /**
   * Over HTTP/1.1 all but the last one are whole; over HTTP/2 each stream is one, in the order of their
   * numbers.
   */
  readonly requests: readonly SentRequest[];
  /**
   * How it ends: between two requests, by the client's own word, within a request, or with what is no HTTP.
   */
  readonly end: "clean" | "closed" | "incomplete" | "refused";
}

/** Reads all requests of a connection's bytes. */
export function sentRequests(text: string): SentRequests {
  const requests: SentRequest[] = [];
  let rest = text;
  while (true) {
    // RFC 9112, 2.2: empty lines in front of a request line may be passed over.
    rest = rest.replace(/^(?:\r\n)+/, "");
    if (rest === "" || rest === "\r") return { requests, end: "clean" };
    const read = nextRequest(rest);
    if (typeof read === "string") return { requests, end: read };
    requests.push(read.request);
    if (read.end !== undefined) return { requests, end: read.end };
    rest = read.rest;
  }
}

interface ReadRequest {
  readonly request: SentRequest;
  readonly rest: string;
  readonly end: SentRequests["end"] | undefined;
}

function nextRequest(text: string): ReadRequest | "incomplete" | "refused" {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return isBrokenStart(text) ? "refused" : "incomplete";
  const [startLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const [, method, target, version] = REQUEST_LINE.exec(startLine) ?? [];
  if (method === undefined || target === undefined) return "refused";
  const fields: (readonly [string, string])[] = [];
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return "refused";
    fields.push([name.toLowerCase(), value.replace(/^[ \t]+|[ \t]+$/g, "")]);
  }
  const valuesOf = (wanted: string) => fields.filter(([name]) => name === wanted).map(([, value]) => value);
  const minor = version === "1" ? 1 : 0;
  const hosts = valuesOf("host").length;
  if (hosts > 1 || minor === 1 && hosts === 0) return "refused";
  const codings = valuesOf("transfer-encoding");
  const lengths = valuesOf("content-length");
  const [coding] = codings;
  const [length] = lengths;
  if (codings.length + lengths.length > 1) return "refused";
  if (coding !== undefined && (coding.toLowerCase() !== "chunked" || minor === 0)) return "refused";
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return "refused";
  const following = text.slice(headEnd + 4);
  const { body, rest, end } = coding !== undefined
    ? chunkedBody(following)
    : countedBody(following, Number(length ?? 0));
  const connection = valuesOf("connection").join(",").toLowerCase().split(",").map((name) => name.trim());
  const travels = (name: string) => connection.includes(name) ? "" : valuesOf(name).join(",");
  const closes = minor === 0 || connection.includes("close");
  return {
    request: {
      method,
      target: pathOf(target),
      marker: travels("x-marker"),
      contentType: travels("content-type"),
      body,
      isWhole: end === undefined,
      mayBegin: true,
      isAbandoned: false,
      bodyMayBeHidden: false,
    },
    rest,
    end: end ?? (closes ? "closed" : undefined),
  };
}

/** Whether a head that has no end yet breaks the rules already; it is enough that it may. */
function isBrokenStart(text: string): boolean {
  return text.replaceAll("\r\n", "").includes("\n");
}

/** The absolute form without scheme and authority. */
function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/?#]+/i, "");
}

interface ReadBody {
  readonly body: string;
  readonly rest: string;
  /** Undefined: it is whole. */
  readonly end: "incomplete" | "refused" | undefined;
}

function countedBody(text: string, length: number): ReadBody {
  return {
    body: text.slice(0, length),
    rest: text.slice(length),
    end: text.length < length ? "incomplete" : undefined,
  };
}

function chunkedBody(text: string): ReadBody {
  let rest = text;
  let body = "";
  const line = (): string | undefined => {
    const end = rest.indexOf("\r\n");
    if (end === -1) return undefined;
    const found = rest.slice(0, end);
    rest = rest.slice(end + 2);
    return found;
  };
  while (true) {
    const sizeLine = line();
    if (sizeLine === undefined) return { body, rest, end: rest.includes("\n") ? "refused" : "incomplete" };
    const digits = CHUNK_LINE.exec(sizeLine)?.[1];
    if (digits === undefined) return { body, rest, end: "refused" };
    const size = parseInt(digits, 16);
    if (size === 0) break;
    body += rest.slice(0, size);
    if (rest.length < size + 2) return { body, rest, end: "incomplete" };
    if (rest.slice(size, size + 2) !== "\r\n") return { body, rest, end: "refused" };
    rest = rest.slice(size + 2);
  }
  while (true) {
    const trailer = line();
    if (trailer === undefined) return { body, rest, end: "incomplete" };
    if (trailer === "") return { body, rest, end: undefined };
    if (!TRAILER_LINE.test(trailer)) return { body, rest, end: "refused" };
  }
}
