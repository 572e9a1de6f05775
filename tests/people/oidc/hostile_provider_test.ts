/** What a provider, or a stranger in its name, could send to sign in as another person. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { exportSPKI, SignJWT, UnsecuredJWT } from "jose";
import { REQUEST_MS } from "../../../src/people/oidc/outbound.ts";
import { PENDING_MS } from "../../../src/people/oidc/pending.ts";
import { newSealer, SignInBench, SignInBrowser } from "../../support/clients/sign_in_browser.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { within } from "../../support/time/deadline.ts";
import {
  newSigningKey,
  ScriptedProvider,
  signed,
  signingKey,
} from "../../support/upstreams/scripted_provider.ts";

/** A provider and the sign-in that knows it. */
async function opened(
  prepare: (provider: ScriptedProvider) => void | Promise<void> = () => {},
): Promise<AsyncDisposable & { provider: ScriptedProvider; bench: SignInBench; browser: SignInBrowser }> {
  const clock = new FakeClock();
  const provider = await ScriptedProvider.open(clock);
  await prepare(provider);
  const bench = await SignInBench.open([provider.table()], { clock });
  return {
    provider,
    bench,
    browser: new SignInBrowser(bench),
    async [Symbol.asyncDispose]() {
      bench[Symbol.dispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** No one may be signed in, the page says why, and no secret is in it or in the log. */
function assertRejected(
  { bench, page, why, status = 502 }: {
    bench: SignInBench;
    page: { status: number; text: string };
    why: RegExp;
    status?: number;
  },
): void {
  assertEquals(bench.people, []);
  assertMatch(page.text.replaceAll("&#34;", '"'), why);
  assertEquals(page.status, status);
  const told = page.text +
    bench.failures.map(({ message, detail, cause }) => message + detail + cause).join();
  assert(!/an-access-token|the-secret-of-the-proxy|eyJ/.test(told), told);
}

Deno.test("hostile provider: an honest answer signs the person in, so that the cases below prove something", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const page = await browser.returned(provider.authorize(await browser.begin()));
  assertEquals(page.status, 200, page.text);
  assertEquals(bench.people.map(({ subject, role, projects }) => ({ subject, role, projects })), [
    { subject: "person-1", role: "member", projects: ["Lab project"] },
  ]);
  assertEquals(
    provider.tokenRequest.get("redirect_uri"),
    "https://llm.example.com/admin/sign-in/scripted/callback",
  );
  assertMatch(provider.tokenRequest.get("code_verifier") ?? "", /^[\w-]{43}$/);
});

/** Claims of ID tokens that are not for this sign-in. */
const CLAIMS: Readonly<Record<string, { readonly claims: Record<string, unknown>; readonly why: RegExp }>> = {
  "another issuer": { claims: { iss: "https://evil.example" }, why: /of another provider/ },
  "no issuer": { claims: { iss: undefined }, why: /does not accept/ },
  "another audience": { claims: { aud: "another-program" }, why: /another program: check "client_id"/ },
  "no audience": { claims: { aud: undefined }, why: /does not accept/ },
  "two audiences without azp": { claims: { aud: ["the-proxy", "other"] }, why: /another program/ },
  "two audiences with another azp": {
    claims: { aud: ["the-proxy", "other"], azp: "other" },
    why: /does not accept \(azp\)/,
  },
  "another azp": { claims: { azp: "other" }, why: /another program \(azp\)/ },
  "another nonce": { claims: { nonce: "another" }, why: /of another sign-in/ },
  "no nonce": { claims: { nonce: undefined }, why: /does not accept/ },
  "no subject": { claims: { sub: undefined }, why: /does not accept/ },
  "expired": { claims: { exp: FakeClock.START / 1000 - 61 }, why: /not valid now: set the clocks/ },
  "no expiry": { claims: { exp: undefined }, why: /does not accept/ },
  "not yet valid": { claims: { nbf: FakeClock.START / 1000 + 61 }, why: /not valid now: set the clocks/ },
  "issued in the future": {
    claims: { iat: FakeClock.START / 1000 + 61 },
    why: /of the future: set the clocks/,
  },
};
for (const [name, { claims, why }] of Object.entries(CLAIMS)) {
  Deno.test(`hostile provider: an ID token with ${name} is rejected`, async () => {
    await using open = await opened((provider) => void (provider.claims = claims));
    const { provider, bench, browser } = open;
    const page = await browser.returned(provider.authorize(await browser.begin()));
    assertRejected({ bench, page, why });
  });
}

Deno.test("hostile provider: clocks may differ by a minute", async () => {
  const nowS = FakeClock.START / 1000;
  for (const claims of [{ exp: nowS - 59 }, { nbf: nowS + 59, iat: nowS + 59 }]) {
    await using open = await opened((provider) => void (provider.claims = claims));
    const { provider, browser } = open;
    assertEquals((await browser.returned(provider.authorize(await browser.begin()))).status, 200);
  }
});

Deno.test("hostile provider: alg none is rejected, even if the metadata name it", async () => {
  for (const named of [["RS256"], ["RS256", "none"]]) {
    await using open = await opened((provider) => {
      provider.metadata = { id_token_signing_alg_values_supported: named };
      provider.makeToken = (claims) => new UnsecuredJWT(claims).encode();
    });
    const { provider, bench, browser } = open;
    const page = await browser.returned(provider.authorize(await browser.begin()));
    assertRejected({ bench, page, why: /does not accept/ });
  }
});

Deno.test("hostile provider: HS256 with the public key as the secret is rejected, even if the metadata name it", async () => {
  for (const named of [["RS256"], ["RS256", "HS256"]]) {
    await using open = await opened(async (provider) => {
      provider.metadata = { id_token_signing_alg_values_supported: named };
      const { n, e } = provider.published[0]?.jwk ?? {};
      const key = await crypto.subtle.importKey(
        "jwk",
        { kty: "RSA", n: n ?? "", e: e ?? "", alg: "RS256" },
        { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
        true,
        ["verify"],
      );
      const secret = new TextEncoder().encode(await exportSPKI(key));
      provider.makeToken = (claims) =>
        new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "first" }).sign(secret);
    });
    const { provider, bench, browser } = open;
    const page = await browser.returned(provider.authorize(await browser.begin()));
    assertRejected({ bench, page, why: /does not accept/ });
  }
});

Deno.test("hostile provider: a token that another key signed is rejected, by the name of the known key too", async () => {
  for (const kid of ["first", "unknown"]) {
    await using open = await opened(async (provider) => {
      const other = await newSigningKey(kid);
      provider.makeToken = (claims) => signed(claims, other);
    });
    const { provider, bench, browser } = open;
    const page = await browser.returned(provider.authorize(await browser.begin()));
    assertRejected({ bench, page, why: /does not accept|does not publish/ });
  }
});

Deno.test("hostile provider: a changed token is rejected", async () => {
  await using open = await opened((provider) => {
    const usual = provider.makeToken;
    provider.makeToken = async (claims) => {
      const [head, , signature] = (await usual(claims)).split(".");
      const payload = new TextEncoder().encode(JSON.stringify({ ...claims, groups: ["llm-admins"] }));
      return `${head}.${payload.toBase64({ alphabet: "base64url", omitPadding: true })}.${signature}`;
    };
  });
  const { provider, bench, browser } = open;
  const page = await browser.returned(provider.authorize(await browser.begin()));
  assertRejected({ bench, page, why: /does not accept/ });
});

Deno.test("hostile provider: new keys are read for an unknown name, once a minute", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const reads = () => provider.asked.filter((path) => path === "/jwks").length;
  await browser.returned(provider.authorize(await browser.begin()));
  assertEquals(reads(), 1);
  const second = await signingKey("second");
  provider.published = [second];
  provider.makeToken = (claims) => signed(claims, second);
  const early = await browser.returned(provider.authorize(await browser.begin()));
  assertMatch(early.text, /does not publish/);
  assertEquals(reads(), 1);
  bench.clock.pass(61_000);
  assertEquals((await browser.returned(provider.authorize(await browser.begin()))).status, 200);
  assertEquals(reads(), 2);
  await browser.returned(provider.authorize(await browser.begin()));
  assertEquals(reads(), 2);
});

Deno.test("hostile provider: a state works once, in the browser that began, and for ten minutes", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const rejected = async (one: SignInBrowser, query: URLSearchParams) => {
    const page = await one.returned(query);
    assertEquals(page.status, 400);
    assertMatch(page.text, /no such sign-in/);
  };
  const query = provider.authorize(await browser.begin());
  const cookies = new Map(browser.cookies);
  await rejected(new SignInBrowser(bench), query);
  const other = new SignInBrowser(bench);
  await other.begin();
  await rejected(other, query);
  assertEquals((await browser.returned(query)).status, 200);
  assertEquals([...browser.cookies.keys()], ["llm_proxy_session"]);
  await rejected(browser, query);
  // With the cookie kept, and with a code that the provider would still accept.
  for (const [name, value] of cookies) browser.cookies.set(name, value);
  await rejected(browser, query);
  const late = provider.authorize(await browser.begin());
  bench.clock.pass(PENDING_MS);
  await rejected(browser, late);
  for (const broken of [new URLSearchParams(), new URLSearchParams({ state: "", code: "1" })]) {
    await browser.begin();
    await rejected(browser, broken);
  }
  for (const value of ["", "!", "AAAA", "A".repeat(5_000)]) {
    const changed = provider.authorize(await browser.begin());
    for (const name of browser.cookies.keys()) browser.cookies.set(name, value);
    await rejected(browser, changed);
  }
  assertEquals(provider.asked.filter((path) => path === "/token").length, 1);
  assertEquals(bench.people.length, 1);
});

