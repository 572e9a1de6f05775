import { assert, assertEquals } from "@std/assert";
import { authenticate } from "../../src/auth/authenticate.ts";
import { type Credential, findCredentials } from "../../src/auth/credential.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { sharedTokenCheck, type TokenCheckResult } from "../../src/auth/shared_token.ts";

const check = sharedTokenCheck([{ name: "shared", token: "the-token" }]);
const valid: Credential = { place: "x-api-key", value: "the-token" };
const foreign: Credential = { place: "authorization", value: "sk-foreign" };
const asProxy: Credential = { place: "proxy-authorization", value: "the-token" };

Deno.test("authenticate: any valid credential is enough, and the verdict lists the places of the token", () => {
  const verdict = authenticate([foreign, valid], { check, passthrough: false, fields: [], query: "" });
  assert(verdict.admitted);
  assertEquals([verdict.principal.name, ...verdict.tokenPlaces], ["shared", "x-api-key"]);
});

Deno.test("authenticate: a missing or wrong credential is rejected with advice", () => {
  const none = authenticate([], { check, passthrough: false, fields: [], query: "" });
  const wrong = authenticate([foreign], { check, passthrough: false, fields: [], query: "" });
  assert(!none.admitted && none.message.startsWith("The request has no token"));
  assert(
    !wrong.admitted && wrong.message.includes("(authorization)") && !wrong.message.includes("sk-foreign"),
  );
});

Deno.test("authenticate: the owner of an old token guesses like everyone else", () => {
  const old: Credential = { place: "api-key", value: "an-old-token" };
  const forged: Credential = { place: "x-goog-api-key", value: "a-forged-token" };
  const results: Record<string, TokenCheckResult> = {
    [old.value]: { rejected: "token_expired", message: "This token has expired." },
    [forged.value]: { rejected: "unauthorized", message: "Nothing proves who made it.", isGuess: true },
  };
  const guesses = (presented: readonly Credential[]) =>
    authenticate(presented, {
      check: (value) => results[value] ?? check(value),
      passthrough: false,
      fields: [],
      query: "",
    }).guesses;
  assertEquals(guesses([old, foreign]), [foreign]);
  assertEquals(guesses([old]), []);
  assertEquals(guesses([old, forged]), [forged]);
  assertEquals(guesses([valid, forged]), [forged]);
});

for (const line of ["Authorization: Bearer two words", "Authorization: the-token", "Authorization: Bearer"]) {
  Deno.test(`authenticate: "${line}" is rejected for its syntax, not for being absent`, () => {
    const fields = fieldsOf(line);
    const verdict = authenticate(findCredentials(fields, ""), {
      check,
      passthrough: false,
      fields,
      query: "",
    });
    assert(!verdict.admitted && verdict.message.includes("send Bearer <token>"), "the reason");
    assert(!/two words|the-token/.test(verdict.message), "not what was sent");
  });
}

Deno.test("authenticate: passthrough accepts the token only in a header that is for the proxy", () => {
  assert(!authenticate([valid], { check, passthrough: true, fields: [], query: "" }).admitted);
  for (const place of ["proxy-authorization", "x-llm-proxy-token"] as const) {
    const presented = [foreign, { place, value: "the-token" }];
    const verdict = authenticate(presented, { check, passthrough: true, fields: [], query: "" });
    assert(verdict.admitted);
    assertEquals([...verdict.tokenPlaces], [place]);
  }
});

Deno.test("authenticate: passthrough strips a token of the proxy in a second place", () => {
  const verdict = authenticate([valid, asProxy], { check, passthrough: true, fields: [], query: "" });
  assert(verdict.admitted);
  assertEquals([...verdict.tokenPlaces].sort(), ["proxy-authorization", "x-api-key"]);
});

/** Forms of credentials that the proxy rejects if it forwards the client's key. */
const MALFORMED: readonly (readonly [lines: readonly string[], query: string])[] = [
  [["Authorization: the-token"], ""],
  [["Authorization: Bearer"], ""],
  [["Authorization:"], ""],
  [["Authorization: Bearer\tthe-token"], ""],
  [["Authorization: Bearer the-token sk-foreign"], ""],
  [['Authorization: Bearer "the-token"'], ""],
  [["Authorization: Bearer 'the-token'"], ""],
  [["Authorization: Bearer a,b"], ""],
  [["Authorization: Bearer a, Bearer b"], ""],
  [["Authorization: (x) the-token"], ""],
  [["Authorization: Bearer tok\u00ebn"], ""],
  [['Authorization: Digest a="the", b'], ""],
  [['Authorization: Digest a="the\\"-token"'], ""],
  [["Authorization: Bearer a", "Authorization: Bearer b"], ""],
  [["X-Api-Key: Bearer the-token"], ""],
  [["X-Api-Key:"], ""],
  [["X-Api-Key: a", "x-api-key: a"], ""],
  [["Api-Key: sk-foreign, the-token"], ""],
  [["Api-Key: sk-foreign,the-token"], ""],
  [["X-Goog-Api-Key: 'the-token'"], ""],
  [['X-Goog-Api-Key: "the-token"'], ""],
  [["Proxy-Authorization: Bearer the-token"], ""],
  [["Proxy-Authorization: the-token"], ""],
  [["X-LLM-Proxy-Token: Bearer the-token"], ""],
  [["X-LLM-Proxy-Token: the-token", "X-LLM-Proxy-Token: the-token"], ""],
  [["X-LLM-Proxy-Token:"], ""],
  [[], "key=a&key=b"],
  [[], "%6Bey=a&x=1&key="],
];
for (const [lines, query] of MALFORMED) {
  Deno.test(`authenticate: passthrough rejects ambiguous credentials: ${lines.join(", ")} ${query}`, () => {
    const fields = fieldsOf(...lines, "Proxy-Authorization: Bearer the-token");
    const verdict = authenticate(findCredentials(fields, query), { check, passthrough: true, fields, query });
    assert(!verdict.admitted && verdict.code === "bad_request" && verdict.guesses.length === 0);
    assert(!/the-token|foreign/.test(verdict.message), verdict.message);
    // If the proxy strips every place anyway, the form does not matter.
    assert(
      authenticate([...findCredentials(fields, query), valid], { check, passthrough: false, fields, query })
        .admitted,
    );
  });
}

