/** The routes of the sign-in, and how the proxy reaches providers. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { setsSessionCookie, withoutSessionCookie } from "../../../src/http/session_cookie.ts";
import { SignInBench, SignInBrowser } from "../../support/clients/sign_in_browser.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { ScriptedProvider } from "../../support/upstreams/scripted_provider.ts";
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
