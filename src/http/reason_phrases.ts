/**
 * The reason phrases of the statuses of the proxy's own responses (RFC 9110, 15; RFC 6585; 499 is from
 * nginx).
 */

const REASON_PHRASES = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  303: "See Other",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
} as const;

/** A status that the proxy uses in its own responses. */
export type OwnStatus = keyof typeof REASON_PHRASES;

/**
 * Returns the reason phrase of a status. Empty for a status that the proxy never uses in its own responses.
 */
export function reasonPhrase(status: number): string {
  return isOwnStatus(status) ? REASON_PHRASES[status] : "";
}

function isOwnStatus(status: number): status is OwnStatus {
  return Object.hasOwn(REASON_PHRASES, status);
}
