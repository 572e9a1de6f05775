/** The sign-in with a real provider, by the requests of a browser. */

import { assertEquals, assertMatch } from "@std/assert";
import { actionOf, Visitor } from "../../support/clients/visitor.ts";
import { SignInSite } from "../../support/proxies/sign_in_site.ts";
import { RealProvider } from "../../support/upstreams/real_provider.ts";

Deno.test("real provider: a person signs in, and the groups give the role and the projects", async () => {
  await using site = new SignInSite();
  await using provider = await RealProvider.open(site.url);
  await site.use([provider.table()]);
  const page = await new Visitor().signIn(`${site.url}/admin/sign-in/real?return=/admin/docs`, "anna");
  assertEquals({ status: page.status, failures: site.failures }, { status: 200, failures: [] });
  assertMatch(page.text, /content="0;url=\/admin\/docs"/);
  const [{ claims: _, expiresAt, provenAt, ...person } = { claims: {}, expiresAt: 0, provenAt: 0 }] =
    site.people;
  assertEquals(person, {
    provider: "real",
    issuer: provider.issuer,
    subject: "anna",
    name: "Person anna",
    email: "anna@example.com",
    emailIsVerified: true,
    groups: ["llm-admins"],
    role: "admin",
    projects: ["Lab"],
  });
  assertEquals(expiresAt > Date.now(), true);
  assertEquals(Math.abs(Date.now() - provenAt) < 60_000, true, "the provider states the time of the login");
});

Deno.test("real provider: a person without a group of roles gets a page that says so", async () => {
  await using site = new SignInSite();
  await using provider = await RealProvider.open(site.url);
  await site.use([provider.table()]);
  const page = await new Visitor().signIn(`${site.url}/admin/sign-in/real`, "ben");
  assertEquals(page.status, 403);
  assertMatch(page.text, /Your account at Real has no role here/);
  assertEquals(site.people, []);
});

Deno.test("real provider: the same callback works once, and the session at the provider can be ended", async () => {
  await using site = new SignInSite();
  await using provider = await RealProvider.open(site.url);
  await site.use([provider.table()]);
  const visitor = new Visitor();
  const { url } = await visitor.signIn(`${site.url}/admin/sign-in/real`, "anna");
  assertEquals((await visitor.visit(url)).status, 400);
  // The provider knows the browser, and asks no more.
  assertEquals((await visitor.visit(`${site.url}/admin/sign-in/real`)).status, 200);
  const asked = await visitor.visit(await site.signIn.logoutUrl("real") ?? "");
  const [, xsrf = ""] = /name="xsrf" value="([^"]+)"/.exec(asked.text) ?? [];
  const left = await visitor.visit(actionOf(asked), { xsrf, logout: "yes" });
  assertEquals(left.url, `${site.url}/admin`);
  assertMatch((await visitor.visit(`${site.url}/admin/sign-in/real`)).text, /name="login"/);
});

Deno.test("real provider: a wrong client secret has a page that says what to check", async () => {
  await using site = new SignInSite();
  await using provider = await RealProvider.open(site.url);
  await site.use([{ ...provider.table(), clientSecret: "a-wrong-secret-of-the-proxy" }]);
  const page = await new Visitor().signIn(`${site.url}/admin/sign-in/real`, "anna");
  assertEquals(page.status, 502);
  assertMatch(page.text, /check client_id and client_secret/);
});