Deno.test("hostile provider: a code that was used before is rejected", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const used = provider.authorize(await browser.begin());
  await browser.returned(used);
  const next = provider.authorize(await browser.begin());
  next.set("code", used.get("code") ?? "");
  const page = await browser.returned(next);
  assertEquals(page.status, 502);
  assertMatch(page.text, /used before, or it expired/);
  assertEquals(bench.people.length, 1);
});

Deno.test("hostile provider: another replica with the same key finishes a sign-in, one with another key does not", async () => {
  const clock = new FakeClock();
  await using provider = await ScriptedProvider.open(clock);
  const sealer = await newSealer();
  using first = await SignInBench.open([provider.table()], { clock, sealer });
  using second = await SignInBench.open([provider.table()], { clock, sealer });
  using stranger = await SignInBench.open([provider.table()], { clock });
  const browser = new SignInBrowser(first);
  const query = provider.authorize(await browser.begin());
  for (const [bench, status] of [[stranger, 400], [second, 200]] as const) {
    const there = new SignInBrowser(bench);
    for (const [name, value] of browser.cookies) there.cookies.set(name, value);
    assertEquals((await there.returned(query)).status, status);
  }
});

Deno.test("hostile provider: an answer of one provider is not for another (mix-up)", async () => {
  const clock = new FakeClock();
  await using honest = await ScriptedProvider.open(clock);
  await using evil = await ScriptedProvider.open(clock);
  const tables = [honest.table({ name: "honest" }), evil.table({ name: "evil" })];
  using bench = await SignInBench.open(tables, { clock });
  const browser = new SignInBrowser(bench);
  const query = honest.authorize(await browser.begin("honest"));
  // At the callback of the other provider, there is no cookie for it.
  assertEquals((await browser.returned(query, "evil")).status, 400);
  // A cookie of one provider under the name of the other one.
  const [[name = "", value = ""] = []] = browser.cookies;
  browser.cookies.set(name.replace("honest", "evil"), value);
  assertEquals((await browser.returned(query, "evil")).status, 400);
  // The evil provider sends the browser to the honest one, with the state of its own sign-in.
  const mixed = honest.authorize(await browser.begin("evil"));
  const page = await browser.returned(mixed, "evil");
  assertRejected({ bench, page, why: /response that the proxy does not accept/ });
  assertEquals(evil.asked.includes("/token"), false);
});

