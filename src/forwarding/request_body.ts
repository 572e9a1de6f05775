/** What a request carries, and what this proxy cannot carry. */

/**
 * The request's body, or null where it has none. A request of an unusual method has a body object in the runtime
 * even when the client sent nothing; the framing headers tell (RFC 9112, 6).
 */
export function requestBody(request: Request): ReadableStream<Uint8Array> | null {
  return announcesBody(request.headers) ? request.body : null;
}

/** Why a request cannot be forwarded as it is; undefined where it can. */
export function unsupportedReason(request: Request): string | undefined {
  const { method, headers } = request;
  if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    return `The method ${method} is not forwarded.`;
  }
  if (headers.get("upgrade")?.toLowerCase() === "websocket") {
    return "WebSocket connections are not supported by this version of the proxy.";
  }
  // The runtime keeps such a body to itself; dropping it in silence would change the request.
  if ((method === "GET" || method === "HEAD") && announcesBody(headers)) {
    return `A ${method} request with a body cannot be forwarded.`;
  }
  return undefined;
}

function announcesBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
}
