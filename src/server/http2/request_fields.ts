import type { Field } from "../../http/fields.ts";
import { checkedField } from "../../http/head.ts";

/** The fields of a request over HTTP/2, in the form of a request over HTTP/1.1. */
export interface RequestFields {
  readonly method: string;
  readonly target: string;
  /** The fields, with a `host`. Repeated fields are joined. */
  readonly fields: Field[];
  /** The first `content-length`. `undefined` if the request states none. */
  readonly length: number | undefined;
}

/**
 * The characters that a path and a query may have. Earlier versions used the runtime's HTTP/2, which accepted
 * the same characters.
 */
const PATH =
  /^[\x21\x22\x24-\x3b\x3d\x40-\x5f\x61-\x7e\x80-\xff]*(?:\?[\x21\x24-\x3b\x3d\x3f-\x7e\x80-\xff]*)?$/;
/** A host with or without a port and user information. The check of the field `host` is stricter. */
const AUTHORITY = /^[\w.~!$&'()*+,;=:[\]%@-]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const LENGTH = /^\d{1,19}$/;
/** Fields of the connection, which HTTP/2 does not have (RFC 9113, 8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Separates the pseudo fields of a request from its other fields. Returns `undefined` if the request is
 * malformed (RFC 9113, 8.1.1). Its stream then has to be reset.
 */
export function requestFieldsOf(block: readonly Field[]): RequestFields | undefined {
  let method: string | undefined;
  let scheme: string | undefined;
  let path: string | undefined;
  let authority: string | undefined;
  let length: number | undefined;
  const fields: Field[] = [];
  for (const field of block) {
    const { lower, value } = field;
    if (lower.startsWith(":")) {
      if (fields.length > 0) return undefined;
      if (lower === ":method" && method === undefined) method = value;
      else if (lower === ":scheme" && scheme === undefined) scheme = value;
      else if (lower === ":path" && path === undefined) path = value;
      else if (lower === ":authority" && authority === undefined) authority = value;
      else return undefined;
      continue;
    }
    if (OF_CONNECTION.has(lower) || lower === "te" && value !== "trailers") return undefined;
    if (lower === "content-length" && length === undefined) {
      if (!LENGTH.test(value)) return undefined;
      length = Number(value);
    }
    add(fields, field);
  }
  // The proxy has no tunnels, so CONNECT needs a scheme and a path too.
  if (method === undefined || scheme === undefined || !SCHEME.test(scheme)) return undefined;
  if (authority !== undefined && !AUTHORITY.test(authority)) return undefined;
  const target = path === undefined ? undefined : targetOf(path);
  if (target === undefined) return undefined;
  if (!fields.some(({ lower }) => lower === "host")) fields.unshift(checkedField("host", authority ?? ""));
  return { method, target, fields, length };
}

/**
 * Adds a field. If there is a field with the same name, joins the values instead (RFC 9110, 5.3; for cookies
 * RFC 9113, 8.2.3).
 */
function add(fields: Field[], field: Field): void {
  const { name, lower, value } = field;
  const at = fields.findIndex((one) => one.lower === lower);
  const before = fields[at];
  if (before === undefined) fields.push(field);
  else fields[at] = { name, lower, value: `${before.value}${lower === "cookie" ? "; " : ", "}${value}` };
}

/** Returns the request target for a pseudo field `:path`. `undefined` if the path is invalid. */
function targetOf(path: string): string | undefined {
  if (path === "") return undefined;
  const fragment = path.indexOf("#");
  const text = fragment === -1 ? path : path.slice(0, fragment);
  if (!PATH.test(text)) return undefined;
  if (text === "*") return "/";
  return text.startsWith("/") ? text : `/${text}`;
}
