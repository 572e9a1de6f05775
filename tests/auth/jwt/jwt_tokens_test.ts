/** Tokens of providers as tokens of clients, with hostile ones. */

import { assert, assertEquals } from "@std/assert";
import { CompactEncrypt, exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { JwtBench, shown, testIssuer, testKey, testProject } from "../../support/proxies/jwt_bench.ts";

const key = await testKey("first");
const other = await testKey("second");
const rsa = await testKey("rsa", "RS256");
const set = (...keys: readonly { readonly jwk: object }[]) => ({ keys: keys.map(({ jwk }) => ({ ...jwk })) });

function encoded(value: unknown): string {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A token of a text with claims, which JSON would not write. */
async function signedText(claims: string): Promise<string> {
  const head = `${encoded({ alg: "ES256", kid: "first" })}.${encoded(claims)}`;
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    key.privateKey,
    new TextEncoder().encode(head),
  );
  return `${head}.${new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

Deno.test("jwt: the claims decide about the project and the name", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key, rsa));
  assertEquals(await bench.check(await bench.token(key, { groups: ["x", "lab"] })), "Lab anna");
  assertEquals(await bench.check(await bench.token(rsa, { groups: "lab", sub: "ben" })), "Lab ben");
  assertEquals(await bench.check(await bench.token(key, { groups: ["laboratory"] })), "All anna");
  assertEquals(await bench.check(await bench.token(key, { aud: ["other", "llm-proxy"] })), "All anna");
  assertEquals(await bench.check(await bench.token(key, {}, { typ: "at+jwt" })), "All anna");
  assertEquals(await bench.check(await bench.token(key, { sub: undefined })), "unauthorized");
  assertEquals(await bench.check(await bench.token(key, { sub: "\u202ea\n" })), "All \\u202ea\\x0a");
});

Deno.test("jwt: rules can name members of tables, and other claims the person", async () => {
  const issuer = testIssuer({
    projects: [
      { claim: "realm_access.roles", value: "llm", project: "Lab" },
      { claim: "email_verified", value: "true", project: "All" },
    ],
    subjectClaim: "oid",
    nameClaim: "email",
  });
  const { defaultProject: _, ...strict } = issuer;
  using bench = new JwtBench([strict], () => set(key));
  const claims = { oid: "o-1", email: "a@b.test", realm_access: { roles: ["llm"] } };
  assertEquals(await bench.check(await bench.token(key, claims)), "Lab a@b.test");
  const member = { oid: "o-1", email_verified: true };
  assertEquals(await bench.check(await bench.token(key, member)), "All o-1");
  assertEquals(await bench.check(await bench.token(key, { oid: "o-1" })), "forbidden");
  assertEquals(await bench.check(await bench.token(key)), "unauthorized", "without the claim oid");
});

Deno.test("jwt: the same person has one id at all times, and another issuer's person another", async () => {
  const second = testIssuer({ name: "two", issuer: "https://two.test" });
  using bench = new JwtBench([testIssuer(), second], () => set(key));
  const ids: (string | undefined)[] = [];
  for (const claims of [{}, { jti: "2" }, { iss: "https://two.test" }]) {
    const token = await bench.token(key, claims);
    const result = (await bench.tokens.verify([token]))?.results.get(token);
    ids.push(result !== undefined && "principal" in result ? result.principal.tokenId : undefined);
  }
  assertEquals(ids[0], "jwt_b35976533563e6fefd9c3c2cff7b2f42");
  assertEquals([ids[1], ids[2] === ids[0]], [ids[0], false]);
});

Deno.test("jwt: a text in another claim is another account, although the issuer is the same", async () => {
  const second = testIssuer({ name: "two", audiences: ["two"], subjectClaim: "nick" });
  using bench = new JwtBench([testIssuer(), second], () => set(key));
  const idOf = async (claims: Record<string, unknown>) => {
    const token = await bench.token(key, claims);
    const result = (await bench.tokens.verify([token]))?.results.get(token);
    assert(result !== undefined && "principal" in result);
    return result.principal.tokenId;
  };
  assert(await idOf({ sub: "anna" }) !== await idOf({ sub: "eve", nick: "anna", aud: "two" }));
});

Deno.test("jwt: hostile and unfit tokens are not valid", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key, rsa));
  const nowS = bench.clock.epochMs() / 1000;
  const pem = new TextEncoder().encode(JSON.stringify(await exportJWK(other.privateKey)));
  const foreign: Record<string, string> = {
    none: new UnsecuredJWT(bench.claims()).encode(),
    "none with a signature": `${encoded({ alg: "none" })}.${encoded(bench.claims())}.AAAA`,
    "HS256 with the public key": await new SignJWT(bench.claims())
      .setProtectedHeader({ alg: "HS256", kid: "rsa" }).sign(
        new TextEncoder().encode(JSON.stringify(rsa.jwk)),
      ),
    "HS256 with other bytes": await new SignJWT(bench.claims()).setProtectedHeader({ alg: "HS256" }).sign(
      pem,
    ),
    "another key with the same kid": await bench.token({ ...other, kid: "first" }),
    "an unknown kid": await bench.token(other),
    "no kid, another key": await new SignJWT(bench.claims()).setProtectedHeader({ alg: "ES256" })
      .sign(other.privateKey),
    "the key in the header": await bench.token({ ...other, kid: "first" }, {}, { jwk: other.jwk }),
    "jku": await bench.token(other, {}, { jku: "https://evil.test/jwks" }),
    "x5u": await bench.token(other, {}, { x5u: "https://evil.test/cert" }),
    crit: await bench.token(key, {}, { crit: ["exp"] }).catch(() => "") ||
      `${encoded({ alg: "ES256", kid: "first", crit: ["x"], x: 1 })}.${encoded(bench.claims())}.AAAA`,
    "another alg for the key": await bench.token({ ...key, kid: "rsa" }),
    "another audience": await bench.token(key, { aud: "other" }),
    "another audience in a list": await bench.token(key, { aud: ["other", ["llm-proxy"]] }),
    "no audience": await bench.token(key, { aud: undefined }),
    "another issuer": await bench.token(key, { iss: "https://evil.test" }),
    "the issuer with a slash": await bench.token(key, { iss: "https://sso.test/" }),
    "no issuer": await bench.token(key, { iss: undefined }),
    "a token of a logout": await bench.token(key, {}, { typ: "logout+jwt" }),
    "an event": await bench.token(key, { events: {} }),
    "changed claims": (await bench.token(key)).replace(
      /\.[^.]+\./,
      `.${encoded(bench.claims({ sub: "eve" }))}.`,
    ),
    "no signature": (await bench.token(key)).replace(/[^.]+$/, "AAAA"),
    "no JSON": `${encoded('{"alg":')}.${encoded("{}")}.AAAA`,
    "a list of claims": `${encoded({ alg: "ES256", kid: "first" })}.${encoded([])}.AAAA`,
    JWE: await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(bench.claims())))
      .setProtectedHeader({ alg: "dir", enc: "A128GCM" }).encrypt(new Uint8Array(16)),
    "1 MB": await bench.token(key, { x: "x".repeat(1_000_000) }),
  };
  // They name this proxy, so they may be valid once their key is known.
  const unproven = [
    "another key with the same kid",
    "an unknown kid",
    "no kid, another key",
    "the key in the header",
    "jku",
    "x5u",
    "another alg for the key",
    "changed claims",
    "no signature",
  ];
  for (const [what, token] of Object.entries(foreign)) {
    assertEquals(await bench.check(token), unproven.includes(what) ? "unauthorized" : "foreign", what);
  }
  const rejected: Record<string, [string, string]> = {
    expired: ["token_expired", await bench.token(key, { exp: nowS - 61 })],
    "an infinite exp": [
      "unauthorized",
      await signedText(JSON.stringify(bench.claims()).replace(/"exp":\d+/, '"exp":1e400')),
    ],
    "no exp": ["unauthorized", await bench.token(key, { exp: undefined })],
    "exp is a text": [
      "unauthorized",
      await signedText(JSON.stringify(bench.claims({ exp: `${nowS + 300}` }))),
    ],
    "not valid yet": ["unauthorized", await bench.token(key, { nbf: nowS + 61 })],
    "bound to a key": ["unauthorized", await bench.token(key, { cnf: { jkt: "x" } })],
  };
  for (const [what, [code, token]] of Object.entries(rejected)) {
    assertEquals(await bench.check(token), code, what);
  }
  assertEquals(await bench.check(await bench.token(key, { exp: nowS - 59, nbf: nowS + 59 })), "All anna");
  assertEquals(bench.reads.length, 1, "no token makes the proxy read keys within the pause");
});

Deno.test("jwt: of two claims with one name, the last counts", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const claims = JSON.stringify(bench.claims());
  const twice = (first: string) => signedText(claims.replace("{", `{${first},`));
  assertEquals(await bench.check(await twice('"sub":"eve"')), "All anna");
  assertEquals(await bench.check(await twice('"aud":"other"')), "All anna");
  const last = await signedText(claims.replace(/}$/, ',"aud":"other"}'));
  assertEquals(await bench.check(last), "foreign");
});

Deno.test("jwt: a provider cannot make tokens of another one", async () => {
  const second = testIssuer({ name: "two", issuer: "https://two.test", audiences: ["two"] });
  using bench = new JwtBench([testIssuer(), second], ({ name }) => name === "two" ? set(other) : set(key));
  assertEquals(await bench.check(await bench.token({ ...other, kid: "first" })), "unauthorized");
  const two = { iss: "https://two.test", aud: "two" };
  assertEquals(await bench.check(await bench.token(other, two)), "All anna");
  assertEquals(await bench.check(await bench.token({ ...key, kid: "second" }, two)), "unauthorized");
  assertEquals(await bench.check(await bench.token(other, { iss: "https://two.test" })), "foreign", "aud");
});

Deno.test("jwt: only the algorithms of the configuration are accepted", async () => {
  using bench = new JwtBench([testIssuer({ algorithms: ["RS256"] })], () => set(key, rsa));
  assertEquals(await bench.check(await bench.token(rsa)), "All anna");
  const token = await bench.token(key);
  assertEquals(await bench.check(token), "foreign");
  assertEquals(await bench.why(token), "The proxy does not accept the algorithm of the token (alg).");
});

Deno.test("jwt: a token without the name of a key is tried with the keys of its algorithm", async () => {
  using bench = new JwtBench([testIssuer()], () => set(other, key));
  const unnamed = await new SignJWT(bench.claims()).setProtectedHeader({ alg: "ES256" }).sign(key.privateKey);
  assertEquals(await bench.check(unnamed), "All anna");
});

Deno.test("jwt: a new key is read once, and unknown ones at most every 30 seconds", async () => {
  let published = set(key);
  using bench = new JwtBench([testIssuer()], () => published);
  assertEquals(await bench.check(await bench.token(key)), "All anna");
  bench.clock.pass(31_000);
  published = set(other);
  const rotated = await bench.token(other);
  assertEquals(await Promise.all([bench.check(rotated), bench.check(rotated)]), ["All anna", "All anna"]);
  assertEquals([bench.reads.length, bench.events], [2, ["sso changed"]]);
  assertEquals(await bench.check(await bench.token(key)), "unauthorized", "the old key is withdrawn");
  for (let count = 0; count < 100; count++) {
    assertEquals(await bench.check(await bench.token({ ...key, kid: `kid-${count}` })), "unauthorized");
  }
  assertEquals(bench.reads.length, 2, "within the pause");
  bench.clock.pass(30_000);
  const guesses = [1, 2, 3].map(async (count) =>
    bench.check(await bench.token({ ...key, kid: `new-${count}` }))
  );
  assertEquals(await Promise.all(guesses), ["unauthorized", "unauthorized", "unauthorized"]);
  assertEquals(bench.reads.length, 3);
});

Deno.test("jwt: other clients do not wait while an unknown key is read", async () => {
  let answer = Promise.withResolvers<ReturnType<typeof set>>();
  answer.resolve(set(key));
  using bench = new JwtBench([testIssuer()], () => answer.promise);
  assertEquals(await bench.check(await bench.token(key)), "All anna");
  bench.clock.pass(31_000);
  answer = Promise.withResolvers();
  const waiting = bench.check(await bench.token(other));
  assertEquals(await bench.check(await bench.token(key, { sub: "ben" })), "All ben");
  answer.resolve(set(key, other));
  assertEquals(await waiting, "All anna");
});

Deno.test("jwt: a verified token of a withdrawn key is refused after ten minutes", async () => {
  let published = set(key, other);
  using bench = new JwtBench([testIssuer()], () => published);
  const token = await bench.token(key, { exp: bench.clock.epochMs() / 1000 + 3_600 });
  assertEquals(await bench.check(token), "All anna");
  published = set(other);
  bench.clock.pass(600_000);
  await bench.check(await bench.token(other));
  assertEquals(await bench.check(token), "unauthorized");
});

Deno.test("jwt: while the provider is away, the last keys are used for a day", async () => {
  let isAway = false;
  using bench = new JwtBench([testIssuer()], () => {
    if (isAway) throw new Error("away");
    return set(key);
  });
  const token = await bench.token(key, { exp: bench.clock.epochMs() / 1000 + 100 * 3_600 });
  assertEquals(await bench.check(token), "All anna");
  isAway = true;
  for (let minutes = 0; minutes < 23 * 60; minutes += 10) {
    bench.clock.pass(600_000);
    assertEquals(await bench.check(token), "All anna");
  }
  assertEquals(bench.events, ["sso failing"]);
  assertEquals(await bench.check(await bench.token(key)), "All anna", "a new token");
  bench.clock.pass(3_600_000);
  assertEquals(await bench.check(token), "overloaded", "after a day");
  assertEquals(await bench.check(await bench.token(key)), "overloaded");
  isAway = false;
  bench.clock.pass(30_000);
  await bench.check(token);
  assertEquals(await bench.check(token), "All anna");
  assertEquals(bench.events, ["sso failing", "sso recovered"]);
});

Deno.test("jwt: without any keys, tokens cannot be verified, and the proxy tries again", async () => {
  let isAway = true;
  using bench = new JwtBench([testIssuer()], () => {
    if (isAway) throw new Error("away");
    return set(key);
  });
  assertEquals(await bench.check(await bench.token(key)), "overloaded");
  isAway = false;
  bench.clock.pass(30_000);
  assertEquals(await bench.check(await bench.token(key)), "All anna");
});

Deno.test("jwt: a verified token is checked without waiting until it expires", async () => {
  using bench = new JwtBench([testIssuer({ clockSkewMs: 0 })], () => set(key));
  const token = await bench.token(key);
  const first = (await bench.tokens.verify([token]))?.results.get(token);
  const again = bench.tokens.verify([token, token]);
  assert(again !== undefined && !(again instanceof Promise), "no promise");
  const result = again.results.get(token);
  assert(first !== undefined && "principal" in first && result !== undefined && "principal" in result);
  assert(result.principal === first.principal, "the same object");
  assertEquals(bench.lookups, 1);
  bench.clock.pass(299_999);
  assertEquals(await bench.check(token), "All anna");
  bench.clock.pass(1);
  assertEquals(shown(await bench.tokens.verify([token]), token), "token_expired");
});

Deno.test("jwt: changes of the project apply to the next request", async () => {
  using bench = new JwtBench([testIssuer({ rules: { requestsPerMinute: 2 } })], () => set(key));
  const token = await bench.token(key, { groups: ["lab"] });
  assertEquals(await bench.check(token), "Lab anna");
  bench.projects.set("Lab", testProject("Lab", { rules: { models: ["small"] } }));
  const result = (await bench.tokens.verify([token]))?.results.get(token);
  assert(result !== undefined && "principal" in result);
  assertEquals(result.principal.subjects.map(({ what, rules }) => [what, rules]), [
    ["account", { requestsPerMinute: 2 }],
    ["project", { models: ["small"] }],
  ]);
  bench.projects.set("Lab", testProject("Lab", { active: false }));
  assertEquals(await bench.check(token), "token_revoked");
  bench.projects.delete("Lab");
  assertEquals(await bench.check(token), "forbidden");
  await bench.check(token);
  assertEquals(bench.events, ["sso has no Lab"]);
});

Deno.test("jwt: a disabled person is refused within ten seconds", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const token = await bench.token(key);
  const at = "https://sso.test anna";
  bench.people.set(at, { id: "usr_1", disabled: false });
  assertEquals(await bench.check(token), "All anna");
  bench.people.set(at, { id: "usr_1", disabled: true });
  bench.clock.pass(10_000);
  assertEquals(await bench.check(token), "token_revoked");
  assertEquals(await bench.check(await bench.token(key, { jti: "new" })), "token_revoked");
  bench.databaseError = new Error("away");
  bench.clock.pass(10_000);
  assertEquals(await bench.check(token), "token_revoked", "while the database is away");
  assertEquals(await bench.check(await bench.token(key, { jti: "newer" })), "overloaded");
  bench.databaseError = undefined;
  bench.people.set(at, { id: "usr_1", disabled: false });
  bench.clock.pass(10_000);
  assertEquals(await bench.check(token), "All anna");
});

Deno.test("jwt: a database that does not answer delays a request by a second", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const token = await bench.token(key);
  assertEquals(await bench.check(token), "All anna");
  bench.hangs = true;
  bench.clock.pass(10_000);
  const known = bench.check(token);
  bench.clock.pass(1_000);
  assertEquals(await known, "All anna");
  assert(!(bench.tokens.verify([token]) instanceof Promise), "the next requests do not wait");
});

Deno.test("jwt: the memory of verified tokens is bounded, and the oldest is forgotten first", async () => {
  const tokens: string[] = [];
  using bench = new JwtBench([testIssuer()], () => set(key), { maxCharacters: 5_000 });
  for (const sub of ["a", "b", "c", "d"]) tokens.push(await bench.token(key, { sub }));
  for (const token of tokens) assertEquals((await bench.check(token)).slice(0, 4), "All ");
  const verified = tokens.map((token) => bench.tokens.verify([token]));
  assertEquals(verified.map((one) => one instanceof Promise), [true, true, false, false]);
  await Promise.all(verified);
});

Deno.test("jwt: a token of an unknown key is no guess, and a wrong signature by a known key is one", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const isGuess = async (token: string) => {
    const result = (await bench.tokens.verify([token]))?.results.get(token);
    return result !== undefined && "rejected" in result && result.isGuess === true;
  };
  assertEquals(await isGuess(await bench.token(other)), false, "perhaps the provider has a new key");
  assertEquals(await isGuess(await bench.token({ ...other, kid: "first" })), true);
});

Deno.test("jwt: a new key of a provider that names no keys is read too", async () => {
  let published = set(key);
  using bench = new JwtBench([testIssuer()], () => published);
  const unnamed = ({ privateKey }: typeof key, sub: string) =>
    new SignJWT(bench.claims({ sub })).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
  assertEquals(await bench.check(await unnamed(key, "anna")), "All anna");
  published = set(other);
  bench.clock.pass(31_000);
  assertEquals(await bench.check(await unnamed(other, "ben")), "All ben");
  assertEquals(await bench.check(await unnamed(key, "anna")), "unauthorized");
  assertEquals(bench.reads.length, 2);
});

Deno.test("jwt: of many tokens in one request, two are verified, and the others are not valid", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const tokens = await Promise.all(["a", "b", "c", "d"].map((sub) => bench.token(key, { sub })));
  const verified = await bench.tokens.verify(tokens);
  assertEquals(tokens.map((token) => shown(verified, token)), [
    "All a",
    "All b",
    "unauthorized",
    "unauthorized",
  ]);
});

Deno.test("jwt: a token without a project, as strangers have of a public issuer, costs no memory and no look-up", async () => {
  const { defaultProject: _, ...strict } = testIssuer();
  using bench = new JwtBench([strict], () => set(key));
  const token = await bench.token(key, { sub: "a-stranger" });
  assertEquals(await bench.check(token), "forbidden");
  assertEquals(bench.lookups, 0, "which would write the name of the account too");
  assert(bench.tokens.verify([token]) instanceof Promise, "not in memory");
  assertEquals(await bench.check(token), "forbidden");
});

Deno.test("jwt: a token has one spelling", async () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const token = await bench.token(key);
  for (const other of [`${token}==`, `${token.slice(0, -4)} ${token.slice(-4)}`, `${token.slice(0, -4)}\t`]) {
    assertEquals(bench.tokens.verify([other]), undefined);
  }
});

Deno.test("jwt: values of other forms cost nothing", () => {
  using bench = new JwtBench([testIssuer()], () => set(key));
  const values = ["sk-proj-1234", "llmp_abc", "eyJ", "eyJ.eyJ", "eyJ..a", "eyJ.a.", "eyJ.a.b.c", "a.b.c"];
  assertEquals(bench.tokens.verify(values), undefined);
});