Deno.test("hostile provider: without the iss parameter that the metadata promise, no code is sent", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const query = provider.authorize(await browser.begin());
  query.delete("iss");
  assertRejected({ bench, page: await browser.returned(query), why: /does not accept/ });
  assertEquals(provider.asked.includes("/token"), false);
});

Deno.test("hostile provider: an error in the callback is shown as text, for the right browser only", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  const error = { error: "access_denied", error_description: "<script>alert(1)</script>\u202e" };
  const stranger = await new SignInBrowser(bench).returned(new URLSearchParams({ ...error, state: "1" }));
  assert(!stranger.text.includes("alert"));
  const state = (await browser.begin()).searchParams.get("state") ?? "";
  const page = await browser.returned(new URLSearchParams({ ...error, state, iss: provider.issuer }));
  assertEquals(page.status, 403);
  assertStringIncludes(
    page.text,
    "cancelled or denied: access_denied: &#60;script&#62;alert(1)&#60;/script&#62;\\u202e",
  );
});

/** Answers of endpoints that are broken, too long or from elsewhere. */
const ANSWERS: Readonly<
  Record<
    string,
    { readonly path: string; readonly answer: () => Response; readonly why: RegExp; readonly status?: number }
  >
> = {
  "an error page of HTML at the token endpoint": {
    path: "/token",
    answer: () => new Response("<h1>500</h1>", { status: 500, headers: { "content-type": "text/html" } }),
    why: /answered with an error/,
  },
  "HTML with the status 200 at the token endpoint": {
    path: "/token",
    answer: () => new Response("<h1>Hello</h1>", { headers: { "content-type": "text/html" } }),
    why: /a web page in place of data/,
  },
  "a wrong client secret": {
    path: "/token",
    answer: () => Response.json({ error: "invalid_client" }, { status: 401 }),
    why: /check client_id and client_secret of the provider "scripted"/,
  },
  "a token response without an ID token": {
    path: "/token",
    answer: () => Response.json({ access_token: "an-access-token", token_type: "Bearer" }),
    why: /does not accept/,
  },
  "a token response without end": { path: "/token", answer: () => endless(), why: /too long/ },
  "keys without end": { path: "/jwks", answer: () => endless(), why: /too long/ },
  "keys that are no keys": {
    path: "/jwks",
    answer: () => Response.json({ keys: "no" }),
    why: /does not accept/,
  },
  "a redirect of the token endpoint": {
    path: "/token",
    answer: () => new Response(null, { status: 307, headers: { location: "https://evil.example/token" } }),
    why: /answered with an error/,
  },
};
for (const [name, { path, answer, why }] of Object.entries(ANSWERS)) {
  Deno.test(`hostile provider: ${name} signs no one in`, async () => {
    await using open = await opened((provider) => void provider.answers.set(path, answer));
    const { provider, bench, browser } = open;
    const page = await browser.returned(provider.authorize(await browser.begin()));
    assertRejected({ bench, page, why });
  });
}

