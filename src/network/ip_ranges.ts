/** IP addresses and CIDR ranges, and the IP address of a client behind reverse proxies. */

import {
  type AddressBytes,
  hasSamePrefix,
  ipText,
  ipv6Groups,
  parseIp,
  withoutMapping,
} from "./ip_address.ts";

/** Whether an IP address is in a list. Text that is not an IP address is in no list. */
export type AddressTest = (address: string) => boolean;

/** Whether a text is a complete IP address or CIDR range. Short forms like `10.1` are not. */
export function isAddressRange(text: string): boolean {
  return rangeOf(text) !== undefined;
}

const PRIVATE_RANGES = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "::1",
  "fc00::/7",
  "fe80::/10",
];
/** Matches names under private domains, and names without a domain. */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|lan|internal|home\.arpa|intranet)$/i;

/**
 * Whether the host of a URL is a loopback or private IP address, or a name that exists only in private
 * networks.
 */
export function isPrivateHost(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return parseIp(host) === undefined ? PRIVATE_NAME.test(host) : addressTest(PRIVATE_RANGES)(host);
}

/**
 * Makes a function that looks an IP address up in a list of addresses and CIDR ranges. Without a list, every
 * text passes. Throws if a text of the list is neither. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
 */
export function addressTest(ranges: readonly string[] | undefined): AddressTest {
  if (ranges === undefined) return () => true;
  const parsed = ranges.map((text) => {
    const range = rangeOf(text);
    if (range === undefined) throw new TypeError(`${text} is neither an IP address nor a CIDR range`);
    return range;
  });
  return (text) => {
    const address = parse(text);
    return address !== undefined &&
      parsed.some((range) => hasSamePrefix(range.address, address, range.bits));
  };
}

interface AddressRange {
  readonly address: AddressBytes;
  /** The number of bits that addresses of the range have in common. */
  readonly bits: number;
}

/** Parses an address or a CIDR range. Returns undefined if the text is neither. */
function rangeOf(text: string): AddressRange | undefined {
  const [addressText = "", bitsText, ...rest] = text.split("/");
  const address = parseIp(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const most = 8 * address.length;
  if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText)) return undefined;
  const bits = bitsText === undefined ? most : Number(bitsText);
  if (bits > most) return undefined;
  const unmapped = withoutMapping(address);
  return { address: unmapped, bits: Math.max(0, bits - most + 8 * unmapped.length) };
}

/**
 * Parses an IP address. Returns undefined if the text is not an IP address. The zone of a link-local address
 * is ignored.
 */
function parse(text: string): AddressBytes | undefined {
  const address = parseIp(text.split("%", 1)[0] ?? "");
  return address && withoutMapping(address);
}

/**
 * The IP address of the client behind reverse proxies: the last address in `x-forwarded-for` that is not a
 * trusted proxy, because the client can forge the addresses before it. If the peer is not a trusted proxy,
 * this is the address of the peer. `unknown` if a trusted proxy sent something else than an IP address.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  isTrusted: AddressTest,
): string {
  let address = peer;
  const hops = forwardedFor?.split(",").map((hop) => hop.trim()) ?? [];
  while (isTrusted(address)) {
    const hop = hops.pop();
    if (hop === undefined || hop === "") return address;
    const before = withoutPort(hop);
    // Some proxies write `unknown` or an obfuscated name (RFC 7239) instead of an address.
    if (parse(before) === undefined) return UNKNOWN_ADDRESS;
    // A zone has a meaning only on the machine that wrote it, and can be any text.
    address = before.split("%", 1)[0] ?? before;
  }
  return address;
}

/** The address of an unknown client, which is in no list. */
const UNKNOWN_ADDRESS = "unknown";

/** Removes a port and brackets: some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
}

/** The four or sixteen bytes of an IP address. Throws if the text is not one. */
export function parseAddress(text: string): AddressBytes {
  const address = parseIp(text);
  if (address === undefined) throw new TypeError(`${text} is not an IP address`);
  return address;
}

/** Formats the four or sixteen bytes of an IP address. */
export function addressText(bytes: AddressBytes): string {
  return ipText(bytes);
}

/**
 * The key to count a client by: its IPv4 address, or the /64 network of its IPv6 address, which one host can
 * use.
 */
export function addressGroup(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined) return address;
  return parsed.length === 4 ? ipText(parsed) : ipv6Groups(parsed).slice(0, 4).join(":");
}
