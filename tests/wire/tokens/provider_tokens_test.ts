/** Tokens of a real provider as tokens of clients, through the whole proxy. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { SignJWT } from "jose";
import type { JwtIssuer } from "../../../src/config/config.ts";
import { CREDENTIAL_PLACES, type CredentialPlace } from "../../../src/config/credential_places.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { testIssuer, testKey } from "../../support/proxies/jwt_bench.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { ProviderBench } from "../../support/proxies/provider_bench.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { RealProvider, RESOURCE } from "../../support/upstreams/real_provider.ts";

/** The tokens of a provider, without a default project. */
function tableOf({ issuer }: RealProvider, overrides: Partial<JwtIssuer> = {}): JwtIssuer {
  const { defaultProject: _, ...table } = testIssuer({
    issuer,
    audiences: [RESOURCE],
    keys: { kind: "discovery" },
    ...overrides,
  });
  return table;
}

/** A proxy with the tokens of a real provider and the project Lab. */
async function withProxy(
  options: ManagedOptions & { readonly table?: Partial<JwtIssuer> },
  test: (
    parts: { proxy: ManagedProxy; provider: RealProvider; upstream: FakeUpstream; project: string },
  ) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream();
  await using provider = await RealProvider.open("http://127.0.0.1:1");
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [tableOf(provider, options.table)],
    ...options,
  });
  const { body: { id } } = await proxy.api("POST", "/projects", { name: "Lab" });
  await test({ proxy, provider, upstream, project: id });
}

/** The status and the code of a request with a token. */
async function chat(proxy: ManagedProxy, token: string): Promise<[number, string | null]> {
  const response = await proxy.chat(token);
  await response.text();
  return [response.status, response.headers.get("x-llm-proxy-error")];
}

Deno.test("provider's tokens: of a program and of a person, with the project by a claim", () =>
  withProxy(
    { table: { rules: { requestsPerMinute: 2 } } },
    async ({ proxy, provider, upstream, project }) => {
      provider.groups.set("anna", ["lab"]);
      const { access, id } = await provider.userTokens("anna");
      proxy.conceals(access);
      assertEquals(await chat(proxy, access), [200, null]);
      assertEquals(upstream.requests[0]?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);
      assert(!upstream.received.includes(access));
      assertEquals(await chat(proxy, id), [401, "unauthorized"], "an ID token is for another audience");
      const program = await provider.clientToken();
      assertEquals(await chat(proxy, program), [403, "forbidden"], "no rule matches");
      provider.groups.set("", ["lab"]);
      assertEquals(await chat(proxy, await provider.clientToken()), [200, null]);
      assertEquals(await chat(proxy, access), [200, null]);
      const third = await proxy.chat(access);
      assertEquals(third.status, 429);
      assertMatch(await third.text(), /This account may make 2 requests per minute/);
      assertEquals(await chat(proxy, SECRETS.proxyToken), [200, null], "the shared token works too");
      assertEquals(await chat(proxy, (await proxy.token()).value), [200, null], "and managed ones");
      const { body: { data } } = await proxy.api("GET", "/exchanges");
      const [row] = data.filter(({ status }: Json) => status === 429);
      assertMatch(row.token_id, /^jwt_[0-9a-f]{32}$/);
      assertEquals(row.project_id, project);
      const usage = await proxy.api("GET", `/usage?group=token&project_id=${project}`);
      const sums = usage.body.data.find(({ token }: Json) => token === row.token_id);
      assertEquals([sums?.token_name, sums?.requests], ["anna", 3]);
    },
  ));

Deno.test("provider's tokens: an inactive project refuses them from the next request on", () =>
  withProxy({}, async ({ proxy, provider, project }) => {
    provider.groups.set("anna", ["lab"]);
    const { access } = await provider.userTokens("anna");
    assertEquals(await chat(proxy, access), [200, null]);
    const { headers } = await proxy.api("GET", `/projects/${project}`);
    const tag = { "if-match": headers.get("etag") ?? "" };
    assertEquals((await proxy.api("PATCH", `/projects/${project}`, { active: false }, tag)).status, 200);
    assertEquals(await chat(proxy, access), [401, "token_revoked"]);
  }));

Deno.test("provider's tokens: a reload adds and removes the provider, and wrong ones are guesses", () =>
  withProxy({}, async ({ proxy, provider }) => {
    provider.groups.set("anna", ["lab"]);
    const { access } = await provider.userTokens("anna");
    const { config } = proxy.proxy;
    assert(config.auth.mode === "token");
    proxy.proxy.configure({ ...config, auth: { mode: "token", tokens: config.auth.tokens } });
    assertEquals(await chat(proxy, access), [401, "unauthorized"]);
    proxy.proxy.configure(config);
    assertEquals(await chat(proxy, access), [200, null]);
    const forged = (count: number) => access.replace(/[^.]{4}$/, `AA${10 + count}`);
    for (let count = 0; count < 4; count++) {
      assertEquals(await chat(proxy, forged(count)), [401, "unauthorized"], "a wrong signature is a guess");
    }
    assertEquals(await chat(proxy, forged(5)), [429, "rate_limited"], "so the address waits");
    assertEquals(await chat(proxy, SECRETS.proxyToken), [429, "rate_limited"]);
    assertEquals(await chat(proxy, access), [200, null], "a token that cannot be guessed is still valid");
  }));

