import { type Field, fieldValue, listHas } from "../http/fields.ts";
import type { Framing } from "../http/framing.ts";
import { type Head, type HeadLimits, HeadTooLarge } from "../http/head.ts";
import { isToken } from "../http/token.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";

/** The checked head of a request. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The header fields, without those that frame the body. */
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** The minor version of HTTP/1. In HTTP/1.0 there are no chunked bodies. */
  readonly minor: 0 | 1;
  /** Whether the client wants to keep the connection open. */
  readonly persistent: boolean;
  /** Whether the client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
}

/** A request line. The target has visible characters. Bytes beyond ASCII are allowed, and stay unchanged. */
const REQUEST_LINE = /^(\S+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
/** A host name or an address, with or without a port. It has no character that could begin a path. */
const HOST = /^[\w.~!$&'()*+,;=:[\]%-]*$/;

/**
 * Parses the head of a request (RFC 9112, 3 and 6). Throws an {@link HttpSyntaxError} for a head that another
 * parser could understand differently.
 */
export function parseRequestHead({ startLine, fields, framing }: Head): RequestHead {
  const [, method, target, version] = REQUEST_LINE.exec(startLine) ?? [];
  if (method === undefined || target === undefined || !isToken(method)) {
    throw new HttpSyntaxError("invalid request line");
  }
  const minor = version === "1" ? 1 : 0;
  const hosts = fields.filter(({ lower }) => lower === "host");
  if (hosts.length > 1 || minor === 1 && hosts.length === 0) {
    throw new HttpSyntaxError("not exactly one Host header");
  }
  if (hosts[0] !== undefined && !HOST.test(hosts[0].value)) {
    throw new HttpSyntaxError("invalid Host header");
  }
  if (minor === 0 && framing.kind === "chunked") throw new HttpSyntaxError("chunks in HTTP/1.0");
  return {
    method,
    target,
    fields,
    framing,
    minor,
    persistent: minor === 1 && !listHas(fieldValue(fields, "connection"), "close"),
    expectsContinue: minor === 1 && fieldValue(fields, "expect")?.toLowerCase() === "100-continue",
  };
}

/**
 * Checks the size that fields would have in the head of an HTTP/1.1 request. Servers call it that get fields
 * from the runtime or from HTTP/2. Throws a {@link HeadTooLarge}.
 */
export function checkHeadSize(fields: readonly Field[], { maxHeadBytes, maxHeadFields }: HeadLimits): void {
  if (fields.length > maxHeadFields) throw new HeadTooLarge(`more than ${maxHeadFields} header fields`);
  const bytes = fields.reduce(
    (sum, { name, value }) => sum + name.length + value.length + ": \r\n".length,
    0,
  );
  if (bytes > maxHeadBytes) throw new HeadTooLarge(`a head of more than ${maxHeadBytes} bytes`);
}
