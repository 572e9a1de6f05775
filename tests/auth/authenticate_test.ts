import { assert, assertEquals } from "@std/assert";
import { authenticate } from "../../src/auth/authenticate.ts";
import type { Credential } from "../../src/auth/credential.ts";
import { type Recognised, sharedTokenCheck } from "../../src/auth/shared_token.ts";

const check = sharedTokenCheck([{ name: "shared", token: "the-token" }]);
const valid: Credential = { place: "x-api-key", value: "the-token" };
const foreign: Credential = { place: "authorization", value: "sk-foreign" };
const asProxy: Credential = { place: "proxy-authorization", value: "the-token" };

Deno.test("authenticate: any valid credential admits, and the places of the token are told", () => {
  const verdict = authenticate([foreign, valid], { check, passthrough: false });
  assert(verdict.admitted);
  assertEquals([verdict.principal.name, ...verdict.tokenPlaces], ["shared", "x-api-key"]);
});

Deno.test("authenticate: none or only wrong ones refuse, with what to do", () => {
  const none = authenticate([], { check, passthrough: false });
  const wrong = authenticate([foreign], { check, passthrough: false });
  assert(!none.admitted && none.message.startsWith("No token was sent"));
  assert(
    !wrong.admitted && wrong.message.includes("(authorization)") && !wrong.message.includes("sk-foreign"),
  );
});

Deno.test("authenticate: passthrough takes the token from Proxy-Authorization alone", () => {
  assert(!authenticate([valid], { check, passthrough: true }).admitted);
  const verdict = authenticate([foreign, asProxy], { check, passthrough: true });
  assert(verdict.admitted);
  assertEquals([...verdict.tokenPlaces], ["proxy-authorization"]);
});

Deno.test("authenticate: passthrough withholds a proxy token that stands in a second place", () => {
  const verdict = authenticate([valid, asProxy], { check, passthrough: true });
  assert(verdict.admitted);
  assertEquals([...verdict.tokenPlaces].sort(), ["proxy-authorization", "x-api-key"]);
});

Deno.test("authenticate: without a check anybody is admitted", () => {
  const verdict = authenticate([foreign], { check: undefined, passthrough: false });
  assert(verdict.admitted);
  assertEquals([verdict.principal.name, verdict.tokenPlaces.size], ["anonymous", 0]);
});

Deno.test("sharedTokenCheck: only the very tokens pass, each with its holder", () => {
  for (const wrong of ["", "the-toke", "the-token ", "The-token", "the-tokenthe-token"]) {
    assertEquals(check(wrong), undefined, wrong);
  }
  const two = sharedTokenCheck([{ name: "anna", token: "token-a" }, { name: "ben", token: "token-b" }]);
  const holder = (recognised: Recognised | undefined) =>
    recognised && "principal" in recognised ? recognised.principal.name : undefined;
  assertEquals([check("the-token"), two("token-a"), two("token-b"), two("token-c")].map(holder), [
    "shared",
    "anna",
    "ben",
    undefined,
  ]);
});
