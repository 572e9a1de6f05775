/** What every adapter of the store does with logins of commands on other machines. */

import { assert, assertEquals } from "@std/assert";
import { hashOf } from "../../src/auth/token_value.ts";
import type { DeviceLogin } from "../../src/storage/device_login_store.ts";
import type { Store } from "../../src/storage/store.ts";
import { AT, auditRow } from "../support/data/rows.ts";
import { managementTokenRow, personRow, sessionRow } from "./people_contract.ts";

const ALL = { limit: 50, before: undefined, personId: undefined };
const LIMITS = { ofAddressGroup: 3, ofAll: 5 };
const MINUTE_MS = 60_000;
const entry = (action: string, subjectId: string, at = AT) => auditRow(action, subjectId, { at });

/** A login that a command begins now, and that ends after ten minutes. */
export function deviceLoginRow(id: string, more: Partial<DeviceLogin> = {}): DeviceLogin {
  const createdAt = more.createdAt ?? AT;
  return {
    id,
    deviceHash: hashOf(`device ${id}`),
    userHash: hashOf(`user ${id}`),
    machine: "laptop",
    address: "192.0.2.7",
    addressGroup: "192.0.2.7",
    lifetimeMs: 1_000_000,
    createdAt,
    expiresAt: createdAt + 10 * MINUTE_MS,
    intervalMs: 2_000,
    ...more,
  };
}

const poll = (store: Store, id: string, at: number) => store.pollDeviceLogin(hashOf(`device ${id}`), at);
const use = (store: Store, id: string, at: number, token = `mgt_${id}`) =>
  store.useDeviceLogin(
    hashOf(`device ${id}`),
    { id: token, hash: hashOf(token), suffix: "wxyz" },
    { at, source: "192.0.2.9" },
  );

/** Adds ben, and a login that he has confirmed. */
async function confirmed(store: Store, id = "d1"): Promise<void> {
  await store.addPerson(personRow("ben", { projects: "all" }), entry("person.create", "ben"));
  await store.addDeviceLogin(deviceLoginRow(id), LIMITS);
  const decision = { at: AT + 1, personId: "ben", actor: "ben (passphrase)" };
  assert(await store.confirmDeviceLogin(id, decision, entry("device_login.confirm", id)));
}

/** The state of the management token with an id. */
async function revokedAt(store: Store, id: string): Promise<number | undefined> {
  const found = await store.findManagementToken({ id });
  assert(found !== undefined);
  return found.token.revokedAt;
}

const guarded = (action: string) => ({
  audit: entry(action, "ben", AT + 9),
  guard: { keepsAdmin: false },
});