Deno.test("provider's tokens: a reload while the provider is away keeps its last keys", async () => {
  await using upstream = new FakeUpstream();
  const provider = await RealProvider.open("http://127.0.0.1:1");
  const table = { ...tableOf(provider), defaultProject: "Lab" };
  await using proxy = await ManagedProxy.start(upstream, { jwt: [table] });
  await proxy.api("POST", "/projects", { name: "Lab" });
  const token = await provider.clientToken();
  const next = await provider.clientToken();
  assertEquals(await chat(proxy, token), [200, null]);
  await provider[Symbol.asyncDispose]();
  const { config } = proxy.proxy;
  assert(config.auth.mode === "token");
  const withTable = (jwt: JwtIssuer) =>
    proxy.proxy.configure({ ...config, auth: { ...config.auth, mode: "token", tokens: [], jwt: [jwt] } });
  withTable({ ...table, rules: { requestsPerMinute: 100 } });
  assertEquals(await chat(proxy, token), [200, null]);
  assertEquals(await chat(proxy, next), [200, null], "a new token");
  withTable({ ...table, keys: { kind: "url", url: `${provider.issuer}/elsewhere` } });
  assertEquals(await chat(proxy, token), [503, "overloaded"], "other keys are not known");
});

Deno.test("provider's tokens: the log does not have the query of the URL of the keys", async () => {
  const answer = plainAnswer("{}", { headers: "Content-Type: application/json\r\n" });
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(answer) });
  const url = `${upstream.origin}/jwks?key=a-secret-of-the-query`;
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [testIssuer({ keys: { kind: "url", url } })],
  });
  const { detail } = await proxy.proxy.logged("jwt_keys_failing");
  assertEquals(detail, `sso: ${upstream.origin}/jwks contains no list of keys`);
});

Deno.test("provider's tokens: without the provider they are a 503, and other tokens go on", async () => {
  await using upstream = new FakeUpstream();
  const provider = await RealProvider.open("http://127.0.0.1:1");
  const token = await provider.clientToken();
  await provider[Symbol.asyncDispose]();
  await using proxy = await ManagedProxy.start(upstream, { jwt: [tableOf(provider)] });
  assertEquals(await chat(proxy, token), [503, "overloaded"]);
  assertEquals(await chat(proxy, SECRETS.proxyToken), [200, null]);
  const { detail } = await proxy.proxy.logged("jwt_keys_failing");
  assertMatch(String(detail), /^sso: The proxy cannot reach sso/);
});

// `Object.keys` has no narrower type, and the table is a literal.
const PLACES = Object.keys(CREDENTIAL_PLACES) as CredentialPlace[];

function placed(place: CredentialPlace, value: string): { query: string; lines: string[] } {
  switch (CREDENTIAL_PLACES[place].form) {
    case "bearer":
      return { query: "", lines: [`${place}: Bearer ${value}`] };
    case "word":
      return { query: "", lines: [`${place}: ${value}`] };
    case "query":
      return { query: `?key=${value}`, lines: [] };
    case "subprotocol":
      return { query: "", lines: [`sec-websocket-protocol: realtime, openai-insecure-api-key.${value}`] };
  }
}

