/** How people sign in to the admin page: invitations, passphrases, confirmations and management tokens. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { lateBody } from "../../support/clients/late_body.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { PASSPHRASE, SignInBench } from "../../support/proxies/sign_in_bench.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

const MINUTE_MS = 60_000;

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

Deno.test("people: an invitation sets a passphrase once, and the audit log names the person and the way in", async () => {
  await using bench = await SignInBench.start();
  const { proxy } = bench;
  const added = await proxy.api("POST", "/people", {
    login: "Anna@Example.org",
    name: "Anna",
    role: "admin",
  });
  assertEquals([added.status, added.body.login, added.body.projects], [201, "anna@example.org", "all"]);
  const invited = await proxy.api("POST", `/people/${added.body.id}/invitation`);
  assertEquals(invited.status, 201);
  const [, invitation = ""] = /^\/admin#invite=(\w{43})$/.exec(invited.body.path) ?? [];
  assertMatch(invited.body.urls[0], /^http:\/\/.*\/admin#invite=\w{43}$/);
  const use = (passphrase: string) => bench.ask("POST", "/session/invitation", { invitation, passphrase });
  const short = await use("too short");
  assertEquals([short.status, short.body.detail], [400, "The passphrase is shorter than 12 characters."]);
  const used = await use(PASSPHRASE);
  assertEquals([used.status, used.body.person], [200, { name: "Anna", role: "admin" }]);
  assertEquals((await bench.ask("POST", "/api/projects", { name: "home" })).status, 201);
  const [entry] = (await proxy.api("GET", "/audit")).body.data;
  assertEquals([entry.action, entry.actor], ["project.create", "anna@example.org (passphrase)"]);
  await bench.ask("DELETE", "/session");
  bench.cookie = "";
  assertEquals((await use("another long passphrase")).status, 401);
  // The name is spelled as on a phone, which begins with a capital letter.
  assertEquals((await bench.signIn(" ANNA@example.org ")).status, 200);
});

Deno.test("people: the link of an invitation is at PUBLIC_URL, or else at the port of the admin page", async () => {
  const linkOf = async (options: ManagedOptions) => {
    await using bench = await SignInBench.start(options);
    const { proxy } = bench;
    await bench.addPerson("anna");
    const { body } = await proxy.api("POST", "/people/usr_anna/invitation");
    return { urls: body.urls, path: body.path, isPublic: body.at_public_url, at: proxy.adminUrl };
  };
  const known = await linkOf({ management: { publicUrl: "https://llm.example.com" } });
  assertEquals([known.urls, known.isPublic], [[`https://llm.example.com${known.path}`], true]);
  const apart = await linkOf({ server: { adminPort: 0 } });
  assertEquals([apart.urls, apart.isPublic], [[apart.at + apart.path], false]);
});

Deno.test("people: all replicas have a session, and a browser has one for each port", async () => {
  await using bench = await SignInBench.start();
  await using upstream = new FakeUpstream();
  await using other = await ManagedProxy.start(upstream, {
    management: { databaseUrl: bench.proxy.databaseUrl },
    clock: bench.clock,
  });
  await bench.addAdmin("anna");
  await bench.signIn("anna");
  const second = SignInBench.at(other, bench.clock);
  const isSignedIn = async () => (await second.ask("GET", "/session")).body.signed_in;
  second.cookie = bench.cookie;
  assertEquals(await isSignedIn(), false, "another port of the host");
  second.cookie = bench.cookie.replace(new URL(bench.url).port, new URL(second.url).port);
  assertEquals(await isSignedIn(), true, "another replica at the address");
  await bench.ask("DELETE", "/session");
  assertEquals(await isSignedIn(), false, "after the sign-out");
});

Deno.test("people: an unknown name, a wrong passphrase and a disabled person are one answer, and guesses count", async () => {
  await using bench = await SignInBench.start();
  await bench.addAdmin("anna");
  await bench.addAdmin("ben", { disabled: true });
  const answers = [
    await bench.signIn("anna", "wrong wrong wrong"),
    await bench.signIn("nobody"),
    await bench.signIn("ben"),
    await bench.signIn("../anna"),
  ];
  assertEquals(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size, 1, answers[0]?.text);
  assertEquals(answers[0]?.status, 401);
  assertEquals((await bench.signIn("anna", "a fifth guess")).status, 401);
  const waits = await bench.signIn("anna");
  assertEquals([waits.status, /wait 15 s/.test(waits.text)], [429, true], waits.text);
  bench.clock.pass(MINUTE_MS);
  assertEquals((await bench.signIn("anna")).status, 200);
  const { data } = (await bench.proxy.api("GET", "/audit")).body;
  assert(data.some(({ changes }: Json) => changes.wrong_passphrases === 1));
});

Deno.test("people: one wrong passphrase again and again counts like different ones", async () => {
  await using bench = await SignInBench.start();
  await bench.addAdmin("anna");
  const statuses: number[] = [];
  for (let guess = 0; guess < 6; guess++) {
    statuses.push((await bench.signIn("anna", "the same wrong one")).status);
  }
  assertEquals(statuses, [401, 401, 401, 401, 401, 429]);
});

Deno.test("people: what cannot be undone asks for a fresh proof", async () => {
  await using bench = await SignInBench.start();
  await bench.addAdmin("anna");
  await bench.signIn("anna");
  const invite = () => bench.ask("POST", "/api/people", { login: crypto.randomUUID(), role: "viewer" });
  assertEquals((await invite()).status, 201);
  bench.clock.pass(10 * MINUTE_MS);
  const asked = await invite();
  assertEquals([asked.status, asked.body.code], [403, "sign_in_again"]);
  assertEquals((await bench.ask("POST", "/api/projects", { name: "home" })).status, 201);
  const { body: { data: [project] } } = await bench.ask("GET", "/api/projects");
  const withKey = { provider_keys: { openai: SECRETS.openaiKey } };
  assertEquals((await bench.ask("PATCH", `/api/projects/${project.id}`, withKey)).status, 403);
  assertEquals((await bench.ask("PATCH", `/api/projects/${project.id}`, { name: "lab" })).status, 200);
  assertEquals((await bench.ask("POST", `/api/projects/${project.id}/tokens/revoke`)).status, 403);
  // With a project, its provider keys are deleted.
  assertEquals((await bench.ask("DELETE", `/api/projects/${project.id}`)).status, 204);
  const remove = () => bench.ask("POST", `/api/projects/${project.id}/delete`);
  assertEquals([(await remove()).status, (await remove()).body.code], [403, "sign_in_again"]);
  assertEquals(
    (await bench.ask("POST", "/session/confirm", { passphrase: "wrong wrong wrong" })).status,
    401,
  );
  assertEquals((await bench.ask("POST", "/session/confirm", { token: SECRETS.managementToken })).status, 401);
  assertEquals((await invite()).status, 403);
  assertEquals((await bench.ask("POST", "/session/confirm", { passphrase: PASSPHRASE })).status, 204);
  assertEquals((await invite()).status, 201);
  assertEquals((await remove()).status, 204);
  bench.cookie = "";
  await bench.ask("POST", "/session", { token: SECRETS.managementToken });
  bench.clock.pass(10 * MINUTE_MS);
  assertEquals((await invite()).status, 403);
  assertEquals((await bench.ask("POST", "/session/confirm", { token: SECRETS.managementToken })).status, 204);
  assertEquals((await invite()).status, 201);
  assertEquals((await bench.proxy.api("POST", "/people", { login: "cleo", role: "viewer" })).status, 201);
});

Deno.test("people: a person changes the own passphrase; this session stays, and the others end", async () => {
  await using bench = await SignInBench.start();
  await bench.addPerson("ben", { role: "viewer" });
  await bench.signIn("ben");
  const other = bench.cookie;
  bench.cookie = "";
  await bench.signIn("ben");
  // The end of the test looks for canaries in the database, the log and the responses.
  const another = SECRETS.clientKey;
  const changed = await bench.ask("POST", "/api/me/passphrase", { current: PASSPHRASE, new: another });
  assertEquals([changed.status, changed.text], [204, ""]);
  assertEquals((await bench.ask("GET", "/api/me")).body.name, "ben (passphrase)");
  bench.cookie = other;
  assertEquals((await bench.ask("GET", "/api/me")).status, 401);
  assertEquals((await bench.signIn("ben")).status, 401, "the old one");
  assertEquals((await bench.signIn("ben", another)).status, 200);
  const { data } = (await bench.proxy.api("GET", "/audit")).body;
  const entry = data.find(({ action }: Json) => action === "person.passphrase");
  assertEquals([entry.actor, entry.subject_id, entry.changes], ["ben (passphrase)", "usr_ben", {}]);
});

Deno.test("people: a wrong current passphrase is a guess like one at the sign-in, and does not end the session", async () => {
  await using bench = await SignInBench.start();
  await bench.addPerson("anna");
  await bench.signIn("anna");
  const change = (current: string, next = "another long passphrase") =>
    bench.ask("POST", "/api/me/passphrase", { current, new: next });
  const short = await change(PASSPHRASE, "too short");
  assertEquals([short.status, short.body.errors[0].pointer], [400, "#/new"]);
  const wrong = await change(SECRETS.projectKey);
  assertEquals([wrong.status, wrong.body.detail], [403, "The current passphrase is wrong."]);
  for (let guess = 0; guess < 4; guess++) assertEquals((await change(`guess ${guess}`)).status, 403);
  assertEquals((await change(PASSPHRASE)).status, 429);
  assertEquals((await bench.ask("GET", "/api/me")).status, 200);
  assertEquals((await bench.signIn("anna")).status, 429, "the guesses count together");
  bench.clock.pass(MINUTE_MS);
  assertEquals((await change(PASSPHRASE)).status, 204);
});

Deno.test("people: tokens, and people of a provider, have no passphrase to change", async () => {
  await using bench = await SignInBench.start();
  const body = { current: PASSPHRASE, new: "another long passphrase" };
  const byToken = await bench.proxy.api("POST", "/me/passphrase", body);
  assertEquals([byToken.status, (await bench.proxy.api("GET", "/me")).body.provider], [409, null]);
  await bench.addPerson("anna");
  await bench.signIn("anna");
  const session = bench.cookie;
  assertEquals((await bench.ask("GET", "/api/me")).body.provider, null);
  const origin = { kind: "provider", provider: "home", subject: "1" } as const;
  await bench.addPerson("ben", { origin });
  await bench.addSession("usr_ben", "home");
  assertEquals((await bench.ask("GET", "/api/me")).body.provider, "home");
  const ofProvider = await bench.ask("POST", "/api/me/passphrase", body);
  assertEquals([ofProvider.status, ofProvider.body.detail], [
    409,
    "You sign in with a provider, and have no passphrase here.",
  ]);
  bench.cookie = session;
  await bench.ask("POST", "/session", { token: SECRETS.managementToken });
  assertEquals((await bench.ask("POST", "/api/me/passphrase", body)).status, 409);
});

Deno.test("people: nobody changes their own role, and the last administrator stays", async () => {
  await using bench = await SignInBench.start({ withoutToken: true });
  await bench.addAdmin("anna");
  assertEquals((await bench.signIn("anna")).status, 200);
  assertEquals((await bench.ask("POST", "/session", { token: SECRETS.managementToken })).status, 401);
  assertEquals(
    (await bench.proxy.api("GET", "/projects")).status,
    401,
    "there is no token of the configuration",
  );
  for (const body of [{ role: "viewer", projects: [] }, { disabled: true }, { projects: [] }]) {
    assertEquals((await bench.ask("PATCH", "/api/people/usr_anna", body)).status, 409, JSON.stringify(body));
  }
  assertEquals((await bench.ask("PATCH", "/api/people/usr_anna", { name: "Anna" })).status, 200);
  assertEquals((await bench.ask("DELETE", "/api/people/usr_anna")).status, 409);
  const { body } = await bench.ask("POST", "/api/management-tokens", { name: "bot", role: "admin" });
  const asBot = async (method: string, path: string) => {
    const headers = { authorization: `Bearer ${body.token}` };
    const response = await fetch(`${bench.proxy.url}/manage${path}`, { method, headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await asBot("DELETE", "/people/usr_anna"), 409);
  await bench.addAdmin("ben");
  assertEquals(await asBot("DELETE", "/people/usr_anna"), 204);
  assertEquals((await bench.ask("GET", "/api/projects")).status, 401, "the session has ended");
});

Deno.test("people: a session is listed and ended by its person, and by an administrator", async () => {
  await using bench = await SignInBench.start();
  await bench.addAdmin("anna");
  await bench.addAdmin("ben", { role: "viewer", projects: "all" });
  await bench.signIn("anna");
  const ofAnna = bench.cookie;
  bench.cookie = "";
  await bench.signIn("ben");
  const own = (await bench.ask("GET", "/api/sessions")).body.data;
  assertEquals(own.map(({ person_id, current, way }: Json) => [person_id, current, way]), [
    ["usr_ben", true, "passphrase"],
  ]);
  const ofBen = bench.cookie;
  bench.cookie = ofAnna;
  const all = (await bench.ask("GET", "/api/sessions")).body.data;
  assertEquals(all.map(({ person_id }: Json) => person_id), ["usr_ben", "usr_anna"]);
  assertEquals((await bench.ask("DELETE", `/api/sessions/${own[0].id}`)).status, 204);
  bench.cookie = ofBen;
  assertEquals((await bench.ask("GET", "/api/me")).status, 401);
});

Deno.test("people: a management token has its role, its projects and its end, and is named in the audit log", async () => {
  await using bench = await SignInBench.start();
  const { proxy } = bench;
  const project = (await proxy.api("POST", "/projects", { name: "home" })).body.id;
  const make = async (more: Record<string, unknown>) => {
    const made = await proxy.api("POST", "/management-tokens", { name: "bot", role: "manager", ...more });
    assertEquals(made.status, 201, JSON.stringify(made.body));
    return made.body;
  };
  const ask = async (token: string, method: string, path: string, body?: unknown) => {
    const headers = { "authorization": `Bearer ${token}`, "content-type": "application/json" };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${proxy.url}${path}`, init);
    await response.body?.cancel();
    return response.status;
  };
  const bot = await make({ projects: [project] });
  assertMatch(bot.token, /^llmpm_\w{49}$/);
  assertEquals(await ask(bot.token, "POST", "/manage/tokens", { project_id: project }), 201);
  assertEquals(await ask(bot.token, "POST", "/manage/projects", { name: "x" }), 403);
  assertEquals([await ask(bot.token, "GET", "/metrics"), await ask(bot.token, "GET", "/manage/audit")], [
    403,
    403,
  ]);
  const [entry] = (await proxy.api("GET", "/audit")).body.data;
  assertEquals([entry.action, entry.actor], ["token.create", "bot (management token)"]);
  const viewer = await make({ name: "prometheus", role: "viewer", projects: "all" });
  assertEquals(await ask(viewer.token, "GET", "/metrics"), 200);
  const soon = new Date(bench.clock.epochMs() + MINUTE_MS).toISOString();
  const short = await make({ name: "short", role: "viewer", expires_at: soon });
  assertEquals(await ask(short.token, "GET", "/manage/projects"), 200);
  bench.clock.pass(MINUTE_MS);
  assertEquals(await ask(short.token, "GET", "/manage/projects"), 401);
  assertEquals((await proxy.api("DELETE", `/management-tokens/${bot.id}`)).status, 204);
  assertEquals(await ask(bot.token, "GET", "/manage/projects"), 401);
  const listed = (await proxy.api("GET", "/management-tokens")).body.data;
  assertEquals(listed.map(({ name, state }: Json) => [name, state]), [
    ["short", "expired"],
    ["prometheus", "active"],
    ["bot", "revoked"],
  ]);
  assert(listed[1].last_used_at !== null);
  const wrong = { name: "x", role: "admin", projects: [project] };
  assertEquals((await proxy.api("POST", "/management-tokens", wrong)).status, 400);
  assertEquals((await proxy.api("POST", "/management-tokens", { name: "x", role: "member" })).status, 400);
});

Deno.test("people: a body that arrives after the access has ended changes nothing", async () => {
  await using bench = await SignInBench.start();
  const { proxy } = bench;
  await bench.addAdmin("anna");
  await bench.addAdmin("ben");
  await bench.addAdmin("cleo");
  const token = { name: "later", role: "admin" };
  const made = await proxy.api("POST", "/management-tokens", { name: "first", role: "admin" });
  const authorization = `Bearer ${made.body.token}`;
  const late = {
    "a disabled person": async () => {
      await bench.signIn("anna");
      const finish = await bench.askLate("/api/management-tokens", token);
      await proxy.api("PATCH", "/people/usr_anna", { disabled: true });
      return await finish();
    },
    "a person with a lower role": async () => {
      await bench.signIn("ben");
      const finish = await bench.askLate("/api/management-tokens", token);
      await proxy.api("PATCH", "/people/usr_ben", { role: "viewer", projects: "all" });
      return await finish();
    },
    "an ended session": async () => {
      await bench.signIn("cleo");
      const finish = await bench.askLate("/api/people", { login: "dora", role: "admin" });
      const { body: { data } } = await proxy.api("GET", "/sessions");
      const session = data.find((one: Json) => one.person_id === "usr_cleo");
      await proxy.api("DELETE", `/sessions/${session.id}`);
      return await finish();
    },
    "a revoked token": async () => {
      const url = `${proxy.url}/manage/management-tokens`;
      const finish = await lateBody(url, { headers: { authorization }, body: token });
      await proxy.api("DELETE", `/management-tokens/${made.body.id}`);
      return await finish();
    },
  };
  const statuses: number[] = [];
  for (const ask of Object.values(late)) statuses.push((await ask()).status);
  assertEquals(statuses, [401, 403, 401, 401], Object.keys(late).join(", "));
  const { body: { data: tokens } } = await proxy.api("GET", "/management-tokens");
  assertEquals(tokens.map(({ name }: Json) => name), ["first"]);
  assertEquals((await proxy.api("GET", "/people")).body.data.length, 3);
});
