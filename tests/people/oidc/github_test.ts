/** Signing in with GitHub: OAuth 2.0, and its API for the person, the organisations and the teams. */

import { assertEquals, assertMatch } from "@std/assert";
import { SignInBench, SignInBrowser } from "../../support/clients/sign_in_browser.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { openGithub } from "../../support/upstreams/github_server.ts";
import type { ScriptedProvider } from "../../support/upstreams/scripted_provider.ts";

/** A server like GitHub Enterprise. */
async function github(): Promise<AsyncDisposable & { server: ScriptedProvider; bench: SignInBench }> {
  const clock = new FakeClock();
  const server = await openGithub(clock);
  const table = server.table({
    name: "github",
    title: "GitHub",
    preset: "github",
    scopes: ["read:user", "user:email", "read:org"],
    roles: new Map([["acme/llm", "manager"]]),
    projects: new Map([["acme", ["Acme"]]]),
    allow: { domains: ["example.com"], groups: [], emails: [] },
  });
  const bench = await SignInBench.open([table], { clock });
  return {
    server,
    bench,
    async [Symbol.asyncDispose]() {
      bench[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Comes back from GitHub, which sends no issuer. */
async function back(browser: SignInBrowser) {
  const url = await browser.begin("github");
  return { url, query: new URLSearchParams({ code: "1", state: url.searchParams.get("state") ?? "" }) };
}

Deno.test("GitHub: the id is the subject, and groups are organisations and teams", async () => {
  await using open = await github();
  const browser = new SignInBrowser(open.bench);
  const { url, query } = await back(browser);
  assertEquals(url.pathname, "/login/oauth/authorize");
  assertEquals(url.searchParams.get("code_challenge_method"), "S256");
  const page = await browser.returned(query, "github");
  assertEquals(page.status, 200, page.text);
  const [person] = open.bench.people;
  const { subject, issuer, name, email, emailIsVerified, groups, role, projects } = person ?? {};
  assertEquals({ subject, issuer, name, email, emailIsVerified, groups, role, projects }, {
    subject: "583231",
    issuer: open.server.issuer,
    name: "Mona",
    email: "octo@example.com",
    emailIsVerified: true,
    groups: ["acme", "acme/llm"],
    role: "manager",
    projects: ["Acme"],
  });
  assertEquals(JSON.stringify(person).includes("gho_token"), false);
  assertEquals(await open.bench.signIn.logoutUrl("github"), undefined);
});

Deno.test("GitHub: its errors with status 200, missing scopes and broken answers sign no one in", async () => {
  const broken = [
    [
      "/login/oauth/access_token",
      Response.json({ error: "bad_verification_code" }),
      /does not accept|rejected/,
    ],
    [
      "/api/v3/user",
      Response.json({ login: "octocat" }),
      /response to \/user that the proxy does not accept/,
    ],
    ["/api/v3/user", new Response("<h1>Hello</h1>"), /response to \/user that/],
    [
      "/api/v3/user/emails",
      Response.json({ message: "Not Found" }, { status: 404 }),
      /read \/user\/emails: check/,
    ],
    [
      "/api/v3/user/teams",
      Response.json({ message: "Forbidden" }, { status: 403 }),
      /read \/user\/teams: check/,
    ],
  ] as const;
  for (const [path, answer, why] of broken) {
    await using open = await github();
    open.server.answers.set(path, () => answer);
    const browser = new SignInBrowser(open.bench);
    const page = await browser.returned((await back(browser)).query, "github");
    assertMatch(page.text, why);
    assertEquals(page.status, 502);
    assertEquals(open.bench.people, []);
  }
});

Deno.test("GitHub: an address that is not verified opens no domain", async () => {
  await using open = await github();
  const emails = [{ email: "octo@example.com", primary: true, verified: false }];
  open.server.answers.set("/api/v3/user/emails", () => Response.json(emails));
  const browser = new SignInBrowser(open.bench);
  assertEquals((await browser.returned((await back(browser)).query, "github")).status, 403);
});

Deno.test("GitHub: all pages of a long list are read", async () => {
  await using open = await github();
  const teams = Array.from({ length: 130 }, (_, index) => ({
    slug: index === 129 ? "llm" : `team-${index}`,
    organization: { login: "acme" },
  }));
  open.server.answers.set("/api/v3/user/teams", ({ url }) => {
    const page = Number(new URL(url).searchParams.get("page"));
    return Response.json(teams.slice((page - 1) * 100, page * 100));
  });
  const browser = new SignInBrowser(open.bench);
  assertEquals((await browser.returned((await back(browser)).query, "github")).status, 200);
  assertEquals(open.bench.people[0]?.groups.length, 131);
});
