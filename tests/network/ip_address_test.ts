import { assertEquals, assertThrows } from "@std/assert";
import ipaddr from "ipaddr.js";
import { ipText, parseIp } from "../../src/network/ip_address.ts";
import { addressGroup, addressTest, isPrivateHost } from "../../src/network/ip_ranges.ts";
import { random } from "../support/data/random.ts";

const ROUNDS = 20_000;
const GROUPS = ["0", "0", "0", "1", "ffff", "fe80", "fc00", "2001", "db8", "A0b", "0000", "00ff"];
const BYTES = [0, 1, 8, 10, 31, 127, 128, 168, 169, 172, 192, 254, 255];
const DAMAGE = ["", ":", "::", ".", "0", "g", "1", "%", "/", " ", "-", "256", "fffff"];

/** Texts of addresses, and texts that are nearly one. */
function texts(seed: number): () => string {
  const { below, pick } = random(seed);
  const ipv4 = () => Array.from({ length: 4 }, () => pick(BYTES)).join(".");
  const groups = (count: number) => Array.from({ length: count }, () => pick(GROUPS)).join(":");
  const ipv6 = () => {
    const end = below(4) === 0 ? ipv4() : groups(2);
    const before = below(7);
    return below(3) === 0
      ? `${groups(6)}:${end}`
      : below(4) === 0
      ? `::ffff:${end}`
      : `${groups(before)}::${below(3) === 0 ? "" : groups(below(6 - before + 1) + 1)}`;
  };
  return () => {
    const text = below(2) === 0 ? ipv4() : ipv6();
    if (below(4) > 0) return text;
    const at = below(text.length + 1);
    return text.slice(0, at) + pick(DAMAGE) + text.slice(at + below(2));
  };
}

/** ipaddr.js reads the IPv4-compatible addresses of old, such as `::10.0.0.1`, as IPv4-mapped ones. */
const COMPATIBLE = /^::\d+\./;
/** ipaddr.js allows leading zeros in the IPv4 part of an IPv6 address, which some programs read as octal. */
const LEADING_ZERO = /[.:]0\d+\.|\.0\d+$/;

/** The address as ipaddr.js reads it. Undefined: it is not a plain address. */
function reference(text: string): ReturnType<typeof ipaddr.parse> | undefined {
  if (text.includes("%") || LEADING_ZERO.test(text)) return undefined;
  if (!text.includes(":")) {
    return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.parse(text) : undefined;
  }
  return ipaddr.IPv6.isValid(text) ? ipaddr.parse(text) : undefined;
}

Deno.test(`parseIp: ${ROUNDS} texts are read and written as ipaddr.js does`, () => {
  const next = texts(1);
  const read = { valid: 0, invalid: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const text = next();
    if (COMPATIBLE.test(text)) continue;
    const expected = reference(text);
    const bytes = parseIp(text);
    assertEquals(bytes, expected?.toByteArray(), text);
    if (bytes === undefined || expected === undefined) {
      read.invalid++;
      continue;
    }
    read.valid++;
    assertEquals(ipText(bytes), expected.toString(), text);
    const unmapped = ipaddr.process(text);
    const group = unmapped.kind() === "ipv4"
      ? unmapped.toString()
      : unmapped.toNormalizedString().split(":").slice(0, 4).join(":");
    assertEquals(addressGroup(text), group, text);
    const isPrivate = ["loopback", "private", "uniqueLocal", "linkLocal"].includes(unmapped.range());
    assertEquals(isPrivateHost(`http://${text.includes(":") ? `[${text}]` : text}/`), isPrivate, text);
  }
  assertEquals(read.valid > ROUNDS / 4 && read.invalid > ROUNDS / 20, true, JSON.stringify(read));
});

Deno.test(`addressTest: ${ROUNDS} pairs of an address and a range are compared as ipaddr.js does`, () => {
  const next = texts(2);
  const { below } = random(3);
  let inside = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [range = "", text = ""] = [next(), next()];
    const [first, other] = [reference(range), reference(text)];
    if (COMPATIBLE.test(range) || COMPATIBLE.test(text)) continue;
    if (first === undefined || other === undefined) continue;
    const bits = below(first.kind() === "ipv4" ? 33 : 129);
    const [near, far] = [ipaddr.process(range), ipaddr.process(text)];
    const nearBits = near.kind() === first.kind() ? bits : Math.max(0, bits - 96);
    const expected = near.kind() === far.kind() && far.match(near, nearBits);
    assertEquals(addressTest([`${range}/${bits}`])(text), expected, `${text} in ${range}/${bits}`);
    if (expected) inside++;
  }
  assertEquals(inside > 100, true, String(inside));
});

Deno.test("addressTest: a list with another text throws", () => {
  assertThrows(() => addressTest(["10.0.0.0/8", "10.0.0.0/33"]), TypeError, "10.0.0.0/33");
});
