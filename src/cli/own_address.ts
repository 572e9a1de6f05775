/** The address of the proxy that runs on this machine with this configuration. */

import { loadAddress } from "../config/load.ts";
import type { Flags } from "../config/read/resolver.ts";
import { processSources } from "../config/sources/env.ts";
import { reachableHost } from "../network/host_port.ts";

/** A port of a proxy, and whether it speaks TLS. */
export interface ProxyAddress {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Returns the address for clients. Throws a `ConfigError` if HOST or PORT is invalid. */
export async function ownAddress(flags: Flags = {}): Promise<ProxyAddress> {
  const { host, port, tls } = await loadAddress(processSources, flags);
  return { hostname: reachableHost(host), port, tls };
}

/**
 * Returns the address of the management API: the admin port if there is one, and otherwise the main port.
 * Throws like {@link ownAddress}.
 */
export async function ownManagementAddress(flags: Flags = {}): Promise<ProxyAddress> {
  const { host, port, tls, adminPort, adminTls } = await loadAddress(processSources, flags);
  const hostname = reachableHost(host);
  return adminPort === undefined ? { hostname, port, tls } : { hostname, port: adminPort, tls: adminTls };
}
