/** Reads the head of a request from the web's `Request`, and rejects what `Request` cannot carry. */

import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue, listHas } from "../http/fields.ts";
import { takeFraming } from "../http/framing.ts";
import { checkedField, type HeadLimits } from "../http/head.ts";
import { decodeLatin1 } from "../http/latin1.ts";
import { HttpSyntaxError } from "../http/syntax_error.ts";
import { checkHeadSize, parseRequestHead, type RequestHead } from "./request_head.ts";

/** The methods whose body the runtime hides (https://fetch.spec.whatwg.org/#dom-request). */
const HIDDEN_BODY: readonly string[] = ["GET", "HEAD"];

/** The part of a `Request` that {@link readFetchHead} reads. */
export type FetchHead = Pick<Request, "url" | "method" | "headers">;

/**
 * Returns the head of a request, checked by the rules of HTTP/1.1. Throws an {@link HttpSyntaxError} if the
 * head breaks these rules. Throws a {@link ProxyFault} if `Request` does not carry the whole request.
 */
export function readFetchHead(
  { url, method, headers }: FetchHead,
  limits: HeadLimits,
): RequestHead {
  const received: Field[] = [];
  for (const [name, value] of headers) received.push(checkedField(name, value));
  checkHeadSize(received, limits);
  const head = parseRequestHead({
    startLine: `${method} ${targetOf(url, fieldValue(received, "host"))} HTTP/1.1`,
    framing: takeFraming(received),
    fields: received,
  });
  const { framing } = head;
  const hasBody = framing.kind === "chunked" || framing.kind === "counted" && framing.length > 0;
  if (hasBody && HIDDEN_BODY.includes(method)) throw ownServerFault(`A ${method} request with a body`);
  return head;
}

/**
 * Returns the fault for a request that only the proxy's own server can read. `what` is the subject of its
 * message.
 */
export function ownServerFault(what: string): ProxyFault {
  return new ProxyFault(
    "bad_request",
    `${what} needs the proxy's own server, which is the default: remove the setting engine = "deno", ` +
      "or start the proxy with its command instead of `deno serve`.",
  );
}

/**
 * Whether a request asks for a WebSocket. A proxy in front may have removed the header `upgrade`, so other
 * headers count too.
 */
export function asksForWebSocket(fields: readonly Field[]): boolean {
  return listHas(fieldValue(fields, "upgrade"), "websocket") ||
    fieldValue(fields, "sec-websocket-key") !== undefined;
}

/**
 * Returns the request target. The runtime joins `http://`, the header `host` and the target without a check,
 * so the target is the text after the host. Throws an {@link HttpSyntaxError} if the request has no header
 * `host`, or if its target names another host.
 */
function targetOf(url: string, host: string | undefined): string {
  if (host === undefined || host === "") throw new HttpSyntaxError("no Host header");
  const origin = `http://${host}`;
  if (!url.startsWith(`${origin}/`)) {
    throw new HttpSyntaxError("a target that is neither a path nor a URL with the host of the Host header");
  }
  const target = url.slice(origin.length);
  // The runtime decodes the target as UTF-8. Heads are text with one character for each byte.
  return /^[\x20-\x7e]*$/.test(target) ? target : decodeLatin1(new TextEncoder().encode(target));
}
