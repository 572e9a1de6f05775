/** People who sign in with a real provider, through the whole proxy up to the management API. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Visitor } from "../../support/clients/visitor.ts";
import { ProviderBench } from "../../support/proxies/provider_bench.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

Deno.test("provider: the groups give the role and the projects, and the audit log names the person and the way", async () => {
  await using bench = await ProviderBench.open();
  const lab = await bench.project("Lab");
  bench.provider.groups.set("ben", ["lab"]);
  const { visitor, page } = await bench.signIn("ben");
  assertEquals(page.status, 200, page.text);
  const { me } = await bench.me(visitor);
  const [person] = await bench.people();
  assertEquals(me, {
    kind: "person",
    id: person.id,
    name: "ben@example.com (Real)",
    role: "member",
    projects: [lab],
    provider: "real",
  });
  assertEquals([person.login, person.name, person.provider], ["ben@example.com", "Person ben", "real"]);
  const { body: { data: entries } } = await bench.proxy.api("GET", "/audit");
  assertEquals(
    entries.map(({ action, actor }: Json) => [action, actor]).slice(0, 2),
    [["admin.sign_in", "ben@example.com (Real)"], ["person.create", "ben@example.com (Real)"]],
  );
  const unknown = bench.proxy.planeLog.filter(({ event }) => event === "sign_in_project_unknown");
  assertEquals(unknown.length, 1, "the project Nowhere does not exist");
  // The code of the provider is in the address of the callback.
  const code = new URL(page.url).searchParams.get("code") ?? "";
  assert(code.length > 10);
  assert(!JSON.stringify([bench.proxy.planeLog, bench.proxy.proxy.log]).includes(code));
});

Deno.test("provider: role and projects follow the groups at each sign-in, for the same person", async () => {
  await using bench = await ProviderBench.open();
  const lab = await bench.project("Lab");
  const { visitor: early } = await bench.signIn("anna");
  assertEquals((await bench.me(early)).me.role, "admin");
  bench.provider.groups.set("anna", ["lab"]);
  const { visitor: late } = await bench.signIn("anna");
  const { me } = await bench.me(late);
  assertEquals([me.role, me.projects], ["member", [lab]]);
  assertEquals((await bench.me(early)).me.role, "member", "the earlier session has the new role");
  assertEquals((await bench.people()).length, 1);
});

Deno.test("provider: a person without a group any more is refused, and the earlier session and tokens lose access", async () => {
  await using bench = await ProviderBench.open();
  const lab = await bench.project("Lab");
  bench.provider.groups.set("ben", ["lab"]);
  const { visitor } = await bench.signIn("ben");
  const [{ id }] = await bench.people();
  const { body: { token } } = await bench.proxy.api("POST", "/tokens", {
    project_id: lab,
    name: "own",
    owner_id: id,
  });
  assertEquals(await bench.chat(token), 200);
  bench.provider.groups.delete("ben");
  const { page, visitor: again } = await bench.signIn("ben");
  assertEquals(page.status, 403);
  assertMatch(page.text, /Your account at Real has no role here/);
  assertEquals((await bench.me(again)).status, 401);
  const { me } = await bench.me(visitor);
  assertEquals([me.role, me.projects], ["viewer", []]);
  assertEquals(await bench.chat(token), 401);
  bench.provider.groups.set("ben", ["lab"]);
  assertEquals((await bench.signIn("ben")).page.status, 200);
  assertEquals(await bench.chat(token), 200, "with the group, the token works again");
});

Deno.test("provider: a disabled person is refused, and stays disabled", async () => {
  await using bench = await ProviderBench.open();
  await bench.signIn("anna");
  const [{ id }] = await bench.people();
  const { headers } = await bench.proxy.api("GET", `/people/${id}`);
  const etag = headers.get("etag") ?? "";
  const changed = await bench.proxy.api("PATCH", `/people/${id}`, { disabled: true }, { "if-match": etag });
  assertEquals(changed.status, 200);
  const { page, visitor } = await bench.signIn("anna");
  assertEquals(page.status, 403);
  assertMatch(page.text, /Your account here is disabled/);
  assertEquals((await bench.me(visitor)).status, 401);
  assertEquals((await bench.people()).map(({ disabled }) => disabled), [true]);
});

Deno.test("provider: the same subject of two providers is two people, and a local person with the address is a third", async () => {
  await using bench = await ProviderBench.open(["real", "other"]);
  const local = { login: "anna@example.com", role: "viewer", projects: [] };
  assertEquals((await bench.proxy.api("POST", "/people", local)).status, 201);
  const first = await bench.signIn("anna");
  const second = await bench.signIn("anna", { name: "other" });
  const names = [first, second].map(async ({ visitor }) => (await bench.me(visitor)).me.name);
  assertEquals(await Promise.all(names), ["anna@example.com-2 (Real)", "anna@example.com-3 (Other)"]);
  assertEquals((await bench.people()).map(({ provider, role }) => [provider, role]), [
    ["other", "admin"],
    ["real", "admin"],
    [null, "viewer"],
  ]);
});

Deno.test("provider: a sign-out names the page where the session at the provider ends", async () => {
  await using bench = await ProviderBench.open();
  const { visitor } = await bench.signIn("anna");
  const { status, text } = await visitor.ask("DELETE", `${bench.proxy.url}/admin/session`);
  assertEquals(status, 200);
  assert(JSON.parse(text).logout_url.startsWith(`${bench.provider.issuer}/session/end?`), text);
  assertEquals((await bench.me(visitor)).status, 401);
});

Deno.test("provider: what needs a fresh sign-in asks the provider for a new login", async () => {
  await using bench = await ProviderBench.open();
  const { visitor } = await bench.signIn("anna");
  const create = () => visitor.ask("POST", `${bench.proxy.url}/admin/api/people/usr_none/invitation`);
  assertEquals((await create()).status, 404);
  bench.clock.pass(11 * 60_000);
  assertMatch((await create()).text, /"sign_in_again"/);
  assertEquals((await create()).status, 403);
  const confirm = await visitor.ask("POST", `${bench.proxy.url}/admin/session/confirm`);
  assert(confirm.status >= 400);
  // Without "fresh" the provider asks nothing. With it, the form of the login comes.
  const plain = await visitor.visit(`${bench.proxy.url}/admin/sign-in/real`);
  assertMatch(plain.text, /You are signed in/);
  const asked = await visitor.visit(`${bench.proxy.url}/admin/sign-in/real?fresh=1`);
  assertMatch(asked.text, /name="login"/);
});

Deno.test("provider: a person confirms the login of a command, which keeps the rights of the last sign-in", async () => {
  await using bench = await ProviderBench.open();
  const { visitor } = await bench.signIn("anna");
  const device = async (path: string, form: Record<string, string>) => {
    const body = new URLSearchParams({ client_id: "llm-proxy", ...form });
    return await (await fetch(`${bench.proxy.url}/manage/device/${path}`, { method: "POST", body })).json();
  };
  const { device_code, user_code } = await device("code", { machine: "laptop" });
  const logins = `${bench.proxy.url}/admin/api/device-logins`;
  const { id } = JSON.parse((await visitor.ask("POST", `${logins}/find`, { user_code })).text);
  assertEquals((await visitor.ask("POST", `${logins}/${id}/confirm`)).status, 204);
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  const { access_token, role } = await device("token", { grant_type, device_code });
  bench.proxy.plant(access_token);
  const me = async () => {
    const headers = { authorization: `Bearer ${access_token}` };
    return await (await fetch(`${bench.proxy.url}/manage/me`, { headers })).json();
  };
  assertEquals([role, (await me()).role], ["admin", "admin"]);
  const { body: { data } } = await bench.proxy.api("GET", "/audit");
  const made = data.find(({ action }: Json) => action === "management_token.create");
  assertEquals(made.actor, "anna@example.com (Real)");
  bench.provider.groups.set("anna", ["lab"]);
  await bench.signIn("anna");
  assertEquals((await me()).role, "member");
  bench.provider.groups.delete("anna");
  assertEquals((await bench.signIn("anna")).page.status, 403);
  const last = await me();
  assertEquals([last.role, last.projects], ["viewer", []]);
});

Deno.test("provider: the pages have the security headers, and the form gets the links", async () => {
  await using bench = await ProviderBench.open();
  const response = await fetch(`${bench.proxy.url}/admin/sign-in/real/callback?state=1&code=1`);
  assertEquals(response.status, 400);
  assertMatch(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assertEquals(response.headers.get("cross-origin-opener-policy"), "same-origin");
  assertEquals(response.headers.get("cache-control"), "no-store");
  await response.body?.cancel();
  const session = await new Visitor().ask("GET", `${bench.proxy.url}/admin/session`);
  assertEquals(JSON.parse(session.text).providers, [{ title: "Real", path: "/admin/sign-in/real" }]);
});

Deno.test("provider: addresses that may not manage get no sign-in", async () => {
  await using bench = await ProviderBench.open(["real"], {}, ["192.0.2.1"]);
  for (const path of ["", "/callback?state=1&code=1"]) {
    const response = await fetch(`${bench.proxy.url}/admin/sign-in/real${path}`, { redirect: "manual" });
    assertEquals(response.status, 403);
    await response.body?.cancel();
  }
});

Deno.test("provider: callbacks of strangers write at most ten lines in a minute", async () => {
  await using bench = await ProviderBench.open();
  const call = async () => {
    const response = await fetch(`${bench.proxy.url}/admin/sign-in/real/callback?state=1&code=1`);
    await response.body?.cancel();
  };
  for (let count = 0; count < 25; count++) await call();
  const lines = () => bench.proxy.planeLog.filter(({ event }) => event === "sign_in_failed");
  assertEquals(lines().length, 10);
  bench.clock.pass(60_000);
  await call();
  assertEquals(lines().length, 11);
  assertMatch(String(lines()[10]?.detail), /15 failures before it are not in the log/);
});

Deno.test("provider: the time of the login that the provider states is the time of the proof", async () => {
  await using bench = await ProviderBench.open();
  const invite = async (query: string) => {
    const { page, visitor } = await bench.signIn("anna", { query });
    assertEquals(page.status, 200, page.text);
    return (await visitor.ask("POST", `${bench.proxy.url}/admin/api/people/usr_none/invitation`)).status;
  };
  assertEquals(await invite("?fresh=1"), 404, "the login is fresh, and only the person is unknown");
  // The clock of the provider stays, so it states a login of eleven minutes ago.
  bench.clock.pass(11 * 60_000);
  assertEquals(await invite(""), 403);
  const { page } = await bench.signIn("anna", { query: "?fresh=1" });
  assertEquals(page.status, 403);
  assertMatch(page.text, /Real did not ask for your login again/);
});
