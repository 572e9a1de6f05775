/** The sign-in with a real provider, by the requests of a browser. */

import { assertEquals, assertMatch } from "@std/assert";
import { SignInSite } from "../../support/proxies/sign_in_site.ts";
import { RealProvider } from "../../support/upstreams/real_provider.ts";

/** The page at the end of redirects. */
interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

/** A browser with cookies for each site, which follows redirects and fills in the pages of the provider. */
class Visitor {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** Requests a URL, and follows at most `redirects` redirects up to a page. */
  async visit(url: string, form?: Record<string, string>, redirects = 20): Promise<Page> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...form && { method: "POST", body: new URLSearchParams(form) },
    });
    for (const line of response.headers.getSetCookie()) {
      const pair = line.split(";")[0] ?? "";
      jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const to = response.headers.get("location");
    const text = await response.text();
    if (to === null) return { url, status: response.status, text };
    if (redirects === 0) throw new Error(`too many redirects, the last to ${to}`);
    return await this.visit(new URL(to, url).href, undefined, redirects - 1);
  }

  /** Signs in at the pages of the provider. */
  async signIn(url: string, login: string): Promise<Page> {
    const asked = await this.visit(url);
    const consent = await this.visit(actionOf(asked), { prompt: "login", login, password: "any" });
    return await this.visit(actionOf(consent), { prompt: "consent" });
  }
}

function actionOf({ url, text }: Page): string {
  const [, action] = /<form[^>]* action="([^"]+)"/.exec(text) ?? [];
  if (action === undefined) throw new Error(`no form at ${url}: ${text}`);
  return new URL(action, url).href;
}

Deno.test("real provider: a person signs in, and the groups give the role and the projects", async () => {
  await using site = new SignInSite();
  await using provider = await RealProvider.open(site.url);
  await site.use([provider.table()]);
  const page = await new Visitor().signIn(`${site.url}/admin/sign-in/real?return=/admin/docs`, "anna");
  assertEquals({ status: page.status, failures: site.failures }, { status: 200, failures: [] });
  assertMatch(page.text, /content="0;url=\/admin\/docs"/);
  const [{ claims: _, expiresAt, ...person } = { claims: {}, expiresAt: 0 }] = site.people;
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
