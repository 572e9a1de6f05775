import type { IncomingRequest } from "../http1/message.ts";

/** Why a request cannot be forwarded as it is; undefined where it can. */
export function unsupportedReason({ method }: IncomingRequest): string | undefined {
  // CONNECT asks for a tunnel to anywhere; TRACE would show the provider's key to the client.
  if (method === "CONNECT" || method === "TRACE" || method === "TRACK") {
    return `The method ${method} is not forwarded.`;
  }
  return undefined;
}
