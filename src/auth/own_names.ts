/** Which names are the proxy's: a page behind any other name may be an attacker's whose name was pointed at it. */

/** Names that nobody can register: RFC 6761, 6762, 8375, ICANN's `.internal`, and what routers give out. */
const LOCAL_NAME = /^[^.]+$|\.(?:localhost|local|lan|home\.arpa|internal)$/;
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/** The proxy's names besides addresses and names that nobody can register. */
export interface OwnNames {
  /** Host names, in small letters. */
  readonly allowedHosts: readonly string[];
  /** The name of this machine; undefined where it is not known. */
  readonly ownHostname: string | undefined;
}

/** Makes the test of a `Host`, with or without its port. */
export function ownNameTest({ allowedHosts, ownHostname }: OwnNames): (host: string) => boolean {
  const names = new Set([...allowedHosts, ownHostname?.toLowerCase()]);
  return (host) => {
    const name = host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
    return IPV4.test(name) || IPV6.test(name) || names.has(name) ||
      NAME.test(name) && LOCAL_NAME.test(name);
  };
}
