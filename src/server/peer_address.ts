import { plainAddress } from "../network/plain_address.ts";

/** The IP address of a client. Every way in takes it from here. Empty for a connection that is not TCP. */
export function peerAddress(address: Deno.Addr): string {
  return "hostname" in address ? plainAddress(address.hostname) : "";
}
