import { assertEquals } from "@std/assert";
import {
  ANONYMOUS,
  holderName,
  holderOf,
  holderText,
  type Principal,
  sharedPrincipal,
  tokenKey,
} from "../src/principal.ts";

const MANAGED: Principal = {
  ...ANONYMOUS,
  kind: "token",
  name: "anna",
  tokenId: "tok_1",
  key: tokenKey({ tokenId: "tok_1", name: "anna" }),
};

/** A client, its address, and its holder in a sentence and in the log. */
const HOLDERS: readonly (readonly [Principal | undefined, string, string, string])[] = [
  [undefined, "192.0.2.1", "This address", "anonymous 192.0.2.1"],
  [ANONYMOUS, "2001:db8::1", "This address", "anonymous 2001:db8::1"],
  [sharedPrincipal("anna"), "192.0.2.1", "The shared token", "anna"],
  [sharedPrincipal("a:b"), "192.0.2.1", "The shared token", "a:b"],
  [MANAGED, "192.0.2.1", "This token", "tok_1"],
];

Deno.test("holderOf: messages and the log name each kind of holder", () => {
  for (const [principal, address, text, name] of HOLDERS) {
    const holder = holderOf(principal, address);
    assertEquals([holderText(holder), holderName(holder)], [text, name]);
  }
});

Deno.test("holderOf: tokens of the configuration never share limits with managed tokens or addresses", () => {
  const names = ["tok_1", "token:tok_1", "anonymous 192.0.2.1"];
  const holders = [ANONYMOUS, MANAGED, ...names.map((name) => sharedPrincipal(name))]
    .map((principal) => holderOf(principal, "192.0.2.1"));
  assertEquals(new Set(holders).size, holders.length);
});