/** JSON that never ends. */
function endless(): Response {
  const piece = new TextEncoder().encode(" ".repeat(64 * 1024));
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(piece) });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

Deno.test("hostile provider: user info of another person signs no one in", async () => {
  await using open = await opened((provider) => {
    provider.claims = { groups: undefined };
    provider.answers.set("/userinfo", () => Response.json({ sub: "person-2", groups: ["llm-admins"] }));
  });
  const { provider, bench, browser } = open;
  const page = await browser.returned(provider.authorize(await browser.begin()));
  assertRejected({ bench, page, why: /about another person/ });
});

Deno.test("hostile provider: a slow answer ends the sign-in after ten seconds", async () => {
  for (const path of ["/token", "/.well-known/openid-configuration"]) {
    const asked = Promise.withResolvers<void>();
    const end = Promise.withResolvers<Response>();
    await using open = await opened((provider) =>
      void provider.answers.set(path, () => {
        asked.resolve();
        return end.promise;
      })
    );
    const { provider, bench, browser } = open;
    const visit = path === "/token"
      ? browser.returned(provider.authorize(await browser.begin()))
      : browser.open("/admin/sign-in/scripted").then(async (response) => ({
        status: response.status,
        text: await response.text(),
      }));
    await within(asked.promise, "the request to the provider");
    bench.clock.pass(REQUEST_MS);
    const page = await within(visit, "the page");
    assertRejected({ bench, page, why: /took too long/, status: 504 });
    end.resolve(new Response(null, { status: 204 }));
  }
});

