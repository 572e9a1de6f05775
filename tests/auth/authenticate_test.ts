import { assert, assertEquals } from "@std/assert";
import { authenticate } from "../../src/auth/authenticate.ts";
import { type Credential, findCredentials } from "../../src/auth/credential.ts";
import { fieldsOf } from "../support/fields.ts";
import { type Recognised, sharedTokenCheck } from "../../src/auth/shared_token.ts";

const check = sharedTokenCheck([{ name: "shared", token: "the-token" }]);
const valid: Credential = { place: "x-api-key", value: "the-token" };
const foreign: Credential = { place: "authorization", value: "sk-foreign" };
const asProxy: Credential = { place: "proxy-authorization", value: "the-token" };

Deno.test("authenticate: any valid credential admits, and the places of the token are told", () => {
  const verdict = authenticate([foreign, valid], { check, passthrough: false, fields: [] });
  assert(verdict.admitted);
  assertEquals([verdict.principal.name, ...verdict.tokenPlaces], ["shared", "x-api-key"]);
});

Deno.test("authenticate: none or only wrong ones refuse, with what to do", () => {
  const none = authenticate([], { check, passthrough: false, fields: [] });
  const wrong = authenticate([foreign], { check, passthrough: false, fields: [] });
  assert(!none.admitted && none.message.startsWith("No token was sent"));
  assert(
    !wrong.admitted && wrong.message.includes("(authorization)") && !wrong.message.includes("sk-foreign"),
  );
});

Deno.test("authenticate: passthrough takes the token from Proxy-Authorization alone", () => {
  assert(!authenticate([valid], { check, passthrough: true, fields: [] }).admitted);
  const verdict = authenticate([foreign, asProxy], { check, passthrough: true, fields: [] });
  assert(verdict.admitted);
  assertEquals([...verdict.tokenPlaces], ["proxy-authorization"]);
});

Deno.test("authenticate: passthrough withholds a proxy token that stands in a second place", () => {
  const verdict = authenticate([valid, asProxy], { check, passthrough: true, fields: [] });
  assert(verdict.admitted);
  assertEquals([...verdict.tokenPlaces].sort(), ["proxy-authorization", "x-api-key"]);
});

/** The proxy's token in spellings that admit nobody, and where it stands. */
const MISSPELLED: readonly (readonly [line: string, query: string, place: string])[] = [
  ["Authorization: the-token", "", "authorization"],
  ["Authorization: Token the-token", "", "authorization"],
  ["Authorization: Bearer\tthe-token", "", "authorization"],
  ["Authorization: Bearer the-token sk-foreign", "", "authorization"],
  ['Authorization: Bearer "the-token"', "", "authorization"],
  [`Authorization: Basic ${btoa("anna:the-token")}`, "", "authorization"],
  [`Authorization: basic ${btoa("the-token:")}`, "", "authorization"],
  ["X-Api-Key: Bearer the-token", "", "x-api-key"],
  ["Api-Key: sk-foreign, the-token", "", "api-key"],
  ["X-Goog-Api-Key: 'the-token'", "", "x-goog-api-key"],
  ["X-A: 1", "key=Bearer%20the-token", "query"],
];
for (const [line, query, place] of MISSPELLED) {
  Deno.test(`authenticate: passthrough withholds a misspelled token, which admits nobody: ${line} ${query}`, () => {
    const alone = fieldsOf(line);
    assert(
      !authenticate(findCredentials(alone, query), { check, passthrough: false, fields: alone }).admitted,
    );
    const fields = fieldsOf(line, "Proxy-Authorization: Bearer the-token");
    const verdict = authenticate(findCredentials(fields, query), { check, passthrough: true, fields });
    assert(verdict.admitted);
    assertEquals([...verdict.tokenPlaces].sort(), [place, "proxy-authorization"].sort());
  });
}

Deno.test("authenticate: passthrough lets a provider's own credentials of any scheme through", () => {
  for (
    const scheme of ["Token sk-foreign", `Basic ${btoa("anna:sk-foreign")}`, "Basic %%", "AWS4 a=b, c=d"]
  ) {
    const fields = fieldsOf(`Authorization: ${scheme}`, "Proxy-Authorization: Bearer the-token");
    const verdict = authenticate(findCredentials(fields, ""), { check, passthrough: true, fields });
    assert(verdict.admitted);
    assertEquals([...verdict.tokenPlaces], ["proxy-authorization"], scheme);
  }
});

Deno.test("authenticate: without a check anybody is admitted", () => {
  const verdict = authenticate([foreign], { check: undefined, passthrough: false, fields: [] });
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