Deno.test("authenticate: passthrough forwards credentials for the provider with any scheme", () => {
  for (
    const line of [
      "Authorization: Token sk-foreign",
      "Authorization: Bearer   sk-foreign",
      `Authorization: Basic ${btoa("anna:sk-foreign")}`,
      "Authorization: Bearer 12|abc.def-ghi_jkl~mno/pqr+stu==",
      "Authorization: AWS4-HMAC-SHA256 Credential=AK/2026/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff",
      'Authorization: Digest username="anna", realm="a b, c",uri=/x , nc=00000001',
      "X-Api-Key: sk-ant-api03_x-y/z+1=",
      "Api-Key: 0123456789abcdef",
      "X-Goog-Api-Key: AIzaSy-_0",
      "Cookie: a=1, b=2",
    ]
  ) {
    const fields = fieldsOf(line, "Proxy-Authorization: Bearer the-token");
    const verdict = authenticate(findCredentials(fields, "key=own"), {
      check,
      passthrough: true,
      fields,
      query: "key=own",
    });
    assert(verdict.admitted, line);
    assertEquals([[...verdict.tokenPlaces], [...new Set(verdict.tokens)]], [["proxy-authorization"], [
      "the-token",
    ]], line);
  }
});

/** A token of the proxy in a form that is unambiguous, and that the proxy does not accept. */
for (
  const line of [
    "Authorization: Token second-token",
    `Authorization: Basic ${btoa("anna:second-token")}`,
    `Authorization: Basic ${btoa("second-token:")}`,
    `Authorization: Bearer ${btoa("second-token")}`,
    'Authorization: Digest a="x", token="second-token"',
    "X-Api-Key: Bearer:second-token",
    "X-Api-Key: second-token",
  ]
) {
  Deno.test(`authenticate: passthrough finds each token of the proxy within a credential: ${line}`, () => {
    const two = sharedTokenCheck([{ name: "anna", token: "the-token" }, {
      name: "ben",
      token: "second-token",
    }]);
    const fields = fieldsOf(line, "Proxy-Authorization: Bearer the-token");
    const verdict = authenticate(findCredentials(fields, ""), {
      check: two,
      passthrough: true,
      fields,
      query: "",
    });
    assert(verdict.admitted && verdict.principal.name === "anna" && verdict.tokens.includes("second-token"));
  });
}

Deno.test("authenticate: passthrough finds the valid token even if it is more than one word", () => {
  const token = "it's,a=token;with\"marks";
  const fields = fieldsOf(`Proxy-Authorization: Bearer ${token}`);
  const verdict = authenticate(findCredentials(fields, ""), {
    check: sharedTokenCheck([{ name: "anna", token }]),
    passthrough: true,
    fields,
    query: "",
  });
  assert(verdict.admitted && verdict.tokens.includes(token));
});

Deno.test("authenticate: without a check each client is admitted", () => {
  const verdict = authenticate([foreign], { check: undefined, passthrough: false, fields: [], query: "" });
  assert(verdict.admitted);
  assertEquals([verdict.principal.name, verdict.tokenPlaces.size], ["anonymous", 0]);
});

Deno.test("sharedTokenCheck: only exact tokens pass, each with its principal", () => {
  for (const wrong of ["", "the-toke", "the-token ", "The-token", "the-tokenthe-token"]) {
    assertEquals(check(wrong), undefined, wrong);
  }
  const two = sharedTokenCheck([{ name: "anna", token: "token-a" }, { name: "ben", token: "token-b" }]);
  const holder = (recognised: TokenCheckResult | undefined) =>
    recognised && "principal" in recognised ? recognised.principal.name : undefined;
  assertEquals([check("the-token"), two("token-a"), two("token-b"), two("token-c")].map(holder), [
    "shared",
    "anna",
    "ben",
    undefined,
  ]);
});
