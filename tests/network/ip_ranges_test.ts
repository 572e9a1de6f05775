import { assert, assertEquals } from "@std/assert";
import { addressGroup, addressTest, clientAddress, isAddressRange } from "../../src/network/ip_ranges.ts";

Deno.test("isAddressRange: accepts addresses and ranges, and no similar text", () => {
  for (
    const text of [
      "10.0.0.1",
      "192.168.1.0/24",
      "0.0.0.0/0",
      "::1",
      "fd00::/8",
      "2001:db8::/32",
      "::ffff:10.0.0.0/104",
    ]
  ) {
    assert(isAddressRange(text), text);
  }
  for (
    const text of [
      "",
      "10.1",
      "10.0.0.256",
      "10.0.0.0/33",
      "010.0.0.1",
      "0x0a.0.0.1",
      "fd00::/129",
      "fe80::1%eth0",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "localhost",
      "10.0.0.*",
    ]
  ) assert(!isAddressRange(text), text);
});

Deno.test("addressTest: both families, with the first and last address of a range; other text is in no list", () => {
  const isIn = addressTest(["192.168.1.0/24", "10.0.0.7", "fd00::/8", "::ffff:172.16.0.0/108"]);
  const inside = [
    "192.168.1.0",
    "192.168.1.255",
    "::ffff:192.168.1.9",
    "10.0.0.7",
    "fd12::1",
    "fd12::1%eth0",
    "172.31.0.1",
  ];
  const outside = [
    "192.168.0.255",
    "192.168.2.0",
    "10.0.0.8",
    "fe80::1",
    "172.32.0.0",
    "::1",
    "",
    "10.7",
    "x",
  ];
  assertEquals(inside.filter((address) => !isIn(address)), []);
  assertEquals(outside.filter(isIn), []);
  assertEquals(addressTest([])("10.0.0.1"), false);
});

Deno.test("clientAddress: the last hop that is not a trusted proxy, because clients can forge earlier hops", () => {
  const isTrusted = addressTest(["10.0.0.0/8", "::1"]);
  const cases: readonly (readonly [peer: string, forwarded: string | undefined, expected: string])[] = [
    ["192.0.2.1", "198.51.100.1", "192.0.2.1"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"],
    ["10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"],
    ["::ffff:10.0.0.1", " 198.51.100.1 ", "198.51.100.1"],
    ["::1", "[2001:db8::7]:4711", "2001:db8::7"],
    ["10.0.0.1", "198.51.100.1:80", "198.51.100.1"],
    ["10.0.0.1", "unknown", "unknown"],
    ["10.0.0.1", "198.51.100.1, garbage", "unknown"],
    ["10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "fe80::1%\x9b31m\u202e", "fe80::1"],
    ["10.0.0.1", `2001:db8::7%${"z".repeat(9_999)}`, "2001:db8::7"],
    ["10.0.0.1", "[fe80::1%eth0]:80", "fe80::1"],
  ];
  for (const [peer, forwarded, expected] of cases) {
    assertEquals(clientAddress(peer, forwarded, isTrusted), expected, `${peer} for ${forwarded}`);
  }
});

Deno.test("addressGroup: the address of an IPv4 host in any spelling, the /64 network of an IPv6 host", () => {
  assertEquals(addressGroup("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(addressGroup("2001:db8:1:2:3::4"), addressGroup("2001:db8:1:2:ffff::1"));
  assert(addressGroup("2001:db8:1:2::1") !== addressGroup("2001:db8:1:3::1"));
});