Deno.test("provider's tokens: in every place they admit, and go to no upstream", async () => {
  const answer = plainAnswer("{}", { headers: "Content-Type: application/json\r\n" });
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(answer) });
  await using provider = await RealProvider.open("http://127.0.0.1:1");
  const backend = (key: Parameters<typeof testBackend>[1]) =>
    testBackend(upstream.origin, { path: "/v1", ...key });
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [{ ...tableOf(provider), defaultProject: "Lab" }],
    endpoints: [
      testEndpoint("openai", [backend({ key: { mode: "inject", value: SECRETS.openaiKey } })]),
      testEndpoint("own", [backend({ key: { mode: "passthrough" } })]),
    ],
  });
  await proxy.api("POST", "/projects", { name: "Lab" });
  const token = await provider.clientToken();
  proxy.conceals(token);
  const ask = (endpoint: string, lines: readonly string[], query = "") =>
    rawRequest(proxy.url, [`GET /${endpoint}/v1/models${query} HTTP/1.1`, ...lines]);
  for (const place of PLACES) {
    const { query, lines } = placed(place, token);
    assertEquals((await ask("openai", lines, query)).status, 200, place);
    if (place === "x-llm-proxy-token") continue;
    // With a valid token in the header of the proxy, and the client's own key where there is room for it.
    const own = place === "authorization" ? [] : [`authorization: Bearer ${SECRETS.clientKey}`];
    const besides = [...lines, ...own, `x-llm-proxy-token: ${SECRETS.proxyToken}`];
    assertEquals((await ask("own", besides, query)).status, 200, `passthrough, ${place}`);
  }
  const alone = await ask("own", [
    `authorization: Bearer ${SECRETS.clientKey}`,
    `proxy-authorization: Bearer ${token}`,
  ]);
  assertEquals(alone.status, 200);
  assertEquals(upstream.requests.at(-1)?.header("authorization"), `Bearer ${SECRETS.clientKey}`);
  assertEquals(
    (await ask("own", [`authorization: Bearer ${token}`])).status,
    401,
    "the provider would get it",
  );
  const hidden = [`authorization: Basic ${btoa(`a:${token}`)}`, `x-llm-proxy-token: ${SECRETS.proxyToken}`];
  assertEquals((await ask("own", hidden)).status, 400, "hidden in a password");
  assert(!upstream.received.includes(token), "no upstream got the token");
  assert(!upstream.received.includes(btoa(`a:${token}`)));
});

Deno.test("provider's tokens: a token of the same issuer for another audience goes on as the client's own key", async () => {
  const answer = plainAnswer("{}", { headers: "Content-Type: application/json\r\n" });
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(answer) });
  await using provider = await RealProvider.open("http://127.0.0.1:1");
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [tableOf(provider, { audiences: ["another"] })],
    endpoints: [testEndpoint("own", [testBackend(upstream.origin, { key: { mode: "passthrough" } })])],
  });
  const token = await provider.clientToken();
  const lines = [`authorization: Bearer ${token}`, `x-llm-proxy-token: ${SECRETS.proxyToken}`];
  assertEquals((await rawRequest(proxy.url, ["GET /own/v1/models HTTP/1.1", ...lines])).status, 200);
  assertEquals(upstream.requests[0]?.header("authorization"), `Bearer ${token}`);
});

Deno.test("provider's tokens: one of a new key goes to no upstream, and its clients need not wait", async () => {
  const answer = plainAnswer("{}", { headers: "Content-Type: application/json\r\n" });
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(answer) });
  const [old, key] = [await testKey("old"), await testKey("new")];
  const table = testIssuer({ keys: { kind: "file", path: "keys.json", keys: { keys: [{ ...old.jwk }] } } });
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [table],
    endpoints: [testEndpoint("own", [testBackend(upstream.origin, { key: { mode: "passthrough" } })])],
  });
  const ask = (lines: string[]) => rawRequest(proxy.url, ["GET /own/v1/models HTTP/1.1", ...lines]);
  for (let count = 0; count < 6; count++) {
    const token = await new SignJWT({ iss: table.issuer, aud: "llm-proxy", sub: "anna", exp: 9e9, count })
      .setProtectedHeader({ alg: "ES256", kid: "new" }).sign(key.privateKey);
    assertEquals((await ask([`x-llm-proxy-token: ${token}`])).status, 401, `request ${count}`);
    const both = [`authorization: Bearer ${token}`, `x-llm-proxy-token: ${SECRETS.proxyToken}`];
    assertEquals((await ask(both)).status, 200, `request ${count}`);
    assert(!upstream.received.includes(token), "the provider could use it at this proxy");
  }
});

Deno.test("provider's tokens: the usage belongs to the person who signs in, and a disabled person is refused", async () => {
  await using bench = await ProviderBench.open();
  const { provider, proxy } = bench;
  await bench.project("Lab");
  provider.groups.set("anna", ["lab"]);
  const { config } = proxy.proxy;
  assert(config.auth.mode === "token");
  const jwt = [tableOf(provider)];
  proxy.proxy.configure({ ...config, auth: { ...config.auth, jwt } });
  const { access } = await provider.userTokens("anna");
  assertEquals(await bench.chat(access), 200);
  const { page } = await bench.signIn("anna");
  assertEquals(page.status, 200);
  const [{ id }] = await bench.people();
  // Another token is new, so the proxy asks at once whether there is a person.
  const { access: next } = await provider.userTokens("anna");
  assertEquals(await bench.chat(next), 200);
  const usage = await proxy.api("GET", "/usage?group=person");
  assertEquals(usage.body.data.map(({ person, requests }: Json) => [person, requests]), [[id, 2]]);
  const { headers } = await proxy.api("GET", `/people/${id}`);
  await proxy.api("PATCH", `/people/${id}`, { disabled: true }, { "if-match": headers.get("etag") ?? "" });
  assertEquals(await bench.chat((await provider.userTokens("anna")).access), 401);
});

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;
