import type { IncomingRequest } from "../http/message.ts";

/** CONNECT asks for a tunnel to any host. TRACE would show the provider's key to the client. */
const REFUSED: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** Why the proxy cannot forward a request, as a sentence for the client. `undefined` if it can. */
export function unsupportedReason({ method }: IncomingRequest): string | undefined {
  // Methods are case-sensitive, but not all servers follow that.
  return REFUSED.includes(method.toUpperCase())
    ? `The proxy does not forward the method ${method}.`
    : undefined;
}
