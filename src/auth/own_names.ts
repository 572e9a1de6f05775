/** The proxy's own host names. An attacker can register any other name and point it at the proxy. */

/**
 * Names that cannot be registered: RFC 6761, 6762, 8375, ICANN's `.internal`, and names that routers assign.
 */
const LOCAL_NAME = /^[^.]+$|\.(?:localhost|local|lan|home\.arpa|internal)$/;
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/** The proxy's names besides IP addresses and names that cannot be registered. */
export interface OwnNames {
  /** Host names in lower case, from `allowed_hosts`. */
  readonly allowedHosts: readonly string[];
  /** The host name of this machine. `undefined` if the program may not read it. */
  readonly ownHostname: string | undefined;
}

/** Makes the test whether a `Host`, with or without a port, is one of the proxy's own names. */
export function ownNameTest({ allowedHosts, ownHostname }: OwnNames): (host: string) => boolean {
  const names = new Set([...allowedHosts, ownHostname?.toLowerCase()]);
  return (host) => {
    const name = host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
    return IPV4.test(name) || IPV6.test(name) || names.has(name) ||
      NAME.test(name) && LOCAL_NAME.test(name);
  };
}
