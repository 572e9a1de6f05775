import { plainAddress } from "../network/plain_address.ts";

/**
 * Returns the IP address of a client. All servers call it, so that they agree on the form. Empty for a
 * connection that is not TCP.
 */
export function peerAddress(address: Deno.Addr): string {
  return "hostname" in address ? plainAddress(address.hostname) : "";
}