export const DEVICE_CONTRACT: readonly (readonly [what: string, work: (store: Store) => Promise<void>])[] = [
  ["a login waits until a person confirms it, and makes one token", async (store) => {
    await confirmed(store);
    assertEquals(await store.findDeviceLogin({ id: "d1" }, AT + 2), undefined, "it waits no more");
    assertEquals(await store.refuseDeviceLogin("d1", AT + 2, entry("device_login.refuse", "d1")), false);
    assertEquals(await poll(store, "d1", AT + 2), "confirmed");
    const person = personRow("ben", { projects: "all" });
    const token = managementTokenRow("mgt_d1", {
      name: "laptop",
      suffix: "wxyz",
      role: "viewer",
      projects: [],
      personId: "ben",
      expiresAt: AT + 3 + 1_000_000,
      madeBy: "ben (passphrase)",
      makerId: "ben",
      createdAt: AT + 3,
    });
    assertEquals(await use(store, "d1", AT + 3), { token, person });
    assertEquals(await use(store, "d1", AT + 4, "mgt_2"), undefined, "a code works once");
    assertEquals(await poll(store, "d1", AT + 4), "unknown");
    assertEquals(await store.findManagementToken({ hash: hashOf("mgt_d1") }), { token, person });
    const { items: [made] } = await store.listAudit({ limit: 50, before: undefined });
    assertEquals([made?.action, made?.actor, made?.source, made?.subjectId], [
      "management_token.create",
      "ben (passphrase)",
      "192.0.2.9",
      "mgt_d1",
    ]);
  }],
  ["a login is found by its user code or its id, only while it waits", async (store) => {
    const login = deviceLoginRow("d1");
    await store.addDeviceLogin(login, LIMITS);
    const find = (at: number) => store.findDeviceLogin({ userHash: hashOf("user d1") }, at);
    assertEquals(await find(AT), login);
    assertEquals(await store.findDeviceLogin({ id: "d1" }, AT), login);
    assertEquals(await store.findDeviceLogin({ userHash: hashOf("user d2") }, AT), undefined);
    assertEquals(await find(login.expiresAt), undefined, "expired");
    assert(await store.refuseDeviceLogin("d1", AT, entry("device_login.refuse", "d1")));
    assertEquals(await find(AT), undefined);
    assertEquals(await poll(store, "d1", AT + 1), "refused");
    assertEquals(await use(store, "d1", AT + 1), undefined);
  }],
  ["polls that come too early make the interval longer", async (store) => {
    await store.addDeviceLogin(deviceLoginRow("d1"), LIMITS);
    const seen = [];
    for (const at of [2_000, 4_000, 4_500, 9_000, 20_000]) seen.push(await poll(store, "d1", AT + at));
    // After 4.5 s the interval is 7 s; the poll after 9 s is too early again, and makes it 12 s.
    assertEquals(seen, ["pending", "pending", "slow_down", "slow_down", "pending"]);
    assertEquals(await poll(store, "d2", AT), "unknown");
    // Each early poll adds 5 s, up to more than a minute. Polls that are earlier still change nothing.
    for (let count = 0; count < 30; count++) await poll(store, "d1", AT + 20_001);
    assertEquals(await poll(store, "d1", AT + 20_000 + 60_000), "slow_down");
    assertEquals(
      await poll(store, "d1", AT + 20_000 + 62_000),
      "pending",
      "62 s after the last that counted",
    );
  }],
  ["a login expires, confirmed or not, and is deleted later", async (store) => {
    await confirmed(store);
    await store.addDeviceLogin(deviceLoginRow("d2"), LIMITS);
    const end = deviceLoginRow("d1").expiresAt;
    assertEquals([await poll(store, "d1", end), await poll(store, "d2", end)], ["expired", "expired"]);
    assertEquals(await use(store, "d1", end), undefined);
    const decision = { at: end, personId: "ben", actor: "ben (passphrase)" };
    assertEquals(await store.confirmDeviceLogin("d2", decision, entry("device_login.confirm", "d2")), false);
    await store.addDeviceLogin(deviceLoginRow("d3", { createdAt: end + 11 * MINUTE_MS }), LIMITS);
    assertEquals(await poll(store, "d1", end), "unknown");
    await store.pruneAccounts({ now: end + 22 * MINUTE_MS, usedBefore: AT });
    assertEquals(await poll(store, "d3", end), "unknown");
  }],
  ["a session that has ended confirms no login", async (store) => {
    await store.addPerson(personRow("ben"), entry("person.create", "ben"));
    await store.addSession(sessionRow("s1", "ben"));
    await store.addSession(sessionRow("s2", undefined));
    const confirm = async (id: string, sessionId: string, personId: string | undefined) => {
      await store.addDeviceLogin(deviceLoginRow(id, { addressGroup: id }), LIMITS);
      const decision = { at: AT + 1, personId, actor: "x", sessionId };
      return await store.confirmDeviceLogin(id, decision, entry("device_login.confirm", id));
    };
    assertEquals([await confirm("d1", "s1", "ben"), await confirm("d2", "s2", undefined)], [true, true]);
    await store.setPassphrase("ben", { hash: "hash", keptSession: undefined }, entry("x", "ben"));
    await store.endSession("s2", { at: AT });
    assertEquals([await confirm("d3", "s1", "ben"), await confirm("d4", "s2", undefined)], [false, false]);
  }],
  ["the logins of an address are bounded, and so are all, until they expire", async (store) => {
    const add = (id: string, addressGroup: string, createdAt = AT) =>
      store.addDeviceLogin(deviceLoginRow(id, { addressGroup, createdAt }), LIMITS);
    const added = [];
    for (const [index, group] of ["a", "a", "a", "a", "b", "b", "c"].entries()) {
      added.push(await add(`d${index}`, group));
    }
    assertEquals(added, [true, true, true, false, true, true, false]);
    assertEquals(await add("d9", "a", AT + 10 * MINUTE_MS), true);
  }],
  ["a confirmed login makes no token if its person changed, was disabled or removed", async (store) => {
    await confirmed(store);
    const disabled = await store.changePerson(
      { id: "ben", version: 1 },
      { disabled: true },
      guarded("person.update"),
    );
    assertEquals([disabled, await use(store, "d1", AT + 10)], ["done", undefined]);
    await store.addDeviceLogin(deviceLoginRow("d2"), LIMITS);
    const decision = { at: AT + 10, personId: "ben", actor: "ben (passphrase)" };
    const audit = entry("device_login.confirm", "d2");
    assertEquals(await store.confirmDeviceLogin("d2", decision, audit), false, "disabled");
    await store.changePerson({ id: "ben", version: 2 }, { disabled: false }, guarded("person.update"));
    assert(await store.confirmDeviceLogin("d2", decision, audit));
    assertEquals(await store.removePerson({ id: "ben", version: 3 }, guarded("person.remove")), "done");
    assertEquals(await use(store, "d2", AT + 11), undefined);
    assertEquals((await store.listManagementTokens(ALL)).items, []);
  }],
  [
    "the token of a person is revoked with a new passphrase, and when they are disabled or removed",
    async (store) => {
      await store.addPerson(personRow("ben"), entry("person.create", "ben"));
      await store.addManagementToken(managementTokenRow("other"), entry("management_token.create", "other"));
      const add = (id: string) =>
        store.addManagementToken(
          managementTokenRow(id, { personId: "ben" }),
          entry("management_token.create", id),
        );
      await add("m1");
      const kept = { hash: "hash", keptSession: "s1" };
      await store.setPassphrase("ben", kept, entry("person.passphrase", "ben", AT + 5));
      assertEquals(await revokedAt(store, "m1"), AT + 5);
      await add("m2");
      await store.changePerson({ id: "ben", version: 2 }, { name: "Ben" }, guarded("person.update"));
      assertEquals(await revokedAt(store, "m2"), undefined);
      await store.changePerson({ id: "ben", version: 3 }, { disabled: true }, guarded("person.update"));
      await store.changePerson({ id: "ben", version: 4 }, { disabled: false }, guarded("person.update"));
      assertEquals(await revokedAt(store, "m2"), AT + 9, "and it stays revoked");
      await add("m3");
      const ofBen = await store.listManagementTokens({ ...ALL, personId: "ben" });
      assertEquals(ofBen.items.map(({ token, person }) => [token.id, person?.id]), [
        ["m3", "ben"],
        ["m2", "ben"],
        ["m1", "ben"],
      ]);
      await store.addManagementToken(
        managementTokenRow("m4", { personId: "ben", expiresAt: AT + 50 }),
        entry("management_token.create", "m4"),
      );
      await store.pruneAccounts({ now: AT, usedBefore: AT + 9 });
      const kept9 = (await store.listManagementTokens(ALL)).items.map(({ token }) => token.id);
      assertEquals(kept9, ["m4", "m3", "m2", "other"], "m1 ended before");
      await store.pruneAccounts({ now: AT, usedBefore: AT + 51 });
      const kept51 = (await store.listManagementTokens(ALL)).items.map(({ token }) => token.id);
      assertEquals(kept51, ["m3", "other"]);
      await store.removePerson({ id: "ben", version: 5 }, guarded("person.remove"));
      assertEquals(await revokedAt(store, "m3"), AT + 9);
      assertEquals(await revokedAt(store, "other"), undefined);
    },
  ],
  ["a login that the holder of the configured token confirmed is of an administrator", async (store) => {
    await store.addDeviceLogin(deviceLoginRow("d1"), LIMITS);
    const decision = { at: AT + 1, personId: undefined, actor: "admin page" };
    await store.confirmDeviceLogin("d1", decision, entry("device_login.confirm", "d1"));
    const made = await use(store, "d1", AT + 3);
    assertEquals([made?.token.role, made?.token.projects, made?.person], ["admin", "all", undefined]);
  }],
];
