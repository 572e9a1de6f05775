/** Sign-ins, sign-outs and rejected attempts in the audit log: bounded, and without tokens. */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { AccessAudit } from "../../../src/management/api/access_audit.ts";
import type { NewAuditEntry } from "../../../src/storage/audit_store.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const MINUTE_MS = 60_000;

class AuditBench {
  readonly clock = new FakeClock();
  readonly entries: NewAuditEntry[] = [];
  readonly failures: string[] = [];
  isFailing = false;
  readonly audit = new AccessAudit({
    addAudit: (entry) => {
      if (this.isFailing) return Promise.reject(new StoreError("full", "the disk is full"));
      this.entries.push(entry);
      return Promise.resolve();
    },
  }, { clock: this.clock, onFailed: (reason) => this.failures.push(reason) });

  /** Of the refused attempts, source and counts. */
  get refused(): [source: string, changes: unknown][] {
    return this.entries.map(({ source, changes }) => [source, changes]);
  }
}

Deno.test("AccessAudit: ten thousand wrong tokens of an address make one entry at once and one at the end of the minute", async () => {
  const bench = new AuditBench();
  for (let count = 0; count < 10_000; count++) {
    bench.audit.refused("192.0.2.1", count % 4 === 0 ? "sign_in" : "bearer");
  }
  assertEquals(bench.refused, [["192.0.2.1", { wrong_tokens_at_sign_in: 1 }]]);
  bench.clock.pass(MINUTE_MS);
  assertEquals(bench.refused.slice(1), [
    ["192.0.2.1", { wrong_bearer_tokens: 7_500, wrong_tokens_at_sign_in: 2_499 }],
  ]);
  bench.clock.pass(MINUTE_MS);
  assertEquals([bench.entries.length, bench.clock.pending], [2, 0], "nothing came in this minute");
  await bench.audit.refused("192.0.2.1", "bearer");
  assertEquals(bench.entries[2]?.at, FakeClock.START + 2 * MINUTE_MS);
  await bench.audit.close();
});

Deno.test("AccessAudit: entries of one address are at least a minute apart", async () => {
  const bench = new AuditBench();
  for (let second = 0; second < 600; second++) {
    bench.audit.refused("192.0.2.1", "bearer");
    bench.clock.pass(1_000);
  }
  await bench.audit.close();
  const times = bench.entries.slice(0, -1).map(({ at }) => at);
  assertGreater(times.length, 5);
  for (const [index, at] of times.slice(1).entries()) assert(at - (times[index] ?? 0) >= MINUTE_MS);
  const counted = bench.entries.map(({ changes }) => Number(changes["wrong_bearer_tokens"]));
  assertEquals(counted.reduce((sum, count) => sum + count), 600, "none is forgotten");
});

Deno.test("AccessAudit: many addresses at once share an entry; an IPv6 network counts as one address", async () => {
  const bench = new AuditBench();
  for (let count = 0; count < 5_000; count++) {
    bench.audit.refused(`2001:db8:0:1::${count.toString(16)}`, "bearer");
  }
  assertEquals(bench.refused, [["2001:db8:0:1::0", { wrong_bearer_tokens: 1 }]]);
  for (let count = 0; count < 50_000; count++) {
    bench.audit.refused(`10.${count >> 16}.${count >> 8 & 255}.${count & 255}`, "bearer");
  }
  assertLess(bench.entries.length, 25);
  assertEquals(bench.refused.at(-1), ["other addresses", { wrong_bearer_tokens: 1 }]);
  bench.clock.pass(MINUTE_MS);
  assertLess(bench.entries.length, 50);
  const total = bench.entries.reduce((sum, { changes }) => sum + Number(changes["wrong_bearer_tokens"]), 0);
  assertEquals(total, 55_000);
  await bench.audit.close();
  assertEquals(bench.clock.pending, 0);
});

Deno.test("AccessAudit: counted attempts are written at the end; a failing store does not prevent access", async () => {
  const bench = new AuditBench();
  for (let count = 0; count < 3; count++) await bench.audit.refused("192.0.2.1", "sign_in");
  await bench.audit.close();
  assertEquals(bench.refused.map(([, changes]) => changes), [
    { wrong_tokens_at_sign_in: 1 },
    { wrong_tokens_at_sign_in: 2 },
  ]);
  assertEquals(bench.clock.pending, 0);
  bench.isFailing = true;
  await bench.audit.signedIn("192.0.2.1", "admin page");
  assertEquals(bench.failures, ["the disk is full"]);
});

