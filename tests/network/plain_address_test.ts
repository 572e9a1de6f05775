import { assertEquals } from "@std/assert";
import { plainAddress } from "../../src/network/plain_address.ts";

Deno.test("plainAddress: an IPv4 address within an IPv6 address becomes plain, and others stay", () => {
  for (
    const [address, expected] of [
      ["::ffff:127.0.0.1", "127.0.0.1"],
      ["::FFFF:192.0.2.255", "192.0.2.255"],
      ["127.0.0.1", "127.0.0.1"],
      ["::1", "::1"],
      ["::", "::"],
      ["::ffff:1", "::ffff:1"],
      ["2001:db8::ffff:1.2.3.4", "2001:db8::ffff:1.2.3.4"],
      ["::ffff:127.0.0.1%eth0", "::ffff:127.0.0.1%eth0"],
      ["", ""],
    ] as const
  ) assertEquals(plainAddress(address), expected);
});
