/** What every adapter of the store does with people, sessions, management tokens and owners of tokens. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { hashOf } from "../../src/auth/token_value.ts";
import type { Person } from "../../src/people/person.ts";
import type { Scope } from "../../src/people/scope.ts";
import type { Passkey } from "../../src/people/passkeys/passkey.ts";
import { MAX_PASSKEYS } from "../../src/storage/passkey_store.ts";
import type { ManagementToken, Session } from "../../src/storage/people_store.ts";
import { type Store, StoreError } from "../../src/storage/store.ts";
import {
  ALL_TOGETHER,
  AT,
  auditRow,
  exchangeRow,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";

const ALL = { limit: 50, before: undefined };
const NO_GUARD = { keepsAdmin: false };
const GUARD = { keepsAdmin: true };

/** A member of the project p1 without anything special about them. */
export function personRow(id: string, more: Partial<Person> = {}): Person {
  return {
    id,
    login: id,
    name: `Person ${id}`,
    role: "member",
    projects: ["p1"],
    disabled: false,
    origin: { kind: "local" },
    createdAt: AT,
    updatedAt: AT,
    version: 1,
    ...more,
  };
}

/** A session of a person. */
export function sessionRow(id: string, personId: string | undefined, more: Partial<Session> = {}): Session {
  return {
    id,
    hash: hashOf(id),
    personId,
    credential: "",
    way: "passphrase",
    createdAt: AT,
    usedAt: AT,
    provenAt: AT,
    address: "192.0.2.7",
    browser: "Firefox",
    ...more,
  };
}

/** A management token of an administrator. */
export function managementTokenRow(id: string, more: Partial<ManagementToken> = {}): ManagementToken {
  return {
    id,
    name: `token ${id}`,
    hash: hashOf(id),
    suffix: "abcd",
    role: "admin",
    projects: "all",
    personId: undefined,
    expiresAt: undefined,
    lastUsedAt: undefined,
    madeBy: "anna (passphrase)",
    makerId: undefined,
    makerHasLeft: false,
    createdAt: AT,
    revokedAt: undefined,
    ...more,
  };
}

/** A passkey of a person. */
export function passkeyRow(id: string, personId: string, more: Partial<Passkey> = {}): Passkey {
  return {
    id,
    personId,
    credentialId: `credential of ${id}`,
    publicKey: Uint8Array.of(0, 255, 7),
    counter: 5,
    transports: ["internal", "hybrid"],
    rpId: "localhost",
    name: `passkey ${id}`,
    isSynced: false,
    createdAt: AT,
    lastUsedAt: undefined,
    blockedAt: undefined,
    ...more,
  };
}

const entry = (action: string, subjectId: string, at = AT) => auditRow(action, subjectId, { at });
const guarded = (action: string, subjectId: string, guard = NO_GUARD) => ({
  audit: entry(action, subjectId, AT + 9),
  guard,
});

async function addPeople(store: Store): Promise<void> {
  for (const id of ["p1", "p2"]) await store.addProject(projectRow(id), entry("project.create", id));
  await store.addPerson(
    personRow("anna", { role: "admin", projects: "all" }),
    entry("person.create", "anna"),
  );
  await store.addPerson(personRow("ben"), entry("person.create", "ben"));
  await store.addPerson(personRow("cleo", { projects: ["p1", "p2"] }), entry("person.create", "cleo"));
}

const challenge = (text: string) => ({ challenge: text, expiresAt: AT + 100 });

async function addPasskey(store: Store, passkey: Passkey): Promise<void> {
  const added = await store.addPasskey(passkey, challenge(`to add ${passkey.id}`), entry("passkey.add", "x"));
  assertEquals(added, "done");
}

const actions = async (store: Store) => (await store.listAudit(ALL)).items.map(({ action }) => action);