/** Entries as the API gives them, the oldest first. */
async function entriesOf(proxy: ManagedProxy): Promise<[action: string, actor: string, changes: unknown][]> {
  const { body } = await proxy.api("GET", "/audit");
  for (const { source } of body.data) assertEquals(source, "127.0.0.1");
  return body.data.reverse().map((
    { action, actor, changes }: { action: string; actor: string; changes: unknown },
  ) => [action, actor, changes]);
}

async function session(
  proxy: ManagedProxy,
  method: "POST" | "DELETE",
  init: { token?: string; cookie?: string },
) {
  const response = await fetch(`${proxy.url}/admin/session`, {
    method,
    headers: {
      origin: proxy.url,
      ...(init.token !== undefined && { "content-type": "application/json" }),
      ...(init.cookie !== undefined && { cookie: init.cookie }),
    },
    ...(init.token !== undefined && { body: JSON.stringify({ token: init.token }) }),
  });
  await response.body?.cancel();
  return { status: response.status, cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

Deno.test("/manage/audit: lists sign-ins, sign-outs and backups of the page and of the API, with their address", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { cookie } = await session(proxy, "POST", { token: SECRETS.managementToken });
  const backup = await fetch(`${proxy.url}/admin/api/backup`, {
    method: "POST",
    headers: { cookie, origin: proxy.url },
  });
  assertEquals((await backup.arrayBuffer()).byteLength > 1_000, true);
  assertEquals((await proxy.api("GET", "/backup")).status, 200);
  assertEquals((await session(proxy, "DELETE", { cookie })).status, 204);
  // There is no such session any more, and there never was the other one.
  await session(proxy, "DELETE", { cookie });
  await session(proxy, "DELETE", { cookie: `${cookie.split("=")[0]}=made-up` });
  assertEquals(await entriesOf(proxy), [
    ["admin.sign_in", "admin page", {}],
    ["backup.create", "admin page", {}],
    ["backup.create", "management token", {}],
    ["admin.sign_out", "admin page", {}],
  ]);
});

Deno.test("/manage/audit: counts wrong tokens by address and minute, lists a wait once, and holds no token", async () => {
  await using upstream = new FakeUpstream();
  const clock = new FakeClock();
  await using proxy = await ManagedProxy.start(upstream, { clock });
  const bearer = async (token: string, path = "/manage/projects") => {
    const response = await fetch(proxy.url + path, { headers: { authorization: `Bearer ${token}` } });
    await response.body?.cancel();
    return response.status;
  };
  const without = await fetch(`${proxy.url}/manage/projects`);
  await without.body?.cancel();
  assertEquals(without.status, 401, "a request without a token is no guess, and no entry");
  // Also what was meant for elsewhere must not be found in the database: the proxy's end looks for it.
  const guesses = [SECRETS.clientKey, SECRETS.openaiKey, SECRETS.proxyToken, SECRETS.projectKey];
  for (const guess of guesses.slice(0, 2)) assertEquals(await bearer(guess), 401);
  assertEquals(await bearer(guesses[2] ?? "", "/metrics"), 401);
  assertEquals((await session(proxy, "POST", { token: guesses[3] ?? "" })).status, 401);
  assertEquals((await session(proxy, "POST", { token: "guess" })).status, 401);
  for (let round = 0; round < 20; round++) {
    assertEquals(await bearer(`guess ${round}`), 429);
    assertEquals((await session(proxy, "POST", { token: SECRETS.managementToken })).status, 429);
  }
  clock.pass(MINUTE_MS);
  assertEquals(await entriesOf(proxy), [
    ["access.refused", "unknown", { wrong_bearer_tokens: 1 }],
    ["access.refused", "unknown", {
      wrong_bearer_tokens: 2,
      wrong_tokens_at_sign_in: 2,
      attempts_during_a_wait: 1,
    }],
  ]);
  const audit = JSON.stringify((await proxy.api("GET", "/audit")).body);
  for (const text of [...guesses, "guess", SECRETS.managementToken]) assert(!audit.includes(text), text);
});
