const MAPPED = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;

/**
 * The same IP address in the form that lists, logs and limits use. A socket for IPv6 and IPv4 gives the
 * address of an IPv4 client as `::ffff:192.0.2.1`, which becomes `192.0.2.1`. Other texts stay as they are.
 */
export function plainAddress(address: string): string {
  return address.startsWith("::") ? MAPPED.exec(address)?.[1] ?? address : address;
}
