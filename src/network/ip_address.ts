/** Reads IP addresses from text, and writes them (RFC 4291, RFC 5952). */

/** The four bytes of an IPv4 address, or the sixteen bytes of an IPv6 address. */
export type AddressBytes = readonly number[];

/** Decimal numbers without leading zeros, which some programs read as octal. */
const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-f]{1,4}$/i;
const IPV6_GROUPS = 8;
/** The longest text of an IPv6 address: six groups and an IPv4 address. */
const MAX_IPV6_TEXT = 45;
/** The prefix of IPv4-mapped IPv6 addresses, `::ffff:0:0/96`. */
const MAPPED: AddressBytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/** Parses a complete IP address without a zone. Returns undefined if the text is not an IP address. */
export function parseIp(text: string): AddressBytes | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): AddressBytes | undefined {
  const bytes = IPV4.exec(text)?.slice(1).map(Number);
  return bytes?.every((byte) => byte < 256) ? bytes : undefined;
}

function parseIpv6(text: string): AddressBytes | undefined {
  if (text.length > MAX_IPV6_TEXT) return undefined;
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const before = bytesOfGroups(head, { isLast: tail === undefined });
  const after = tail === undefined ? [] : bytesOfGroups(tail, { isLast: true });
  if (before === undefined || after === undefined) return undefined;
  const missing = 2 * IPV6_GROUPS - before.length - after.length;
  // A `::` replaces one group or more.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...after];
}

/** The bytes of groups with colons between them. The last group of an address may be an IPv4 address. */
function bytesOfGroups(text: string, { isLast }: { isLast: boolean }): AddressBytes | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (IPV6_GROUP.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const ipv4 = isLast && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

/** The IPv4 address in an IPv4-mapped IPv6 address (`::ffff:10.0.0.1`). Gives other addresses unchanged. */
export function withoutMapping(address: AddressBytes): AddressBytes {
  return address.length > 4 && MAPPED.every((byte, index) => byte === address[index])
    ? address.slice(MAPPED.length)
    : address;
}

/** Whether two addresses are of one version, and begin with the same `bits`. */
export function hasSamePrefix(one: AddressBytes, other: AddressBytes, bits: number): boolean {
  if (one.length !== other.length) return false;
  return one.every((byte, index) => {
    const compared = Math.min(8, Math.max(0, bits - 8 * index));
    return ((byte ^ (other[index] ?? 0)) >> 8 - compared) === 0;
  });
}

/** The eight groups of an IPv6 address, in hexadecimal digits without leading zeros. */
export function ipv6Groups(address: AddressBytes): string[] {
  return Array.from(
    { length: IPV6_GROUPS },
    (_, index) => ((address[2 * index] ?? 0) << 8 | (address[2 * index + 1] ?? 0)).toString(16),
  );
}

/** Formats an address. In IPv6, `::` replaces the first of the longest runs of zeros. */
export function ipText(address: AddressBytes): string {
  if (address.length === 4) return address.join(".");
  const groups = ipv6Groups(address);
  const runs = groups.map((_, start) => {
    const end = groups.findIndex((group, index) => index >= start && group !== "0");
    return (end === -1 ? IPV6_GROUPS : end) - start;
  });
  const longest = Math.max(...runs);
  if (longest < 2) return groups.join(":");
  const start = runs.indexOf(longest);
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + longest).join(":")}`;
}