/** Metadata that lead elsewhere. */
const DISCOVERY: Readonly<
  Record<string, { readonly prepare: (provider: ScriptedProvider) => void; readonly why: RegExp }>
> = {
  "the metadata of another issuer": {
    prepare: (provider) => void (provider.metadata = { issuer: "https://evil.example" }),
    why: /names another issuer/,
  },
  "an issuer with another slash": {
    prepare: (provider) => void (provider.metadata = { issuer: `${provider.issuer}/` }),
    why: /with or without the slash/,
  },
  "a redirect to other metadata": {
    prepare: (provider) =>
      void provider.answers.set(
        "/.well-known/openid-configuration",
        () => new Response(null, { status: 302, headers: { location: "/other" } }),
      ),
    why: /no provider at the address/,
  },
  "a web page": {
    prepare: (provider) =>
      void provider.answers.set(
        "/.well-known/openid-configuration",
        () => new Response("<h1>Router</h1>", { headers: { "content-type": "text/html" } }),
      ),
    why: /is a web page and no provider/,
  },
  "metadata without end": {
    prepare: (provider) => void provider.answers.set("/.well-known/openid-configuration", endless),
    why: /too long/,
  },
  "a sign-in page with another scheme": {
    prepare: (provider) => void (provider.metadata = { authorization_endpoint: "javascript:alert(1)" }),
    why: /no authorization_endpoint with an https/,
  },
  "a token endpoint without TLS": {
    prepare: (provider) => void (provider.metadata = { token_endpoint: "http://192.0.2.1/token" }),
    why: /no token_endpoint with an https/,
  },
  "no keys": {
    prepare: (provider) => void (provider.metadata = { jwks_uri: undefined }),
    why: /no jwks_uri with an https/,
  },
  "only symmetric algorithms": {
    prepare: (provider) =>
      void (provider.metadata = { id_token_signing_alg_values_supported: ["HS256", "none"] }),
    why: /choose RS256 at the provider/,
  },
};
for (const [name, { prepare, why }] of Object.entries(DISCOVERY)) {
  Deno.test(`hostile provider: ${name} at discovery sends no browser away`, async () => {
    await using open = await opened(prepare);
    const { provider, bench, browser } = open;
    const response = await browser.open("/admin/sign-in/scripted");
    assertEquals(response.headers.get("location"), null);
    assertRejected({ bench, page: { status: response.status, text: await response.text() }, why });
    assertEquals(provider.asked.includes("/other"), false);
    // A stranger who clicks again and again causes no more requests.
    await (await browser.open("/admin/sign-in/scripted")).body?.cancel();
    assertEquals(provider.asked.length, 1);
  });
}

Deno.test("hostile provider: earlier metadata stay in use if they cannot be read again", async () => {
  await using open = await opened();
  const { provider, bench, browser } = open;
  await browser.begin();
  provider.answers.set("/.well-known/openid-configuration", () => new Response(null, { status: 503 }));
  bench.clock.pass(3_600_000);
  assertEquals((await browser.returned(provider.authorize(await browser.begin()))).status, 200);
});

Deno.test("hostile provider: a logout address with another scheme is not used", async () => {
  await using open = await opened((provider) =>
    void (provider.metadata = { end_session_endpoint: "data:," })
  );
  assertEquals(await open.bench.signIn.logoutUrl("scripted"), undefined);
});
