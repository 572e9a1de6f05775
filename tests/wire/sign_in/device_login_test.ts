/** Logins of commands by the device flow (RFC 8628), as the proxy answers them over HTTP. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { createManagementTokenValue } from "../../../src/auth/management_token_value.ts";
import { hashOf } from "../../../src/auth/token_value.ts";
import { managementTokenRow, personRow } from "../../storage/people_contract.ts";
import { auditRow } from "../../support/data/rows.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { type Browser, DeviceBench } from "../../support/proxies/device_bench.ts";
import { SECRETS } from "../../support/data/secrets.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

const MINUTE_MS = 60_000;
const DAY_S = 86_400;
const find = (browser: Browser, user_code: string) =>
  browser("POST", "/api/device-logins/find", { user_code });

Deno.test("device login: a person sees what asks and what it would get, confirms, and the code works once", async () => {
  await using bench = await DeviceBench.start();
  const { body: { id: home } } = await bench.proxy.api("POST", "/projects", { name: "home" });
  const anna = await bench.person("anna", { role: "member", projects: [home] });
  const begun = await bench.begin({ machine: "anna's\u202e laptop" });
  assertEquals([begun.status, begun.headers.get("cache-control")], [200, "no-store"]);
  const { device_code, user_code, ...rest } = begun.body;
  assertEquals(rest, {
    verification_uri: `${bench.proxy.url}/admin#device`,
    expires_in: 600,
    interval: 2,
  });
  assertMatch(user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  const pending = await bench.poll(device_code);
  assertEquals([pending.status, pending.body.error], [400, "slow_down"], "before the first interval");
  // People type small letters and leave the dash out.
  const found = await find(anna, user_code.toLowerCase().replace("-", " "));
  const now = bench.clock.epochMs();
  const { id, created_at: _, expires_at: _end, token_expires_at, ...shown } = found.body;
  assertEquals(shown, {
    user_code,
    machine: "anna's\\u202e laptop",
    address: "127.0.0.1",
    same_address: true,
    role: "member",
    project_names: ["home"],
  });
  assert(Math.abs(Date.parse(token_expires_at) - now - 30 * DAY_S * 1000) < MINUTE_MS);
  assertEquals((await anna("POST", `/api/device-logins/${id}/confirm`)).status, 204);
  assertEquals((await anna("POST", `/api/device-logins/${id}/confirm`)).status, 404, "decided once");
  const got = await bench.poll(device_code);
  assertEquals([got.status, got.headers.get("cache-control")], [200, "no-store"]);
  const { access_token, token_id, expires_in, expires_at: _at, ...token } = got.body;
  assertEquals(token, {
    token_type: "Bearer",
    name: "anna's\\u202e laptop",
    person: "anna",
    role: "member",
    projects: [home],
  });
  assertEquals(expires_in, 30 * DAY_S);
  assertEquals((await bench.poll(device_code)).body.error, "invalid_grant", "used");
  const me = await bench.ask(access_token, "GET", "/me");
  assertEquals([me.body.kind, me.body.id, me.body.role], ["person", "usr_anna", "member"]);
  // A member has own tokens, and no other ones.
  const own = await bench.ask(access_token, "POST", "/tokens", { project_id: home, name: "own" });
  assertEquals([own.status, own.body.owner_id], [201, "usr_anna"]);
  assertEquals((await bench.ask(access_token, "GET", "/people")).status, 403);
  const { body: { data: audit } } = await bench.proxy.api("GET", "/audit");
  const entries = audit.filter(({ action }: Json) => action !== "access.refused").map((
    { action, actor, subject_id }: Json,
  ) => [action, actor, subject_id]);
  assertEquals(entries.slice(0, 3), [
    ["token.create", "anna (llm-proxy login on anna's\\u202e laptop)", own.body.id],
    ["management_token.create", "anna (passphrase)", token_id],
    ["device_login.confirm", "anna (passphrase)", id],
  ]);
});

Deno.test("device login: a refusal ends the login, and names the person in the audit log", async () => {
  await using bench = await DeviceBench.start();
  const anna = await bench.person("anna");
  const { body: { device_code, user_code } } = await bench.begin();
  const id = await bench.found(anna, user_code);
  assertEquals((await anna("POST", `/api/device-logins/${id}/refuse`)).status, 204);
  assertEquals((await find(anna, user_code)).status, 404);
  assertEquals((await anna("POST", `/api/device-logins/${id}/confirm`)).status, 404);
  const { status, body } = await bench.poll(device_code);
  assertEquals([status, body.error], [400, "access_denied"]);
  const { body: { data: audit } } = await bench.proxy.api("GET", "/audit");
  const entry = audit.find(({ subject_id }: Json) => subject_id === id);
  assertEquals([entry.action, entry.actor], ["device_login.refuse", "anna (passphrase)"]);
  assertEquals(entry.changes, { machine: "laptop", requested_by: "127.0.0.1" });
  assertEquals((await bench.proxy.api("GET", "/management-tokens")).body.data, []);
});

Deno.test("device login: codes expire after ten minutes, and a command that polls too fast must slow down", async () => {
  await using bench = await DeviceBench.start();
  const anna = await bench.person("anna");
  const { body: { device_code, user_code } } = await bench.begin();
  const errors: string[] = [];
  for (const ms of [2_000, 500, 3_000, 8_000, 17_000]) {
    bench.clock.pass(ms);
    errors.push((await bench.poll(device_code)).body.error);
  }
  // The second poll makes the interval 7 s, and the third one 12 s.
  assertEquals(errors, [
    "authorization_pending",
    "slow_down",
    "slow_down",
    "slow_down",
    "authorization_pending",
  ]);
  bench.clock.pass(10 * MINUTE_MS);
  assertEquals((await bench.poll(device_code)).body.error, "expired_token");
  assertEquals((await find(anna, user_code)).status, 404);
});

Deno.test("device login: wrong codes count as guesses, of people and of commands, and an address must wait", async () => {
  await using bench = await DeviceBench.start();
  const anna = await bench.person("anna");
  const { body: { user_code } } = await bench.begin();
  const statuses: number[] = [];
  for (const letter of "BCDFG") statuses.push((await find(anna, letter.repeat(8))).status);
  assertEquals(statuses, [404, 404, 404, 404, 404]);
  const waits = await find(anna, user_code);
  assertEquals(
    [waits.status, Number(waits.headers.get("retry-after")) > 0],
    [429, true],
    "the right one too",
  );
  assertEquals((await bench.begin()).status, 429, "one count for all ways in");
  bench.clock.pass(MINUTE_MS);
  assertEquals((await find(anna, user_code)).status, 200);
  bench.clock.pass(60 * MINUTE_MS);
  const polls: number[] = [];
  for (let guess = 0; guess < 6; guess++) polls.push((await bench.poll(String(guess).repeat(43))).status);
  assertEquals(polls, [400, 400, 400, 400, 400, 429]);
  for (const kind of ["a wrong code of a command", "a wrong device code"]) {
    const lines = bench.proxy.planeLog.filter(({ event, detail }) =>
      event === "management_refused" && String(detail).startsWith(kind)
    );
    assertEquals(lines.length, 5, kind);
  }
});

Deno.test("device login: a confirmation needs a fresh proof and a person at the page, and the number of logins is bounded", async () => {
  await using bench = await DeviceBench.start();
  const anna = await bench.person("anna");
  bench.clock.pass(11 * MINUTE_MS);
  const { body: { user_code } } = await bench.begin();
  const id = await bench.found(anna, user_code);
  const stale = await anna("POST", `/api/device-logins/${id}/confirm`);
  assertEquals([stale.status, stale.body.code], [403, "sign_in_again"]);
  await anna("POST", "/session/confirm", { passphrase: "correct horse battery staple" });
  assertEquals((await anna("POST", `/api/device-logins/${id}/confirm`)).status, 204);
  // A token of an administrator, and that of a login, could otherwise make others for ever.
  const second = (await bench.begin()).body;
  const other = await bench.found(anna, second.user_code);
  for (
    const [path, body] of [["find", { user_code: second.user_code }], [
      `${other}/confirm`,
      undefined,
    ]] as const
  ) {
    assertEquals((await bench.proxy.api("POST", `/device-logins/${path}`, body)).status, 403, path);
  }
  const statuses = new Set<number>();
  for (let count = 0; count < 18; count++) statuses.add((await bench.begin()).status);
  assertEquals([...statuses], [200]);
  assertEquals((await bench.begin()).status, 429, "twenty wait already");
  bench.clock.pass(10 * MINUTE_MS);
  assertEquals((await bench.begin()).status, 200);
});

Deno.test("device login: what a command does not send is rejected, and so are web pages", async () => {
  await using bench = await DeviceBench.start();
  const { url } = bench.proxy;
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  const cases:
    readonly (readonly [path: string, form: Record<string, string> | [string, string][], error: string])[] = [
      ["code", {}, "invalid_client"],
      ["code", { client_id: "another" }, "invalid_client"],
      ["code", [["client_id", "llm-proxy"], ["client_id", "llm-proxy"]], "invalid_request"],
      ["code", { client_id: "llm-proxy", lifetime: "59" }, "invalid_request"],
      ["code", { client_id: "llm-proxy", lifetime: String(90 * DAY_S + 1) }, "invalid_request"],
      ["code", { client_id: "llm-proxy", lifetime: "1e3" }, "invalid_request"],
      ["token", { client_id: "llm-proxy" }, "unsupported_grant_type"],
      ["token", { client_id: "llm-proxy", grant_type: "password" }, "unsupported_grant_type"],
      ["token", { grant_type }, "invalid_client"],
      ["token", { client_id: "llm-proxy", grant_type }, "invalid_request"],
      ["token", { client_id: "llm-proxy", grant_type, device_code: "short" }, "invalid_grant"],
    ];
  for (const [path, form, error] of cases) {
    const { status, body } = await bench.post(`/device/${path}`, new URLSearchParams(form));
    assertEquals([status, body.error], [400, error], JSON.stringify(form));
  }
  const form = { client_id: "llm-proxy" };
  for (const headers of [{ origin: url }, { "sec-fetch-site": "same-origin" }]) {
    assertEquals((await bench.post("/device/code", form, bench.proxy, headers)).status, 403);
  }
  const json = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  const tried = [["/device/code", json, 415], ["/device/code", {}, 405], [
    "/device/other",
    json,
    401,
  ]] as const;
  for (const [path, init, status] of tried) {
    const response = await fetch(`${url}/manage${path}`, init);
    await response.body?.cancel();
    assertEquals(response.status, status, path);
  }
  // Nobody has proved anything, so the body is as short as that of a sign-in.
  const long = await bench.post("/device/code", { client_id: "llm-proxy", machine: "x".repeat(5_000) });
  assertEquals(long.status, 413);
});

Deno.test("device login: the token has the rights that its person has now, and ends with them", async () => {
  await using bench = await DeviceBench.start();
  const { body: { id: home } } = await bench.proxy.api("POST", "/projects", { name: "home" });
  const anna = await bench.person("anna");
  await bench.person("ben");
  const { access_token: token, token_id } = await bench.login(anna);
  assertEquals((await bench.ask(token, "GET", "/people")).status, 200);
  const change = (body: unknown) => bench.proxy.api("PATCH", "/people/usr_anna", body);
  await change({ role: "manager", projects: [home] });
  assertEquals((await bench.ask(token, "GET", "/people")).status, 403);
  assertEquals((await bench.ask(token, "GET", "/me")).body.projects, [home]);
  // Each person sees and revokes their own tokens, and an administrator all of them.
  const bens = await bench.login(
    await bench.browser({ name: "ben", passphrase: "correct horse battery staple" }),
  );
  const listed = async (one: string) =>
    (await bench.ask(one, "GET", "/management-tokens")).body.data.map(({ person_id }: Json) => person_id);
  assertEquals([await listed(token), await listed(bens.access_token)], [["usr_anna"], [
    "usr_ben",
    "usr_anna",
  ]]);
  assertEquals((await bench.ask(token, "DELETE", `/management-tokens/${bens.token_id}`)).status, 404);
  assertEquals((await bench.ask(token, "DELETE", `/management-tokens/${token_id}`)).status, 204);
  assertEquals((await bench.ask(token, "GET", "/me")).status, 401);
  const again = await bench.login(anna);
  await change({ disabled: true });
  assertEquals((await bench.ask(again.access_token, "GET", "/me")).status, 401);
  await change({ disabled: false });
  assertEquals((await bench.ask(again.access_token, "GET", "/me")).status, 401, "a login does not come back");
  assertEquals((await bench.proxy.api("DELETE", "/people/usr_ben")).status, 204);
  assertEquals((await bench.ask(bens.access_token, "GET", "/me")).status, 401);
});

Deno.test("device login: a token that another version did not revoke is rejected while its person is disabled or gone", async () => {
  await using bench = await DeviceBench.start();
  await bench.person("anna");
  const values = ["usr_anna", "usr_off", "usr_gone"].map((id) => [id, createManagementTokenValue()] as const);
  const store = await bench.proxy.otherStore();
  const audit = auditRow("management_token.create", "mgt_x");
  await store.addPerson(personRow("usr_off", { disabled: true }), audit);
  for (const [personId, value] of values) {
    await store.addManagementToken(
      managementTokenRow(`mgt_${personId}`, { personId, hash: hashOf(value) }),
      audit,
    );
  }
  await store.close();
  const statuses = values.map(async ([, value]) => (await bench.ask(value, "GET", "/me")).status);
  assertEquals(await Promise.all(statuses), [200, 401, 401]);
});

Deno.test("device login: a token ends when it says, and the holder of MANAGEMENT_TOKEN gets one of an administrator", async () => {
  await using bench = await DeviceBench.start();
  const { access_token, expires_in, ...rest } = await bench.login(await bench.browser(), {
    lifetime: "3600",
  });
  assertEquals([expires_in, rest.person, rest.role, rest.projects], [3600, null, "admin", "all"]);
  assertEquals((await bench.ask(access_token, "GET", "/people")).status, 200);
  bench.clock.pass(61 * MINUTE_MS);
  assertEquals((await bench.ask(access_token, "GET", "/people")).status, 401);
});

Deno.test("device login: with public_url, the command gets the address of the configuration", async () => {
  await using bench = await DeviceBench.start({ management: { publicUrl: "https://llm.example.com" } });
  assertEquals((await bench.begin()).body.verification_uri, "https://llm.example.com/admin#device");
});

Deno.test("device login: two replicas on one database: begun at one, confirmed at the other, polled at both", async () => {
  await using bench = await DeviceBench.start();
  const anna = await bench.person("anna");
  await using other = await ManagedProxy.start(bench.upstream, {
    management: { databaseUrl: bench.proxy.databaseUrl },
    clock: bench.clock,
  });
  const { body: { device_code, user_code } } = await bench.begin({}, other);
  bench.clock.pass(2_000);
  assertEquals((await bench.poll(device_code)).body.error, "authorization_pending");
  assertEquals((await bench.poll(device_code, other)).body.error, "slow_down", "one interval for both");
  await bench.confirm(anna, user_code);
  const polls = await Promise.all([bench.poll(device_code), bench.poll(device_code, other)]);
  assertEquals(polls.map(({ status }) => status).sort(), [200, 400], "one of them gets the token");
  const token = polls.find(({ status }) => status === 200)?.body.access_token;
  assertNotEquals(token, SECRETS.managementToken);
  const response = await fetch(`${other.adminUrl}/manage/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assertEquals([response.status, (await response.json()).id], [200, "usr_anna"]);
});
