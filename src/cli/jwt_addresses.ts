import type { AuthConfig } from "../config/config.ts";
import { connectionBy } from "../config/read/outbound_rules.ts";
import { parseOrigin } from "../forwarding/transport/dial.ts";
import { hostAndPort } from "../network/host_port.ts";

/**
 * Returns the addresses from which the proxy reads the keys of providers, as `HOST:PORT`. If an outbound
 * proxy leads to a provider, its address is in the list instead. The metadata of a provider can name another
 * host for its keys.
 */
export function jwtAddresses(auth: AuthConfig): string[] {
  const issuers = auth.mode === "token" ? auth.jwt ?? [] : [];
  return issuers.flatMap(({ issuer, keys, outbound, caCerts }) => {
    if (keys.kind === "file") return [];
    const { origin } = new URL(keys.kind === "url" ? keys.url : issuer);
    return [hostAndPort(connectionBy(outbound, { origin, caCerts }).proxy ?? parseOrigin(origin))];
  });
}
