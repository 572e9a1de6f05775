/** Lists of IP addresses and ranges, and which address a request comes from. */

import ipaddr from "ipaddr.js";

/** Whether an address is in a list. What is no address is in none. */
export type AddressTest = (address: string) => boolean;

/** Whether a text is an address or a range in CIDR form, with all its parts written out. */
export function isAddressRange(text: string): boolean {
  const [address = "", ...rest] = text.split("/");
  // The library would read `10.1` as the C library does, and `010` in octal.
  const isPlain = address.includes(":")
    ? ipaddr.IPv6.isValid(address) && !address.includes("%")
    : ipaddr.IPv4.isValidFourPartDecimal(address);
  return isPlain && (rest.length === 0 || ipaddr.isValidCIDR(text));
}

const PRIVATE_RANGES: readonly string[] = ["loopback", "private", "uniqueLocal", "linkLocal"];
/** Names that no public domain has, and names without any domain. */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|lan|internal|home\.arpa|intranet)$/i;

/** Whether a URL's host is an address of loopback or of a private network, or a name that only such a network has. */
export function isPrivateHost(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(host)
    ? PRIVATE_RANGES.includes(ipaddr.process(host).range())
    : PRIVATE_NAME.test(host);
}

/**
 * Makes a test of a list of addresses and ranges; where there is no list, every address passes. IPv4 within IPv6
 * (`::ffff:10.0.0.1`) counts as IPv4.
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

/** In its shortest form; undefined where it is none. The zone of a link-local address does not count. */
function parse(text: string): Address | undefined {
  const plain = text.split("%", 1)[0] ?? "";
  return ipaddr.isValid(plain) && (plain.includes(":") || ipaddr.IPv4.isValidFourPartDecimal(plain))
    ? ipaddr.process(plain)
    : undefined;
}

/**
 * The address of the client behind reverse proxies: the last one of `x-forwarded-for` that is no trusted proxy
 * itself. What stands before it anybody may have written. Without a trusted proxy it is the peer's own.
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
    // Some proxies write `unknown`, or a made-up name: that is nobody's address, and none of the proxy's own.
    if (parse(before) === undefined) return UNKNOWN_ADDRESS;
    // A zone means something on the machine that wrote it alone, and may be any text.
    address = before.split("%", 1)[0] ?? before;
  }
  return address;
}

/** In no list. */
const UNKNOWN_ADDRESS = "unknown";

/** Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPort(text: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
}

/** The four or sixteen bytes of an address. Throws where it is none. */
export function parseAddress(text: string): readonly number[] {
  return ipaddr.parse(text).toByteArray();
}

/** An address of four or sixteen bytes, as people write it. */
export function addressText(bytes: readonly number[]): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** What addresses are counted by: a host's own, or the /64 network of an IPv6 host, which has all of it to itself. */
export function addressGroup(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined || parsed.kind() === "ipv4") return parsed?.toString() ?? address;
  return parsed.toNormalizedString().split(":").slice(0, 4).join(":");
}
