/** IP addresses and CIDR ranges, and the IP address of a client behind reverse proxies. */

import ipaddr from "ipaddr.js";
import { plainAddress } from "./plain_address.ts";

/** Whether an IP address is in a list. Text that is not an IP address is in no list. */
export type AddressTest = (address: string) => boolean;

/** Whether a text is a complete IP address or CIDR range. Short forms like `10.1` are not. */
export function isAddressRange(text: string): boolean {
  const [address = "", ...rest] = text.split("/");
  // The library reads `10.1` like the C library, and `010` as octal.
  const isPlain = address.includes(":")
    ? ipaddr.IPv6.isValid(address) && !address.includes("%")
    : ipaddr.IPv4.isValidFourPartDecimal(address);
  return isPlain && (rest.length === 0 || ipaddr.isValidCIDR(text));
}

const PRIVATE_RANGES: readonly string[] = ["loopback", "private", "uniqueLocal", "linkLocal"];
/** Matches names under private domains, and names without a domain. */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|lan|internal|home\.arpa|intranet)$/i;

/**
 * Whether the host of a URL is a loopback or private IP address, or a name that exists only in private
 * networks.
 */
export function isPrivateHost(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(host)
    ? PRIVATE_RANGES.includes(ipaddr.process(host).range())
    : PRIVATE_NAME.test(host);
}

/**
 * Makes a function that looks an IP address up in a list of addresses and CIDR ranges. Without a list, every
 * text passes. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as IPv4.
 */
export function addressTest(ranges: readonly string[] | undefined): AddressTest {
  if (ranges === undefined) return () => true;
  const parsed = ranges.map(rangeOf);
  return (address) => {
    const parsedAddress = parse(address);
    return parsedAddress !== undefined &&
      parsed.some(([range, bits]) =>
        range.kind() === parsedAddress.kind() && parsedAddress.match(range, bits)
      );
  };
}

type Address = ReturnType<typeof ipaddr.parse>;

function rangeOf(text: string): [Address, number] {
  if (!text.includes("/")) {
    const address = ipaddr.process(text);
    return [address, address.kind() === "ipv4" ? 32 : 128];
  }
  const [address, bits] = ipaddr.parseCIDR(text);
  const mapped = ipaddr.process(address.toString());
  return mapped.kind() === address.kind() ? [address, bits] : [mapped, Math.max(0, bits - 96)];
}

/**
 * Parses an IP address. Returns undefined if the text is not an IP address. The zone of a link-local address
 * is ignored.
 */
function parse(text: string): Address | undefined {
  const plain = text.split("%", 1)[0] ?? "";
  return ipaddr.isValid(plain) && (plain.includes(":") || ipaddr.IPv4.isValidFourPartDecimal(plain))
    ? ipaddr.process(plain)
    : undefined;
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
    address = plainAddress(before.split("%", 1)[0] ?? before);
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
export function parseAddress(text: string): readonly number[] {
  return ipaddr.parse(text).toByteArray();
}

/** Formats the four or sixteen bytes of an IP address. */
export function addressText(bytes: readonly number[]): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/**
 * The key to count a client by: its IPv4 address, or the /64 network of its IPv6 address, which one host can
 * use.
 */
export function addressGroup(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined || parsed.kind() === "ipv4") return parsed?.toString() ?? address;
  return parsed.toNormalizedString().split(":").slice(0, 4).join(":");
}
