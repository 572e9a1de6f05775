/** Host names and addresses as URLs and the flags of the runtime write them. */

import { isEveryAddress } from "./listen_everywhere.ts";

/** A host as a URL writes it: an IPv6 address is in brackets. */
export function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** `127.0.0.1:33000` or `[::1]:33000`. */
export function hostAndPort(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): string {
  return `${urlHost(hostname)}:${port}`;
}

/**
 * The host to connect to for a server that listens on a host: loopback for a server that listens everywhere.
 */
export function reachableHost(host: string): string {
  return isEveryAddress(host) ? "127.0.0.1" : host;
}