/** The tests of the part of the contract that is about people. */
export const PEOPLE_CONTRACT: readonly (readonly [what: string, work: (store: Store) => Promise<void>])[] = [
  ["reads people as they were written, and lists them newest first", async (store) => {
    await addPeople(store);
    const origin = { kind: "provider", provider: "home", subject: "4711" } as const;
    const dora = personRow("dora", { name: "Dora 😀", projects: [], origin });
    await store.addPerson(dora, entry("person.create", "dora"));
    assertEquals(await store.findPerson("cleo"), personRow("cleo", { projects: ["p1", "p2"] }));
    assertEquals(await store.findPersonOf("home", "4711"), dora);
    assertEquals(await store.findPersonOf("home", "4712"), undefined);
    assertEquals(await store.findPerson("nobody"), undefined);
    assertEquals(await store.findSignIn("ben"), { person: personRow("ben"), passphrase: undefined });
    assertEquals(await store.findSignIn("nobody"), undefined);
    const { items, next } = await store.listPeople({ limit: 3, before: undefined });
    assertEquals(items.map(({ id, projects }) => [id, projects]), [
      ["dora", []],
      ["cleo", ["p1", "p2"]],
      ["ben", ["p1"]],
    ]);
    const rest = await store.listPeople({ limit: 3, before: next });
    assertEquals([rest.items.map(({ id }) => id), rest.next], [["anna"], undefined]);
  }],
  ["finds the person of an account at any provider, a disabled one first", async (store) => {
    await addPeople(store);
    const at = (provider: string, subject: string) => ({ kind: "provider", provider, subject }) as const;
    const subject = "https://sso.test dora";
    await store.addPerson(personRow("dora", { origin: at("home", subject) }), entry("person.create", "dora"));
    assertEquals(await store.findProviderPerson(subject), { id: "dora", disabled: false });
    const second = personRow("dora2", { origin: at("other", subject), disabled: true });
    await store.addPerson(second, entry("person.create", "dora2"));
    assertEquals(await store.findProviderPerson(subject), { id: "dora2", disabled: true });
    assertEquals(await store.findProviderPerson("https://sso.test anna"), undefined);
    await store.touchAccount({ tokenId: "jwt_1", name: "Anna", ownerId: "anna" });
    await store.touchAccount({ tokenId: "jwt_1", name: "Dora", ownerId: "dora" });
    await store.touchAccount({ tokenId: "jwt_1", name: "Dora 2", ownerId: undefined });
    await store.addExchanges([exchangeRow({ tokenId: "jwt_1", projectId: "p1" })]);
    const usage = await store.usage({ ...ALL_TOGETHER, group: "person" }, NO_FILTER);
    assertEquals(usage.map(({ key, requests }) => [key, requests]), [["dora", 1]]);
    const byToken = await store.usage({ ...ALL_TOGETHER, group: "token" }, NO_FILTER);
    assertEquals(byToken.map(({ key, name }) => [key, name]), [["jwt_1", "Dora 2"]]);
  }],
  ["rejects a second person with the same login name, without an audit entry", async (store) => {
    await addPeople(store);
    const error = await assertRejects(
      () => store.addPerson(personRow("b2", { login: "ben" }), entry("person.create", "b2")),
      StoreError,
    );
    assertEquals(error.kind, "taken");
    assertEquals((await store.listAudit(ALL)).items.some(({ subjectId }) => subjectId === "b2"), false);
  }],
  ["changes a person only from the current version", async (store) => {
    await addPeople(store);
    const of = { id: "ben", version: 1 };
    const change = { name: "Benjamin", role: "manager", projects: ["p2", "missing"] } as const;
    assertEquals(await store.changePerson(of, change, guarded("person.update", "ben")), "done");
    assertEquals(await store.changePerson(of, change, guarded("person.update", "ben")), "stale");
    const after = { ...personRow("ben"), ...change, projects: ["p2"], updatedAt: AT + 9, version: 2 };
    assertEquals(await store.findPerson("ben"), after);
    assertEquals((await actions(store)).filter((action) => action === "person.update").length, 1);
  }],
  ["keeps the last administrator who can sign in, if the change says so", async (store) => {
    await addPeople(store);
    const anna = { id: "anna", version: 2 };
    const hash = { hash: "hash", keptSession: undefined };
    assertEquals(await store.setPassphrase("anna", hash, entry("person.passphrase", "anna")), true);
    for (const change of [{ role: "viewer" }, { disabled: true }] as const) {
      assertEquals(
        await store.changePerson(anna, change, guarded("person.update", "anna", GUARD)),
        "last admin",
      );
    }
    assertEquals(await store.removePerson(anna, guarded("person.remove", "anna", GUARD)), "last admin");
    // An administrator without a way to sign in is no replacement.
    const admin = { role: "admin", projects: "all" } as const;
    assertEquals(
      await store.changePerson({ id: "ben", version: 1 }, admin, guarded("person.update", "ben", GUARD)),
      "done",
    );
    assertEquals(await store.removePerson(anna, guarded("person.remove", "anna", GUARD)), "last admin");
    await store.setPassphrase("ben", hash, entry("person.passphrase", "ben"));
    assertEquals(await store.removePerson(anna, guarded("person.remove", "anna", GUARD)), "done");
    const ben = { id: "ben", version: 3 };
    assertEquals(await store.removePerson(ben, guarded("person.remove", "ben", GUARD)), "last admin");
    assertEquals(await store.removePerson(ben, guarded("person.remove", "ben")), "done");
  }],
  ["a token is valid while its owner is not disabled and belongs to its project", async (store) => {
    await addPeople(store);
    for (
      const [id, projectId, ownerId] of [["t1", "p1", "cleo"], ["t2", "p2", "cleo"], ["t3", "p1", "ben"]]
    ) {
      await store.addToken(tokenRow(id ?? "", projectId ?? "", { ownerId }), entry("token.create", id ?? ""));
    }
    await store.addToken(
      tokenRow("t4", "p2", { ownerId: "cleo", active: false }),
      entry("token.create", "t4"),
    );
    const before = await store.readAccess();
    let version = 1;
    const cleo = async (change: Parameters<Store["changePerson"]>[1]) =>
      assertEquals(
        await store.changePerson(
          { id: "cleo", version: version++ },
          change,
          guarded("person.update", "cleo"),
        ),
        "done",
      );
    const active = async () => {
      const tokens = await Promise.all(["t1", "t2", "t3", "t4"].map((id) => store.findToken(id)));
      return tokens.map((token) => token?.active);
    };
    assertEquals(await active(), [true, true, true, false]);
    await cleo({ disabled: true });
    assertEquals(await active(), [false, false, true, false]);
    const changes = await store.readAccessChanges(before.position);
    assertEquals(changes?.tokens.map(({ id }) => id).sort(), ["t1", "t2"], "a running proxy learns of it");
    const { version: ofToken = 0 } = await store.findToken("t1") ?? {};
    assertEquals(
      await store.changeToken({ id: "t1", version: ofToken }, { active: true }, entry("token.update", "t1")),
      false,
      "nobody can switch it on meanwhile",
    );
    await cleo({ disabled: false });
    assertEquals(await active(), [true, true, true, false], "what was off before stays off");
    await cleo({ projects: ["p1"] });
    assertEquals(await active(), [true, false, true, false]);
    await store.addToken(tokenRow("t5", "p2", { ownerId: "cleo" }), entry("token.create", "t5"));
    assertEquals((await store.findToken("t5"))?.active, false, "of a project that is not hers");
    await cleo({ projects: "all" });
    assertEquals(await active(), [true, true, true, false]);
    assertEquals((await store.findToken("t5"))?.active, true);
    const of = { id: "cleo", version };
    assertEquals(await store.removePerson(of, guarded("person.remove", "cleo")), "done");
    const revoked = await Promise.all(["t1", "t2", "t3", "t4"].map((id) => store.findToken(id)));
    assertEquals(revoked.map((token) => token?.revokedAt), [AT + 9, AT + 9, undefined, AT + 9]);
  }],
  ["a session is found with its person until it ends", async (store) => {
    await addPeople(store);
    const session = sessionRow("s1", "ben");
    await store.addSession(session);
    await store.addSession(sessionRow("s2", undefined));
    assertEquals(await store.findSession(hashOf("s1")), { session, person: personRow("ben") });
    assertEquals((await store.findSession(hashOf("s2")))?.person, undefined);
    assertEquals(await store.findSession(hashOf("s3")), undefined);
    await store.touchSession("s1", { usedAt: AT + 5, address: "192.0.2.8", browser: "Safari" });
    await store.proveSession("s1", AT + 7);
    const found = await store.findSession(hashOf("s1"));
    assertEquals(found?.session, {
      ...session,
      usedAt: AT + 7,
      provenAt: AT + 7,
      address: "192.0.2.8",
      browser: "Safari",
    });
    assertEquals(await store.endSession("s1", { at: AT + 8, personId: "cleo" }), false, "not hers");
    assertEquals(
      await store.endSession("s1", { at: AT + 8, personId: "ben" }, entry("session.end", "s1")),
      true,
    );
    assertEquals(await store.endSession("s1", { at: AT + 8 }), false);
    assertEquals(await store.findSession(hashOf("s1")), undefined);
    assertEquals((await actions(store))[0], "session.end");
  }],
  ["lists the sessions of a person or of all, and ends the oldest beyond a hundred", async (store) => {
    await addPeople(store);
    await store.addSession(sessionRow("other", undefined));
    for (let index = 0; index < 101; index++) {
      await store.addSession(sessionRow(`s${index}`, "ben", { usedAt: AT + (index === 0 ? 500 : index) }));
    }
    const page = { limit: 500, before: undefined, usedSince: AT, personId: undefined };
    const ofBen = (await store.listSessions({ ...page, personId: "ben" })).items;
    assertEquals(ofBen.length, 100);
    assertEquals(ofBen.some(({ session }) => session.id === "s1"), false, "the longest without activity");
    assertEquals(ofBen[0]?.person?.id, "ben");
    assertEquals((await store.listSessions(page)).items.length, 101);
    assertEquals((await store.listSessions({ ...page, usedSince: AT + 100 })).items.length, 2);
    await store.pruneAccounts({ now: AT, usedBefore: AT + 100 });
    assertEquals((await store.listSessions(page)).items.length, 2);
  }],
  [
    "the sessions of a person end when the person is disabled or removed, or gets another passphrase",
    async (store) => {
      await addPeople(store);
      const sessions = async () =>
        (await store.listSessions({ ...ALL, usedSince: 0, personId: undefined })).items.map(({ session }) =>
          session.id
        );
      for (const id of ["s1", "s2"]) await store.addSession(sessionRow(id, "ben"));
      await store.addSession(sessionRow("s3", "cleo"));
      const kept = { hash: "hash", keptSession: "s2", checked: { version: 1 } };
      await store.setPassphrase("ben", kept, entry("person.passphrase", "ben"));
      assertEquals(await sessions(), ["s3", "s2"]);
      assertEquals(await store.setPassphrase("ben", kept, entry("person.passphrase", "ben")), false);
      const ben = { id: "ben", version: 2 };
      await store.changePerson(ben, { disabled: true }, guarded("person.update", "ben"));
      await store.changePerson({ ...ben, version: 3 }, { disabled: false }, guarded("person.update", "ben"));
      assertEquals(await sessions(), ["s3"], "and they stay ended");
      await store.removePerson({ id: "cleo", version: 1 }, guarded("person.remove", "cleo"));
      assertEquals(await sessions(), []);
    },
  ],
  ["a session begins only for the person as they were checked, and who is not disabled", async (store) => {
    await addPeople(store);
    assertEquals(await store.addSession(sessionRow("s1", "ben"), { version: 1 }), true);
    await store.setPassphrase(
      "ben",
      { hash: "another", keptSession: undefined },
      entry("person.passphrase", "ben"),
    );
    assertEquals(
      await store.addSession(sessionRow("s2", "ben"), { version: 1 }),
      false,
      "another passphrase",
    );
    assertEquals(await store.addSession(sessionRow("s2", "ben"), { version: 2 }), true);
    await store.changePerson({ id: "ben", version: 2 }, { disabled: true }, guarded("person.update", "ben"));
    assertEquals(await store.addSession(sessionRow("s3", "ben"), { version: 3 }), false, "disabled");
    assertEquals(await store.findSession(sessionRow("s3", "ben").hash), undefined);
  }],
  ["invitations end when an administrator leaves, who may have kept the links", async (store) => {
    await addPeople(store);
    const { version = 0 } = await store.findPerson("cleo") ?? {};
    const cleo = (of: number, role: "admin" | "viewer") =>
      store.changePerson({ id: "cleo", version: of }, { role }, guarded("person.update", "cleo"));
    const works = async () => (await store.findInvited(hashOf("kept"), AT))?.id;
    await cleo(version, "admin");
    await store.addInvitation(
      { hash: hashOf("kept"), personId: "ben", expiresAt: AT + 100 },
      entry("person.invite", "ben"),
    );
    assertEquals(await works(), "ben");
    assertEquals(await cleo(version + 1, "viewer"), "done");
    assertEquals(await works(), undefined);
  }],
  ["an invitation works once, until it expires or another one takes its place", async (store) => {
    await addPeople(store);
    const invite = (value: string, expiresAt = AT + 100) =>
      store.addInvitation({ hash: hashOf(value), personId: "ben", expiresAt }, entry("person.invite", "ben"));
    const use = (value: string, at = AT) =>
      store.useInvitation(hashOf(value), `hash of ${value}`, entry("person.passphrase", "", at));
    await invite("i1");
    await invite("i2");
    assertEquals(await use("i1"), undefined, "replaced");
    assertEquals(await use("i2", AT + 100), undefined, "expired");
    assertEquals((await store.findInvited(hashOf("i2"), AT))?.id, "ben");
    assertEquals((await use("i2"))?.id, "ben");
    assertEquals(await use("i2"), undefined, "used");
    assertEquals((await store.findSignIn("ben"))?.passphrase, "hash of i2");
    assertEquals((await store.listAudit(ALL)).items[0]?.subjectId, "ben");
    await invite("i3");
    await store.setPassphrase(
      "ben",
      { hash: "x", keptSession: undefined },
      entry("person.passphrase", "ben"),
    );
    assertEquals(await use("i3"), undefined, "the passphrase was set meanwhile");
    await invite("i4");
    await store.changePerson({ id: "ben", version: 3 }, { disabled: true }, guarded("person.update", "ben"));
    assertEquals(await use("i4"), undefined, "disabled");
    await store.pruneAccounts({ now: AT + 101, usedBefore: AT });
  }],
  ["reads passkeys as they were written; the id of an authenticator belongs to one person", async (store) => {
    await addPeople(store);
    const k1 = passkeyRow("k1", "ben", { isSynced: true, counter: 0 });
    await addPasskey(store, k1);
    await addPasskey(store, passkeyRow("k2", "cleo"));
    assertEquals(await store.findPasskey({ id: "k1" }), k1);
    assertEquals(await store.findPasskey({ credentialId: k1.credentialId }), k1);
    assertEquals(await store.findPasskey({ credentialId: "k1" }), undefined);
    const list = async (personId?: string) =>
      (await store.listPasskeys({ ...ALL, personId })).items.map(({ id }) => id);
    assertEquals([await list(), await list("ben"), await list("anna")], [["k2", "k1"], ["k1"], []]);
    const add = (passkey: Passkey, text: string) =>
      store.addPasskey(passkey, challenge(text), entry("passkey.add", "x"));
    const { credentialId } = k1;
    assertEquals(await add(passkeyRow("k3", "cleo", { credentialId }), "c3"), "taken");
    assertEquals(await add(passkeyRow("k3", "cleo"), "to add k1"), "replayed");
    await store.addSession(sessionRow("s1", "cleo"));
    await store.endSession("s1", { at: AT });
    const late = { ...challenge("c5"), sessionId: "s1" };
    const added = await store.addPasskey(passkeyRow("k4", "cleo"), late, entry("passkey.add", "x"));
    assertEquals(added, "ended");
    for (let index = 0; index < MAX_PASSKEYS; index++) {
      await addPasskey(store, passkeyRow(`a${index}`, "anna"));
    }
    assertEquals(await add(passkeyRow("k3", "anna"), "c4"), "too many");
    const rename = (personId?: string) =>
      store.renamePasskey("k1", { name: "Phone 😀", personId }, entry("passkey.rename", "k1"));
    assertEquals([await rename("cleo"), await rename("ben"), await rename()], [false, true, true]);
    assertEquals((await store.findPasskey({ id: "k1" }))?.name, "Phone 😀");
    await store.removePerson({ id: "ben", version: 1 }, guarded("person.remove", "ben"));
    assertEquals([await list("ben"), await store.findPasskey({ id: "k1" })], [[], undefined]);
    assertEquals(
      (await actions(store)).filter((action) => action === "passkey.add").length,
      2 + MAX_PASSKEYS,
    );
  }],
  [
    "a challenge works once, and a counter that goes back blocks the passkey and its sessions",
    async (store) => {
      await addPeople(store);
      await addPasskey(store, passkeyRow("k1", "ben"));
      await addPasskey(store, passkeyRow("k0", "ben", { counter: 0 }));
      await store.addSession(sessionRow("s1", "ben", { credential: "k1", way: "passkey" }));
      await store.addSession(sessionRow("s2", "ben"));
      const touch = (id: string, counter: number, text: string) =>
        store.touchPasskey(
          id,
          { at: AT + counter, counter, isSynced: true, challenge: challenge(text) },
          entry("passkey.block", id),
        );
      assertEquals(await touch("k1", 6, "c1"), "done");
      assertEquals(await touch("k1", 7, "c1"), "replayed");
      const used = { counter: 6, isSynced: true, lastUsedAt: AT + 6 };
      assertEquals(await store.findPasskey({ id: "k1" }), passkeyRow("k1", "ben", used));
      assertEquals([await touch("k0", 0, "c2"), await touch("k0", 0, "c3")], ["done", "done"]);
      const [one, two] = await Promise.all([touch("k0", 1, "c4"), touch("k1", 9, "c4")]);
      assertEquals([one, two].toSorted(), ["done", "replayed"], "at the same moment");
      assert((await store.findSession(hashOf("s1"))) !== undefined);
      assertEquals(await touch("k1", 6, "c5"), "blocked");
      assertEquals(await store.findSession(hashOf("s1")), undefined);
      assert((await store.findSession(hashOf("s2"))) !== undefined);
      assertEquals(await touch("k1", 100, "c6"), "blocked", "for ever");
      assertEquals((await store.findPasskey({ id: "k1" }))?.blockedAt, AT + 6);
      assertEquals((await actions(store)).filter((action) => action === "passkey.block").length, 1);
      assertEquals(await store.addSession(sessionRow("s3", "ben"), { version: 1 }), false, "checked before");
      await store.pruneAccounts({ now: AT + 101, usedBefore: AT });
      assertEquals(await touch("k0", 2, "c1"), "done", "the challenge has expired elsewhere");
    },
  ],
  ["a passkey is removed with its sessions, but not the last way in", async (store) => {
    await addPeople(store);
    await addPasskey(store, passkeyRow("k1", "ben"));
    await addPasskey(store, passkeyRow("k2", "ben"));
    await store.addSession(sessionRow("s1", "ben", { credential: "k1" }));
    await store.addSession(sessionRow("s2", "ben", { credential: "k2" }));
    const remove = (id: string, personId?: string) =>
      store.removePasskey(id, { personId }, entry("passkey.remove", id, AT + 9));
    assertEquals([await remove("k1", "cleo"), await remove("k9")], ["unknown", "unknown"]);
    assertEquals(await remove("k1", "ben"), "done");
    assertEquals(await store.findSession(hashOf("s1")), undefined);
    assertEquals(await store.addSession(sessionRow("s3", "ben"), { version: 1 }), false, "checked before");
    assertEquals([await remove("k2", "ben"), await remove("k2")], ["last way in", "last way in"]);
    assert((await store.findSession(hashOf("s2"))) !== undefined);
    await store.setPassphrase("ben", { hash: "x", keptSession: "s2" }, entry("person.passphrase", "ben"));
    assertEquals(await remove("k2"), "done");
    const blocked = { at: AT, counter: 1, isSynced: false, challenge: challenge("c1") };
    await addPasskey(store, passkeyRow("k3", "cleo"));
    assertEquals(await store.touchPasskey("k3", blocked, entry("passkey.block", "k3")), "blocked");
    assertEquals(await remove("k3"), "done", "it is no way in");
    const { items } = await store.listAudit(ALL);
    const removals = items.filter(({ action }) => action === "passkey.remove");
    assertEquals(removals.map(({ changes }) => changes), [
      { name: "passkey k3", person: "cleo" },
      { name: "passkey k2", person: "ben" },
      { name: "passkey k1", person: "ben" },
    ]);
  }],
  ["a management token is found by its hash, and revoked once", async (store) => {
    const token = managementTokenRow("m1", { role: "viewer", projects: ["p1"], expiresAt: AT + 50 });
    await store.addManagementToken(token, entry("management_token.create", "m1"));
    await store.addManagementToken(managementTokenRow("m2"), entry("management_token.create", "m2"));
    assertEquals(await store.findManagementToken({ hash: hashOf("m1") }), { token, person: undefined });
    assertEquals(await store.findManagementToken({ hash: hashOf("m3") }), undefined);
    await store.touchManagementToken("m1", AT + 3);
    assert(await store.revokeManagementToken("m1", entry("management_token.revoke", "m1", AT + 4)));
    assertEquals(await store.revokeManagementToken("m1", entry("management_token.revoke", "m1")), false);
    const { items } = await store.listManagementTokens({ ...ALL, personId: undefined });
    assertEquals(items.map(({ token }) => token), [
      managementTokenRow("m2"),
      { ...token, lastUsedAt: AT + 3, revokedAt: AT + 4 },
    ]);
    assertEquals((await store.findManagementToken({ id: "m2" }))?.token, managementTokenRow("m2"));
  }],
  ["a scope narrows projects, tokens, exchanges and sums, also those of deleted tokens", async (store) => {
    await addPeople(store);
    const owned = [["t1", "p1", "cleo"], ["t2", "p2", "cleo"], ["t3", "p1", "ben"], [
      "t4",
      "p1",
      undefined,
    ]] as const;
    const rows = [];
    for (const [id, projectId, ownerId] of owned) {
      await store.addToken(tokenRow(id, projectId, { ownerId }), entry("token.create", id));
      const used = { requestId: `of ${id}`, tokenId: id, projectId, modelAnswered: id };
      for (const startedAt of [AT, AT - 86_400_000]) {
        rows.push(exchangeRow({ ...used, startedAt, firstByteMs: 5 }));
      }
    }
    await store.addExchanges([
      ...rows,
      exchangeRow({ requestId: "of a shared token", modelAnswered: "shared" }),
    ]);
    await store.deleteToken({ id: "t1", version: 1 }, entry("token.delete", "t1"));
    const seen = async (within: Scope) => {
      const filter = { ...NO_FILTER, within };
      const page = { ...ALL, ...filter, status: undefined, ending: undefined, requestId: undefined };
      const sums = await store.usage({ ...ALL_TOGETHER, group: "model" }, filter);
      const days = await store.usage({ ...ALL_TOGETHER, group: "day" }, filter);
      const hours = await store.usage({ ...ALL_TOGETHER, group: "hour" }, filter);
      return {
        projects: (await store.listProjects({ ...ALL, activeOnly: false, within })).items.map(({ id }) => id),
        tokens: (await store.listTokens({ ...ALL, projectId: undefined, activeAt: undefined, within })).items
          .map(({ id }) => id),
        exchanges: new Set((await store.listExchanges(page)).items.map(({ tokenId = "none" }) => tokenId)),
        models: sums.map(({ key }) => key).sort(),
        requests: days.map(({ requests }) => requests),
        firstBytes: hours.map(({ firstByteMs }) => firstByteMs !== undefined),
      };
    };
    const nothing = {
      projects: [],
      tokens: [],
      exchanges: new Set<string>(),
      models: [],
      requests: [],
      firstBytes: [],
    };
    assertEquals((await seen({ kind: "all" })).models, ["shared", "t1", "t2", "t3", "t4"]);
    assertEquals(await seen({ kind: "projects", projects: ["p1"] }), {
      projects: ["p1"],
      tokens: ["t4", "t3"],
      exchanges: new Set(["t4", "t3", "t1"]),
      models: ["t1", "t3", "t4"],
      requests: [3, 3],
      firstBytes: [true, true],
    });
    assertEquals(await seen({ kind: "own", owner: "cleo", projects: "all" }), {
      projects: ["p2", "p1"],
      tokens: ["t2"],
      exchanges: new Set(["t2", "t1"]),
      models: ["t1", "t2"],
      requests: [2, 2],
      firstBytes: [true, true],
    });
    const own = await seen({ kind: "own", owner: "ben", projects: ["p1"] });
    assertEquals([own.tokens, own.models, own.projects], [["t3"], ["t3"], ["p1"]]);
    assertEquals(await seen({ kind: "projects", projects: [] }), nothing);
    assertEquals(await seen({ kind: "own", owner: "cleo", projects: [] }), nothing);
    const byPerson = await store.usage({ ...ALL_TOGETHER, group: "person", split: "project" }, NO_FILTER);
    const people = byPerson.map(({ key, name, split, requests }) => [key, name, split?.key, requests]);
    assertEquals(people.sort(), [
      ["", undefined, "", 1],
      ["", undefined, "p1", 2],
      ["ben", "Person ben", "p1", 2],
      ["cleo", "Person cleo", "p1", 2],
      ["cleo", "Person cleo", "p2", 2],
    ]);
    const [ofCleo] = await store.usage(ALL_TOGETHER, { ...NO_FILTER, personId: "cleo" });
    assertEquals(ofCleo?.requests, 4);
  }],
];
