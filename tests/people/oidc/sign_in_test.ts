/** The routes of the sign-in, and how the proxy reaches providers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { setsSessionCookie, withoutSessionCookie } from "../../../src/http/session_cookie.ts";
import { SignInBench, SignInBrowser } from "../../support/clients/sign_in_browser.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { ScriptedProvider } from "../../support/upstreams/scripted_provider.ts";
import type { SignInProvider } from "../../../src/config/config.ts";
import type { Outcome } from "../../../src/people/oidc/signed_in.ts";

async function opened(outcome?: Outcome) {
  const clock = new FakeClock();
  const provider = await ScriptedProvider.open(clock);
  const bench = await SignInBench.open([provider.table()], { clock, ...outcome && { outcome } });
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

Deno.test("sign-in: the cookie is for this route alone, and the proxy keeps it from upstreams", async () => {
  await using open = await opened();
  const response = await open.browser.open("/admin/sign-in/scripted");
  const [cookie = ""] = response.headers.getSetCookie();
  assertMatch(
    cookie,
    /^llm_proxy_session_sign_in__scripted=[\w-]+; Path=\/admin\/sign-in\/scripted; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  );
  assert(setsSessionCookie(cookie));
  assertEquals(withoutSessionCookie(`a=1; ${cookie.split(";")[0]}`), "a=1");
  const to = new URL(response.headers.get("location") ?? "");
  for (const secret of ["state", "nonce"]) assert(!cookie.includes(to.searchParams.get(secret) ?? "?"));
});

Deno.test("sign-in: the redirect URI is that of the configuration, for every Host", async () => {
  await using open = await opened();
  for (const host of ["evil.example", "llm.example.com.evil.example", "llm.example.com:8443"]) {
    const response = await open.browser.open("/admin/sign-in/scripted?return=/admin/docs", { host });
    assertEquals(
      response.headers.get("location"),
      "https://llm.example.com/admin/sign-in/scripted?return=%2Fadmin%2Fdocs&redirected=1",
    );
    assertEquals(response.headers.getSetCookie(), []);
    // Behind a server that does not forward the Host, the sign-in still works.
    const again = await open.browser.open("/admin/sign-in/scripted?redirected=1", { host });
    assertEquals(
      new URL(again.headers.get("location") ?? "").searchParams.get("redirect_uri"),
      "https://llm.example.com/admin/sign-in/scripted/callback",
    );
  }
});

Deno.test("sign-in: the person returns to the page, by a page of the proxy", async () => {
  await using open = await opened();
  const { provider, browser } = open;
  const query = provider.authorize(
    await browser.begin("scripted", "?return=/admin%3Ftab=1%26x=%22%3E%3Cb%3E"),
  );
  const { text } = await browser.returned(query);
  assertMatch(text, /content="0;url=\/admin\?tab=1&#38;x=%22%3E%3Cb%3E"/);
  const elsewhere = provider.authorize(await browser.begin("scripted", "?return=//evil.example/admin"));
  assertMatch((await browser.returned(elsewhere)).text, /content="0;url=\/admin"/);
});

Deno.test("sign-in: a person whom the sessions reject gets their reason and no cookie", async () => {
  await using open = await opened({ kind: "refused", reason: "Your account is disabled." });
  const { provider, browser } = open;
  const page = await browser.returned(provider.authorize(await browser.begin()));
  assertEquals(page.status, 403);
  assertMatch(page.text, /Your account is disabled\./);
  assertEquals([...browser.cookies], []);
});

Deno.test("sign-in: a link of another site does not end a sign-in that is on its way", async () => {
  await using open = await opened();
  const { provider, browser } = open;
  const query = provider.authorize(await browser.begin());
  assertEquals((await browser.returned(new URLSearchParams({ state: "other", code: "1" }))).status, 400);
  assertEquals((await browser.returned(query)).status, 200);
});

/** A sign-in whose ID token has the time of the login. Gives the page, and the proof in milliseconds ago. */
async function proof(
  query: string,
  loginAgoS: number | undefined,
  preset: SignInProvider["preset"] = "oidc",
) {
  const clock = new FakeClock();
  await using provider = await ScriptedProvider.open(clock);
  using bench = await SignInBench.open([provider.table({ preset })], { clock });
  const browser = new SignInBrowser(bench);
  const url = await browser.begin("scripted", query);
  const asked = ["prompt", "max_age"].map((name) => url.searchParams.get(name));
  const auth_time = loginAgoS === undefined ? undefined : clock.epochMs() / 1000 - loginAgoS;
  provider.claims = { auth_time };
  // The person needs a while at the provider.
  clock.pass(300_000);
  const { status, text } = await browser.returned(provider.authorize(url));
  const provenAt = bench.people[0]?.provenAt;
  return {
    asked,
    status,
    text,
    ago: provenAt ? clock.epochMs() - provenAt : provenAt === 0 ? "never" : undefined,
  };
}

