import { type Field, fieldValue, listHas } from "../http/fields.ts";
import type { Framing } from "../http/framing.ts";
import type { Head } from "../http/head.ts";
import { isToken } from "../http/token.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";

/** A request's head, checked. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Without framing fields. */
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** HTTP/1.1, or 1.0, which knows no chunks. */
  readonly minor: 0 | 1;
  /** Whether the client means to go on using the connection. */
  readonly persistent: boolean;
  /** The client waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
}

/** Visible characters; bytes beyond ASCII pass as they are. */
const REQUEST_LINE = /^(\S+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
/** A host name or an address with or without a port; nothing that could begin a path. */
const HOST = /^[\w.~!$&'()*+,;=:[\]%-]*$/;

/** Reads a request's head. Whatever two readers could take differently is refused (RFC 9112, 3 and 6). */
export function parseRequestHead({ startLine, fields, framing }: Head): RequestHead {
  const [, method, target, version] = REQUEST_LINE.exec(startLine) ?? [];
  if (method === undefined || target === undefined || !isToken(method)) {
    throw new HttpSyntaxError("invalid request line");
  }
  const minor = version === "1" ? 1 : 0;
  const hosts = fields.filter(({ lower }) => lower === "host");
  if (hosts.length > 1 || minor === 1 && hosts.length === 0) {
    throw new HttpSyntaxError("not exactly one host field");
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
