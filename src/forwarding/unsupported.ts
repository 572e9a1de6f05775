import type { IncomingRequest } from "../http/message.ts";

/** CONNECT asks for a tunnel to anywhere; TRACE would show the provider's key to the client. */
const REFUSED: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** Why a request cannot be forwarded as it is; undefined where it can. */
export function unsupportedReason({ method }: IncomingRequest): string | undefined {
  // Methods know capitals, but not every server does.
  return REFUSED.includes(method.toUpperCase()) ? `The method ${method} is not forwarded.` : undefined;
}