Deno.test("sign-in: without a time of the login that the provider signed, a new login is no proof", async () => {
  const fresh = "?fresh=1";
  const sent = await proof(fresh, -200);
  assertEquals([sent.asked, sent.status, sent.ago], [["login", "0"], 200, 100_000]);
  const unstated = await proof(fresh, undefined);
  assertEquals([unstated.status, unstated.ago], [502, undefined]);
  assertMatch(unstated.text, /Scripted does not state when you logged in \(auth_time\), so this is no proof/);
  const older = await proof(fresh, 90);
  assertEquals([older.status, older.ago], [403, undefined], "the person took max_age out of the address");
  assertMatch(older.text, /Scripted did not ask for your login again/);
  assertEquals((await proof(fresh, 30)).ago, 330_000, "clocks may differ by a minute");
});

Deno.test("sign-in: a provider that did not have to state the time of the login signs in without a proof", async () => {
  const plain = await proof("", undefined);
  assertEquals([plain.asked, plain.status, plain.ago], [[null, "31536000"], 200, "never"]);
  assertEquals((await proof("", 3_600)).ago, 3_900_000);
  // Google states the time only to programs that it has verified.
  for (const query of ["", "?fresh=1"]) assertEquals((await proof(query, undefined, "google")).ago, 0);
  assertEquals((await proof("?fresh=1", 0, "google")).asked, ["select_account", "0"]);
});

Deno.test("sign-in: a time of the login that cannot be one is no proof, with every preset and in every flow", async () => {
  // The person needs five minutes. A minute more is within the tolerance of clocks.
  assertEquals((await proof("", -360)).ago, 0);
  const milliseconds = -Date.parse("2030-01-01");
  for (const future of [-361, -86_400, milliseconds, -1e300]) {
    for (const preset of ["oidc", "google"] as const) {
      assertEquals((await proof("", future, preset)).ago, "never", `${preset} ${future}`);
      const { status, ago, text } = await proof("?fresh=1", future, preset);
      assertEquals([status, ago], [502, undefined], `${preset} ${future}`);
      assertMatch(text, /Scripted states a login of the future/);
    }
  }
  // A number can have a fraction (RFC 7519, 2), and the databases keep whole milliseconds.
  assertEquals((await proof("?fresh=1", -200.0001234)).ago, 100_000);
});

Deno.test("sign-in: unknown providers, other paths and other methods have an error", async () => {
  await using open = await opened();
  const { browser, bench } = open;
  for (
    const path of [
      "/admin/sign-in",
      "/admin/sign-in/",
      "/admin/sign-in/other",
      "/admin/sign-in/scripted/",
      "/admin/sign-in/scripted/other",
      "/admin/sign-in/scripted/callback/x",
      "/admin/sign-in-scripted",
      "/admin/sign-in/constructor",
    ]
  ) assertEquals((await browser.open(path)).status, 404, path);
  const post = new Request("http://llm-proxy/admin/sign-in/scripted/callback", { method: "POST" });
  assertEquals((await bench.signIn.answer(post)).status, 405);
  assertEquals(open.provider.asked, []);
});

Deno.test("sign-in: the page lists the providers, and the sign-out knows the address at the provider", async () => {
  await using open = await opened();
  assertEquals(open.bench.signIn.shown, [
    { name: "scripted", title: "Scripted", path: "/admin/sign-in/scripted" },
  ]);
  const url = new URL(await open.bench.signIn.logoutUrl("scripted") ?? "");
  assertEquals(url.pathname, "/logout");
  assertEquals(Object.fromEntries(url.searchParams), {
    client_id: "the-proxy",
    post_logout_redirect_uri: "https://llm.example.com/admin",
  });
  assertEquals(await open.bench.signIn.logoutUrl("other"), undefined);
});
