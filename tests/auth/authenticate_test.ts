import { assert, assertEquals } from "@std/assert";
import { authenticate } from "../../src/auth/authenticate.ts";
import type { Credential } from "../../src/auth/credential.ts";
import { sharedTokenCheck } from "../../src/auth/shared_token.ts";

const check = sharedTokenCheck("the-token");
const valid: Credential = { place: "x-api-key", value: "the-token" };
const foreign: Credential = { place: "authorization", value: "sk-foreign" };
const asProxy: Credential = { place: "proxy-authorization", value: "the-token" };
const EVERYTHING = 7;

Deno.test("authenticate: any valid credential admits and every place is withheld", () => {
  const verdict = authenticate([foreign, valid], { check, passthrough: false });
  assert(verdict.admitted);
  assertEquals([verdict.principal, verdict.withheld.size], ["shared", EVERYTHING]);
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
  assertEquals([...verdict.withheld], ["proxy-authorization"]);
});

Deno.test("authenticate: passthrough withholds a proxy token that stands in a second place", () => {
  const verdict = authenticate([valid, asProxy], { check, passthrough: true });
  assert(verdict.admitted);
  assertEquals([...verdict.withheld].sort(), ["proxy-authorization", "x-api-key"]);
});

Deno.test("authenticate: without a check anybody is admitted; an injected key still replaces all credentials", () => {
  const injecting = authenticate([foreign], { check: undefined, passthrough: false });
  const passing = authenticate([foreign], { check: undefined, passthrough: true });
  assert(injecting.admitted && passing.admitted);
  assertEquals([injecting.principal, injecting.withheld.size, passing.withheld.size], [
    "anonymous",
    EVERYTHING,
    0,
  ]);
});

Deno.test("sharedTokenCheck: only the very token passes", () => {
  for (const wrong of ["", "the-toke", "the-token ", "The-token", "the-tokenthe-token"]) {
    assert(!check(wrong), wrong);
  }
  assert(check("the-token"));
});
