/** Sessions of the admin page in a store, as one process or several see them. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { Sessions } from "../../../src/management/admin/sessions.ts";
import type { Person } from "../../../src/people/person.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { auditRow } from "../../support/data/rows.ts";
import { personRow } from "../../storage/people_contract.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const MINUTE = 60_000;
const HERE = { address: "192.0.2.7", browser: "Firefox" };
const BOOTSTRAP = { person: undefined, way: "" };
const guarded = { audit: auditRow("person.update", "anna"), guard: { keepsAdmin: false } };

async function inStore(
  work: (of: {
    store: Store;
    clock: FakeClock;
    anna: Person;
    open: (more?: { idleMs?: number; bootstrapToken?: string | undefined }) => Sessions;
  }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const store = openSqlite(`${folder}/x.db`);
  const clock = new FakeClock();
  const anna = personRow("anna", { projects: "all" });
  try {
    await store.addPerson(anna, auditRow("person.create", "anna"));
    const open = ({ idleMs = MINUTE, ...more } = {}) =>
      new Sessions({ store, clock, idleMs: () => idleMs, bootstrapToken: "the token", ...more });
    await work({ store, clock, anna, open });
  } finally {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Begins a session of a person who has not changed. */
async function begun(sessions: Sessions, entry: Parameters<Sessions["begin"]>[0]): Promise<string> {
  const value = await sessions.begin(entry, HERE);
  if (value === undefined) throw new Error("the session did not begin");
  return value;
}

Deno.test("Sessions: a session ends after its idle time, and at the sign-out", () =>
  inStore(async ({ clock, open, anna }) => {
    const sessions = open();
    const value = await begun(sessions, { person: anna, way: "passphrase" });
    const isValid = async (used = false) => await sessions.find(value, used ? HERE : undefined) !== undefined;
    clock.pass(MINUTE - 1);
    assertEquals(await isValid(true), true);
    clock.pass(MINUTE - 1);
    assertEquals(await isValid(), true, "to look is not to use");
    clock.pass(1);
    assertEquals(await isValid(), false);
    const other = await begun(sessions, { person: anna, way: "passphrase" });
    assertNotEquals(other, value);
    assertEquals((await sessions.end(other))?.name, "anna (passphrase)");
    assertEquals(await sessions.end(other), undefined);
    assertEquals(await sessions.find(other), undefined);
  }));

Deno.test("Sessions: a restart and another process have the sessions, and the place of the last use", () =>
  inStore(async ({ store, clock, open, anna }) => {
    const value = await begun(open(), { person: anna, way: "passphrase" });
    const other = open({ idleMs: 10 * MINUTE });
    const phone = { address: "198.51.100.9", browser: "Safari \u202e" };
    clock.pass(30_000);
    const found = await other.find(value, phone);
    assertEquals([found?.actor.id, found?.actor.role], ["anna", "member"], "from another address too");
    const page = { limit: 9, before: undefined, usedSince: 0, personId: undefined };
    const listed = async () => (await store.listSessions(page)).items[0]?.session;
    assertEquals((await listed())?.browser, "Firefox", "written at most once a minute");
    clock.pass(30_000);
    await other.find(value, phone);
    assertEquals([(await listed())?.browser, (await listed())?.address], ["Safari \\u202e", "198.51.100.9"]);
    assertEquals((await listed())?.usedAt, clock.epochMs());
  }));

Deno.test("Sessions: the database has no value of a session, and nothing of the token of the configuration", () =>
  inStore(async ({ store, open }) => {
    const value = await begun(open(), BOOTSTRAP);
    const page = { limit: 9, before: undefined, usedSince: 0, personId: undefined };
    const kept = JSON.stringify((await store.listSessions(page)).items);
    assertEquals([kept.includes(value), kept.includes("the token")], [false, false]);
    const [one, other] = [await begun(open(), BOOTSTRAP), await begun(open(), BOOTSTRAP)];
    const credentials = (await store.listSessions(page)).items.map(({ session }) => session.credential);
    assertEquals(new Set(credentials).size, 3, "so it cannot be guessed by its hash");
    assertNotEquals(one, other);
  }));

Deno.test("Sessions: those of the token of the configuration end when it changes", () =>
  inStore(async ({ open }) => {
    const value = await begun(open(), BOOTSTRAP);
    const found = await open().find(value);
    assertEquals([found?.actor.kind, found?.actor.name, found?.actor.role], [
      "bootstrap",
      "admin page",
      "admin",
    ]);
    assertEquals(await open({ bootstrapToken: "another token" }).find(value), undefined);
    assertEquals(await open({ bootstrapToken: undefined }).find(value), undefined);
  }));

Deno.test("Sessions: a person has the role and the projects of now, and nothing when disabled or removed", () =>
  inStore(async ({ store, open, anna }) => {
    const sessions = open();
    const value = await begun(sessions, { person: anna, way: "passphrase" });
    await store.changePerson({ id: "anna", version: 1 }, { role: "viewer", projects: [] }, guarded);
    const { role, projects } = (await sessions.find(value))?.actor ?? {};
    assertEquals([role, projects], ["viewer", []]);
    await store.changePerson({ id: "anna", version: 2 }, { disabled: true }, guarded);
    assertEquals(await sessions.find(value), undefined);
  }));

Deno.test("Sessions: a proof counts from its moment, and a stream learns of the end in its process", () =>
  inStore(async ({ clock, open, anna }) => {
    const sessions = open();
    const value = await begun(sessions, { person: anna, way: "passphrase" });
    const beganAt = clock.epochMs();
    clock.pass(MINUTE / 2);
    const found = await sessions.find(value);
    if (found === undefined) throw new Error("the session has ended");
    assertEquals(found.actor.provenAt, beganAt);
    await sessions.prove(found);
    assertEquals((await sessions.find(value))?.actor.provenAt, beganAt + MINUTE / 2);
    let ends = 0;
    const identity = sessions.identityOf(found, value);
    identity.onEnd?.(() => ends++);
    const stop = identity.onEnd?.(() => ends += 100);
    stop?.();
    await sessions.end(value);
    assertEquals([ends, await identity.again()], [1, undefined]);
  }));
