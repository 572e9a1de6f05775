/** A directory that writes people with SCIM, next to people who sign in with the real provider. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { lateBody } from "../../support/clients/late_body.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { ScimBench } from "../../support/proxies/scim_bench.ts";
import { IS_POSTGRES } from "../../support/proxies/test_database.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

const off = { op: "replace", path: "active", value: false };
const on = { op: "replace", path: "active", value: true };

Deno.test("scim: a person who leaves the directory loses sessions, client tokens and management tokens at once", async () => {
  await using scim = await ScimBench.open();
  const { bench } = scim;
  const { visitor } = await bench.signIn("anna");
  const { me } = await bench.me(visitor);
  const id = await scim.user("anna");
  assertEquals((await bench.people()).length, 1, "the user is joined to the person who had signed in");
  const own = await bench.proxy.api("POST", "/projects", { name: "Own" });
  const client = await bench.proxy.api("POST", "/tokens", {
    project_id: own.body.id,
    name: "own",
    owner_id: me.id,
  });
  const made = await visitor.ask("POST", `${bench.proxy.url}/admin/api/management-tokens`, {
    name: "annas",
    role: "admin",
  });
  const management = JSON.parse(made.text).token;
  const byManagement = await bench.proxy.api(
    "POST",
    "/management-tokens",
    { name: "second", role: "viewer" },
    {
      authorization: `Bearer ${management}`,
    },
  );
  await bench.proxy.api("POST", "/people", { login: "ben", role: "admin" });
  const reads = async (token: string) =>
    (await bench.proxy.api("GET", "/projects", undefined, { authorization: `Bearer ${token}` })).status;
  const state = async () => [
    (await bench.me(visitor)).status,
    await bench.chat(client.body.token),
    await reads(management),
    await reads(byManagement.body.token),
  ];
  // Ben was never invited, so he is not an administrator who can sign in: Anna is the last one.
  const last = await scim.patch(`/Users/${id}`, off);
  assertEquals([last.status, last.body.status, last.body.scimType], [409, "409", "mutability"]);
  assertMatch(last.body.detail, /last administrator/);
  assertEquals(await state(), [200, 200, 200, 200]);

  bench.provider.groups.set("cleo", ["llm-admins"]);
  await bench.signIn("cleo");
  assertEquals((await scim.patch(`/Users/${id}`, off)).body.active, false);
  assertEquals(await state(), [401, 401, 401, 401]);
  const { body: { data: tokens } } = await bench.proxy.api("GET", "/management-tokens");
  assertEquals(tokens.map(({ name, state }: Json) => [name, state]), [
    ["second", "suspended"],
    ["annas", "suspended"],
    ["directory", "active"],
  ]);
  assertEquals(
    (await bench.signIn("anna")).page.status,
    403,
    "the provider lets her in, the directory does not",
  );

  assertEquals((await scim.patch(`/Users/${id}`, on)).status, 200);
  assertEquals(await state(), [401, 200, 200, 200], "tokens work again, and sessions do not");
  assertEquals((await bench.signIn("anna")).page.status, 200);

  assertEquals((await scim.ask(`DELETE /Users/${id}`)).status, 204);
  assertEquals(await state(), [401, 401, 401, 401]);
  assertEquals((await scim.ask(`GET /Users/${id}`)).status, 404);
  assertEquals((await scim.ask(`DELETE /Users/${id}`)).status, 404);
  assertEquals(await scim.person("anna@example.com"), undefined);
  const { body: { data: entries } } = await bench.proxy.api("GET", "/audit");
  const ofDirectory = entries.filter(({ actor }: Json) => actor === "directory (SCIM, Real)");
  assertEquals(ofDirectory.map(({ action }: Json) => action), [
    ...["scim_user.delete", "person.remove", "scim_user.update", "person.update", "scim_user.update"],
    ...["person.update", "scim_user.create"],
  ]);
  assertEquals(ofDirectory[1].subject_id, me.id);
});

Deno.test("scim: a user becomes the person who signs in with the subject, and never one with the address", async () => {
  await using scim = await ScimBench.open({}, { names: ["real", "other"] });
  const { bench } = scim;
  const local = { login: "anna@example.com", role: "admin", projects: "all" };
  assertEquals((await bench.proxy.api("POST", "/people", local)).status, 201);
  await bench.signIn("anna", { name: "other" });
  const id = await scim.user("anna", { emails: [{ value: "anna@example.com", type: "work" }] });
  const people = await bench.people();
  assertEquals(people.map(({ login, role, provider }) => [login, role, provider]), [
    ["anna@example.com-3", "viewer", "real"],
    ["anna@example.com-2", "admin", "other"],
    ["anna@example.com", "admin", null],
  ]);
  const { visitor } = await bench.signIn("anna");
  const { me } = await bench.me(visitor);
  assertEquals([me.id, me.role], [people[0].id, "admin"], "the groups of the sign-in decide");
  assertEquals((await scim.patch(`/Users/${id}`, off)).status, 200);
  assertEquals((await bench.me(visitor)).status, 401);
  assertEquals((await bench.people()).map(({ disabled }) => disabled), [true, false, false]);
  // The ids of people are not ids of the directory.
  for (const { id: other } of people) {
    for (const line of [`GET /Users/${other}`, `DELETE /Users/${other}`]) {
      assertEquals((await scim.ask(line)).status, 404, line);
    }
    assertEquals((await scim.patch(`/Users/${other}`, off)).status, 404);
  }
});

Deno.test("scim: another externalId is another person, and the one of before is disabled", async () => {
  await using scim = await ScimBench.open();
  const { bench } = scim;
  bench.provider.groups.set("ben", ["lab"]);
  const { visitor } = await bench.signIn("ben");
  const id = await scim.user("ben");
  assertEquals((await bench.me(visitor)).status, 200);
  const changed = await scim.patch(`/Users/${id}`, { op: "replace", path: "externalId", value: "dora" });
  assertEquals(changed.status, 200);
  assertEquals((await bench.me(visitor)).status, 401);
  assertEquals((await bench.people()).map(({ login, disabled }) => [login, disabled]), [
    ["ben@example.com-2", false],
    ["ben@example.com", true],
  ]);
  assertEquals((await bench.signIn("ben")).page.status, 403);
  bench.provider.groups.set("dora", ["lab"]);
  assertEquals((await bench.signIn("dora")).page.status, 200);
  assertEquals((await bench.people()).length, 2);
});

Deno.test("scim: with another claim, the sign-in joins the user, also one who is not active", async () => {
  await using scim = await ScimBench.open({ claim: "email" });
  const { bench } = scim;
  const id = await scim.user("anna", { externalId: "anna@example.com" });
  assertEquals(await bench.people(), [], "no sign-in has told the subject");
  const { visitor } = await bench.signIn("anna");
  assertEquals((await bench.me(visitor)).status, 200);
  bench.provider.groups.set("cleo", ["llm-admins"]);
  await bench.signIn("cleo");
  assertEquals((await scim.patch(`/Users/${id}`, off)).status, 200);
  assertEquals((await bench.me(visitor)).status, 401);
  await scim.user("ben", { externalId: "ben@example.com", active: false });
  bench.provider.groups.set("ben", ["lab"]);
  assertEquals((await bench.signIn("ben")).page.status, 403);
  assertEquals((await scim.person("ben@example.com")).disabled, true);
});

Deno.test("scim: groups change nothing unless the configuration says that they decide", async () => {
  await using scim = await ScimBench.open();
  const { bench } = scim;
  bench.provider.groups.set("ben", ["lab"]);
  const { visitor } = await bench.signIn("ben");
  const id = await scim.user("ben");
  const group = await scim.group("llm-admins", [id]);
  assertEquals((await bench.me(visitor)).me.role, "member");
  assertEquals((await scim.ask(`DELETE /Groups/${group}`)).status, 204);
  assertEquals((await bench.me(visitor)).me.role, "member");
});

Deno.test("scim: groups that decide give roles and projects at once, and the last administrator stays", async () => {
  await using scim = await ScimBench.open({ groupsDecide: true });
  const { bench } = scim;
  const lab = await bench.project("Lab");
  const ben = await scim.user("ben");
  const group = await scim.group("lab", [ben]);
  assertEquals((await scim.person("ben@example.com")).role, "member", "before the first sign-in");
  // The sign-in says "others", which has no role.
  const { visitor } = await bench.signIn("ben");
  const role = async () => {
    const { me } = await bench.me(visitor);
    return [me.role, me.projects];
  };
  assertEquals(await role(), ["member", [lab]]);
  const token = await bench.proxy.api("POST", "/tokens", {
    project_id: lab,
    name: "own",
    owner_id: (await scim.person("ben@example.com")).id,
  });
  assertEquals(await bench.chat(token.body.token), 200);
  const admins = await scim.group("llm-admins");
  assertEquals(
    (await scim.patch(`/Groups/${admins}`, { op: "add", path: "members", value: [{ value: ben }] })).status,
    204,
  );
  assertEquals(await role(), ["admin", "all"]);
  const kept = await scim.patch(`/Groups/${admins}`, { op: "remove", path: "members" });
  assertEquals([kept.status, kept.body.scimType], [409, "mutability"]);
  for (const line of [`DELETE /Groups/${admins}`, `DELETE /Users/${ben}`]) {
    assertEquals((await scim.ask(line)).status, 409, line);
  }
  assertEquals(
    (await scim.patch(`/Groups/${admins}`, { op: "replace", path: "displayName", value: "x" })).status,
    409,
  );
  assertEquals(await role(), ["admin", "all"], "nothing of a rejected request is written");
  assertEquals((await scim.ask(`GET /Groups/${admins}`)).body.members.length, 1);

  const dora = await scim.user("dora");
  await scim.patch(`/Groups/${admins}`, { op: "add", path: "members", value: { value: dora } });
  const leaves = await scim.patch(`/Groups/${admins}`, { op: "remove", path: `members[value eq "${ben}"]` });
  assertEquals(leaves.status, 204);
  assertEquals(await role(), ["member", [lab]]);
  assertEquals(await bench.chat(token.body.token), 200);
  assertEquals((await scim.ask(`DELETE /Groups/${group}`)).status, 204);
  assertEquals(await bench.chat(token.body.token), 401);
});

Deno.test("scim: no other token may use it, and its token may use nothing else", async () => {
  await using scim = await ScimBench.open();
  const { proxy } = scim.bench;
  const admin = await proxy.api("POST", "/management-tokens", { name: "ops", role: "admin" });
  const client = await proxy.token();
  const cases = [
    [SECRETS.managementToken, 403],
    [admin.body.token, 403],
    [client.value, 401],
    [SECRETS.proxyToken, 401],
    ["", 401],
  ] as const;
  for (const [token, status] of cases) {
    for (const line of ["GET /Users", "GET /ServiceProviderConfig", "POST /Users"]) {
      const answer = await scim.ask(line, line.startsWith("POST") ? { userName: "x" } : undefined, { token });
      assertEquals([answer.status, answer.body.status], [status, String(status)], line);
      assertEquals(answer.body.schemas, ["urn:ietf:params:scim:api:messages:2.0:Error"]);
      assertEquals(answer.headers.get("content-type"), "application/scim+json");
    }
  }
  assertEquals(await scim.bench.people(), []);
  const authorization = `Bearer ${scim.token}`;
  for (const path of ["/me", "/people", "/usage", "/openapi.json", "/nothing"]) {
    const { status, body } = await proxy.api("GET", path, undefined, { authorization });
    assertEquals(status, 403, path);
    assertMatch(body.detail, /only|nothing else/);
  }
  const post = await proxy.api("POST", "/management-tokens", { name: "x", role: "admin" }, { authorization });
  assertEquals(post.status, 403);
  const metrics = await fetch(`${proxy.url}/metrics`, { headers: { authorization } });
  assertEquals(metrics.status, 403);
  await metrics.body?.cancel();
  const projects = await proxy.api("POST", "/management-tokens", {
    name: "x",
    role: "scim",
    projects: "all",
  });
  assertEquals(projects.status, 400);
});

Deno.test("scim: another instance on the database rejects the tokens too", async () => {
  await using scim = await ScimBench.open();
  await using upstream = new FakeUpstream();
  await using other = await ManagedProxy.start(upstream, {
    management: { databaseUrl: scim.bench.proxy.databaseUrl },
  });
  const lab = await scim.bench.project("Lab");
  const id = await scim.user("ben");
  const { id: owner } = await scim.person("ben@example.com");
  await scim.bench.proxy.api("PATCH", `/people/${owner}`, { role: "member", projects: [lab] });
  const made = await scim.bench.proxy.api("POST", "/tokens", {
    project_id: lab,
    name: "own",
    owner_id: owner,
  });
  const chat = async () => {
    const response = await other.chat(made.body.token);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await chat(), 200);
  assertEquals((await scim.patch(`/Users/${id}`, off)).status, 200);
  // SQLite is read again for the next request. PostgreSQL tells the change a moment later.
  if (IS_POSTGRES) await until(async () => await chat() === 401, "the change at the other instance");
  assertEquals(await chat(), 401);
});

Deno.test("scim: without its table in the configuration, there is no SCIM", async () => {
  await using scim = await ScimBench.open({ provider: "none" });
  const { status } = await scim.ask("GET /Users");
  assertEquals(status, 403, "the management API answers, which this token may not use");
  const found = await scim.bench.proxy.api("GET", "/scim/v2/Users");
  assertEquals(found.status, 404);
});

Deno.test("scim: no value of a token and no password of a directory is in the database, the log or the audit log", async () => {
  await using scim = await ScimBench.open();
  await scim.user("ben", { password: "a-password-of-the-directory" });
  await scim.ask("POST /Users", "{broken");
  await scim.ask(`GET /Users?filter=${encodeURIComponent(`password eq "${scim.token}"`)}`);
  const { proxy } = scim.bench;
  const { body: audit } = await proxy.api("GET", "/audit");
  const seen = JSON.stringify([audit, proxy.planeLog, proxy.proxy.log]) + await proxy.stored();
  assert(seen.includes("ben@example.com"));
  for (const secret of [scim.token, "a-password-of-the-directory"]) assert(!seen.includes(secret));
});

Deno.test("scim: a token that is revoked before the body arrives changes nothing", async () => {
  await using scim = await ScimBench.open();
  const { proxy } = scim.bench;
  const finish = await lateBody(`${proxy.url}/manage/scim/v2/Users`, {
    headers: { authorization: `Bearer ${scim.token}` },
    body: {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
      userName: "late@example.com",
      active: true,
      externalId: "late",
    },
  });
  const { body: { data: [{ id }] } } = await proxy.api("GET", "/management-tokens");
  assertEquals((await proxy.api("DELETE", `/management-tokens/${id}`)).status, 204);
  assertEquals((await finish()).status, 401);
  assertEquals(await scim.bench.people(), []);
});
