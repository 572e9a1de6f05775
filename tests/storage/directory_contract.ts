/** What every adapter of the store does with users and groups of directories. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { hashOf } from "../../src/auth/token_value.ts";
import type { DirectoryGroup, DirectoryRules, DirectoryUser } from "../../src/people/directory.ts";
import type { MemberChange } from "../../src/storage/directory_store.ts";
import { type Store, StoreError } from "../../src/storage/store.ts";
import { AT, auditRow, projectRow, tokenRow } from "../support/data/rows.ts";
import { managementTokenRow, personRow, sessionRow } from "./people_contract.ts";

const BY = { actor: "directory (SCIM, Sso)", source: "192.0.2.7", at: AT + 5 };
const NO_MOVES: MemberChange = { replaces: false, added: [], removed: [] };
const ALL = { offset: 0, limit: 50 };
const RULES: DirectoryRules = {
  groupsDecide: true,
  roles: new Map([["admins", "admin"], ["lab", "member"]]),
  projects: new Map([["lab", ["project p1", "missing"]]]),
  allowedGroups: [],
  allowedOthers: "all",
};

/** A user of the directory of the provider `sso`. */
export function userRow(id: string, more: Partial<DirectoryUser> = {}): DirectoryUser {
  return {
    id,
    provider: "sso",
    userName: `${id}@example.com`,
    externalId: `of ${id}`,
    active: true,
    emails: [],
    personId: undefined,
    createdAt: AT,
    updatedAt: AT,
    version: 1,
    ...more,
  };
}

/** A group of the directory of the provider `sso`. */
export function groupRow(id: string, more: Partial<DirectoryGroup> = {}): DirectoryGroup {
  return { id, provider: "sso", displayName: id, createdAt: AT, updatedAt: AT, version: 1, ...more };
}

/** Writes a user whose subject at the provider is that of the externalId. */
export function saveUser(store: Store, user: DirectoryUser, version?: number) {
  return store.saveDirectoryUser(user, {
    version,
    subject: `issuer ${user.externalId}`,
    newPerson: {
      id: `usr_${user.externalId?.slice("of ".length)}`,
      login: user.userName,
      name: `Person ${user.id}`,
    },
    by: BY,
  });
}

/** Writes a group with members. */
export function saveGroup(
  store: Store,
  group: DirectoryGroup,
  { version, rules = RULES, ...members }: Partial<MemberChange> & {
    version?: number;
    rules?: DirectoryRules;
  } = {},
) {
  return store.saveDirectoryGroup(group, { version, members: { ...NO_MOVES, ...members }, rules, by: BY });
}

/** A sign-in of a person whom the provider knows by the externalId of a {@link userRow}. */
function joinOf(userId: string, personId: string) {
  return { userId, personId, externalId: `of ${userId}` };
}

const kind = async (outcome: Promise<{ readonly kind: string }>) => (await outcome).kind;

async function find(store: Store, id: string) {
  const found = await store.findDirectoryUser("sso", { id });
  assert(found !== undefined);
  return found;
}

async function given(store: Store, id: string): Promise<unknown[]> {
  const person = await store.findPerson(id);
  return [person?.role, person?.projects, person?.disabled];
}

/** The tests of the part of the contract that is about directories. */
export const DIRECTORY_CONTRACT: readonly (readonly [what: string, work: (store: Store) => Promise<void>])[] =
  [
    ["directories: reads users as they were written, by all conditions, in parts", async (store) => {
      const anna = userRow("dru_a", {
        userName: "Änna@Example.com",
        displayName: "Änna 😀",
        name: { givenName: "Änna" },
        emails: [{ value: "Anna@example.com", type: "work", primary: true }, { value: "anna@example.com" }],
      });
      for (
        const user of [anna, userRow("dru_b", { active: false }), userRow("dru_c", { provider: "other" })]
      ) {
        assertEquals(await kind(saveUser(store, user)), "done");
      }
      const { user } = await find(store, "dru_a");
      assertEquals(user, { ...anna, personId: "usr_dru_a" });
      assertEquals((await store.findPerson("usr_dru_b"))?.disabled, true, "a user who is not active");
      const ids = async (...conditions: Parameters<Store["listDirectoryUsers"]>[1]) => {
        const { items, total } = await store.listDirectoryUsers("sso", conditions, ALL);
        assertEquals(total, items.length);
        return items.map((item) => item.user.id);
      };
      assertEquals(await ids(), ["dru_a", "dru_b"]);
      assertEquals(await ids({ attribute: "userName", value: "äNNA@example.COM" }), ["dru_a"]);
      assertEquals(await ids({ attribute: "active", value: false }), ["dru_b"]);
      assertEquals(await ids({ attribute: "externalId", value: "of dru_c" }), [], "of another provider");
      assertEquals(await ids({ attribute: "id", value: "dru_c" }), []);
      const mail = { attribute: "email", value: "ANNA@example.com" } as const;
      assertEquals(await ids({ ...mail, kind: undefined }, { attribute: "active", value: true }), ["dru_a"]);
      assertEquals([await ids({ ...mail, kind: "Work" }), await ids({ ...mail, kind: "home" })], [
        ["dru_a"],
        [],
      ]);
      const part = await store.listDirectoryUsers("sso", [], { offset: 1, limit: 1 });
      assertEquals([part.total, part.items.map((item) => item.user.id)], [2, ["dru_b"]]);
      assertEquals((await store.listDirectoryUsers("sso", [], { offset: 0, limit: 0 })).total, 2);
      for (
        const taken of [
          userRow("dru_d", { userName: "änna@example.com" }),
          userRow("dru_e", { externalId: "of dru_a" }),
        ]
      ) {
        const error = await assertRejects(() => saveUser(store, taken), StoreError);
        assertEquals(error.kind, "taken");
      }
      const { emails: _, ...rest } = anna;
      assertEquals(await kind(saveUser(store, { ...rest, emails: [], personId: "usr_dru_a" }, 1)), "done");
      assertEquals(await ids({ ...mail, kind: undefined }), []);
      assertEquals(await kind(saveUser(store, anna, 1)), "stale");
      assertEquals(await kind(saveUser(store, userRow("dru_x"), 1)), "missing");
    }],
    [
      "directories: a user who is not active switches the person off with all they have, and on again",
      async (store) => {
        await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
        await store.addPerson(
          personRow("boss", { role: "admin", projects: "all" }),
          auditRow("person.create", "boss"),
        );
        const origin = { kind: "provider", provider: "sso", subject: "issuer of dru_a" } as const;
        await store.addPerson(personRow("anna", { origin }), auditRow("person.create", "anna"));
        await store.addToken(tokenRow("t1", "p1", { ownerId: "anna" }), auditRow("token.create", "t1"));
        await store.addSession(sessionRow("s1", "anna"));
        for (const [id, more] of [["m1", {}], ["m2", { role: "scim", projects: [] }]] as const) {
          const token = managementTokenRow(id, { makerId: "anna", ...more });
          await store.addManagementToken(token, auditRow("management_token.create", id));
        }
        assertEquals(await kind(saveUser(store, userRow("dru_a"))), "done");
        assertEquals((await find(store, "dru_a")).user.personId, "anna", "the person who had signed in");
        const works = async () => [
          (await store.findToken("t1"))?.active,
          await store.findSession(hashOf("s1")) !== undefined,
          (await store.findManagementToken({ id: "m1" }))?.token.makerHasLeft === false,
          (await store.findManagementToken({ hash: hashOf("m2") }))?.token.makerHasLeft === false,
        ];
        assertEquals(await works(), [true, true, true, true]);
        assertEquals(await kind(saveUser(store, userRow("dru_a", { active: false }), 1)), "done");
        assertEquals(await works(), [false, false, false, true], "the token of a directory goes on working");
        // What an administrator switches on here, the next write of the directory switches off.
        const of = { id: "anna", version: (await store.findPerson("anna"))?.version ?? 0 };
        const guarded = { audit: auditRow("person.update", "anna"), guard: { keepsAdmin: false } };
        assertEquals(await store.changePerson(of, { disabled: false }, guarded), "done");
        assertEquals(await kind(saveUser(store, userRow("dru_a", { active: false }), 2)), "done");
        assertEquals((await store.findPerson("anna"))?.disabled, true);
        assertEquals(await kind(saveUser(store, userRow("dru_a"), 3)), "done");
        assertEquals(await works(), [true, false, true, true]);
        // Whom an administrator disables here, no directory enables.
        const { version = 0 } = await store.findPerson("anna") ?? {};
        await store.changePerson({ id: "anna", version }, { disabled: true }, guarded);
        assertEquals(await kind(saveUser(store, userRow("dru_a", { active: false }), 4)), "done");
        assertEquals(await kind(saveUser(store, userRow("dru_a"), 5)), "done");
        assertEquals((await store.findPerson("anna"))?.disabled, true);
        assertEquals(
          await kind(store.removeDirectoryUser({ provider: "other", id: "dru_a", version: undefined }, BY)),
          "missing",
        );
        assertEquals(
          await kind(store.removeDirectoryUser({ provider: "sso", id: "dru_a", version: 1 }, BY)),
          "stale",
        );
        assertEquals(
          await kind(store.removeDirectoryUser({ provider: "sso", id: "dru_a", version: 6 }, BY)),
          "done",
        );
        assertEquals((await store.findToken("t1"))?.revokedAt, BY.at);
        assertEquals((await store.findManagementToken({ id: "m1" }))?.token.revokedAt, BY.at);
        assertEquals((await store.findManagementToken({ id: "m2" }))?.token.revokedAt, undefined);
        assertEquals((await store.findPerson("anna"))?.disabled, true, "as the administrator said");
      },
    ],
    ["directories: groups give roles and projects, and the last administrator stays", async (store) => {
      await store.addProject(projectRow("p1", { name: "project p1" }), auditRow("project.create", "p1"));
      for (const id of ["dru_a", "dru_b"]) await saveUser(store, userRow(id));
      assertEquals(await kind(saveGroup(store, groupRow("lab"), { added: ["dru_a", "dru_b"] })), "done");
      assertEquals(await given(store, "usr_dru_a"), ["member", ["p1"], false]);
      assertEquals(
        await kind(saveGroup(store, groupRow("admins"), { replaces: true, added: ["dru_a"] })),
        "done",
      );
      assertEquals(await given(store, "usr_dru_a"), ["admin", "all", false]);
      const before = await store.listAudit({ limit: 50, before: undefined });
      const of = { provider: "sso", version: undefined } as const;
      const save = { rules: RULES, by: BY };
      for (
        const write of [
          saveGroup(store, groupRow("admins"), { version: 1, removed: ["dru_a"] }),
          saveGroup(store, groupRow("admins"), { version: 1, replaces: true }),
          saveGroup(store, groupRow("admins", { displayName: "other" }), { version: 1 }),
          store.removeDirectoryGroup({ ...of, id: "admins" }, save),
          store.removeDirectoryUser({ ...of, id: "dru_a" }, BY),
          saveUser(store, userRow("dru_a", { active: false }), 1),
          saveUser(store, userRow("dru_a", { externalId: "of another" }), 1),
        ]
      ) assertEquals(await kind(write), "last admin");
      assertEquals(await given(store, "usr_dru_a"), ["admin", "all", false]);
      assertEquals(await store.listAudit({ limit: 50, before: undefined }), before, "nothing is written");
      assertEquals(await store.listDirectoryMembers("admins"), [{
        id: "dru_a",
        userName: "dru_a@example.com",
      }]);

      assertEquals(await saveGroup(store, groupRow("admins"), { version: 1, added: ["dru_b", "dru_x"] }), {
        kind: "unknown member",
        id: "dru_x",
      });
      assertEquals(
        await kind(
          saveGroup(store, groupRow("admins"), { version: 1, added: ["dru_b"], removed: ["dru_a", "dru_x"] }),
        ),
        "done",
      );
      assertEquals([await given(store, "usr_dru_a"), await given(store, "usr_dru_b")], [
        ["member", ["p1"], false],
        ["admin", "all", false],
      ]);
      assertEquals((await find(store, "dru_b")).groups, [
        { id: "lab", displayName: "lab" },
        { id: "admins", displayName: "admins" },
      ]);
      const groups = async (...conditions: Parameters<Store["listDirectoryGroups"]>[1]) =>
        (await store.listDirectoryGroups("sso", conditions, ALL)).items.map(({ id }) => id);
      assertEquals(await groups(), ["lab", "admins"]);
      assertEquals(await groups({ attribute: "displayName", value: "LAB" }), ["lab"]);
      assertEquals(await groups({ attribute: "member", value: "dru_b" }, { attribute: "id", value: "lab" }), [
        "lab",
      ]);
      assertEquals(await groups({ attribute: "member", value: "dru_a" }), ["lab"]);
      assertEquals(
        await kind(saveGroup(store, groupRow("lab", { displayName: "renamed" }), { version: 1 })),
        "done",
      );
      assertEquals(await given(store, "usr_dru_a"), ["viewer", [], false], "no rule has the new name");
      assertEquals(
        await kind(store.removeDirectoryGroup({ ...of, id: "lab", provider: "other" }, save)),
        "missing",
      );
      assertEquals(await kind(store.removeDirectoryGroup({ ...of, id: "lab" }, save)), "done");
      assertEquals((await find(store, "dru_a")).groups, []);
      const error = await assertRejects(
        () => saveGroup(store, groupRow("g", { displayName: "Admins" })),
        StoreError,
      );
      assertEquals(error.kind, "taken");
    }],
    ["directories: a group lets no person in whom only a sign-in can recognise", async (store) => {
      const limited = (allowedOthers: DirectoryRules["allowedOthers"], allowedGroups: string[] = []) => ({
        rules: { ...RULES, allowedOthers, allowedGroups },
      });
      await saveUser(store, userRow("dru_a"));
      let version = 0;
      const move = async (change: Partial<MemberChange>, of: { rules: DirectoryRules }) => {
        const before = version++ === 0 ? {} : { version: version - 1 };
        assertEquals(await kind(saveGroup(store, groupRow("lab"), { ...before, ...change, ...of })), "done");
        return (await given(store, "usr_dru_a"))[0];
      };
      const [joins, leaves] = [{ added: ["dru_a"] }, { removed: ["dru_a"] }];
      assertEquals(await move(joins, limited("recognised")), "viewer");
      await move(leaves, limited("recognised"));
      assertEquals(await move(joins, limited("none", ["others"])), "viewer");
      await move(leaves, limited("none"));
      assertEquals(await move(joins, limited("none", ["lab"])), "member");
      await store.joinDirectoryUser(joinOf("dru_a", "usr_dru_a"), { ...limited("recognised"), by: BY });
      assertEquals((await given(store, "usr_dru_a"))[0], "member", "the sign-in recognised the person");
      await saveGroup(store, groupRow("admins"), { added: ["dru_a"], ...limited("recognised") });
      assertEquals((await given(store, "usr_dru_a"))[0], "admin", "who may sign in gets what groups give");
    }],
    [
      "directories: a sign-in joins a user to its person, and the person of before is disabled",
      async (store) => {
        const origin = { kind: "provider", provider: "sso", subject: "issuer new" } as const;
        await store.addPerson(personRow("anna", { origin }), auditRow("person.create", "anna"));
        await saveUser(store, userRow("dru_a"));
        await saveUser(store, userRow("dru_b", { active: false }));
        const save = { rules: { ...RULES, groupsDecide: false }, by: BY };
        const token = managementTokenRow("m1", { makerId: "usr_dru_a" });
        await store.addManagementToken(token, auditRow("management_token.create", "m1"));
        assertEquals(await store.joinDirectoryUser(joinOf("dru_a", "anna"), save), true);
        assertEquals((await store.findManagementToken({ id: "m1" }))?.token.revokedAt, BY.at);
        assertEquals((await find(store, "dru_a")).user.personId, "anna");
        assertEquals([(await given(store, "anna"))[2], (await given(store, "usr_dru_a"))[2]], [false, true]);
        await store.joinDirectoryUser(joinOf("dru_b", "anna"), save);
        assertEquals((await given(store, "anna"))[2], true, "the user is not active");
        for (
          const of of [
            joinOf("dru_x", "anna"),
            joinOf("dru_a", "nobody"),
            { ...joinOf("dru_a", "usr_dru_a"), externalId: "of another" },
          ]
        ) assertEquals(await store.joinDirectoryUser(of, save), false);
        assertEquals((await find(store, "dru_b")).user.personId, "anna");
        assertEquals((await find(store, "dru_a")).user.personId, undefined, "a person is one user");
      },
    ],
    ["directories: whom an administrator disabled, no way of a directory enables", async (store) => {
      const disable = async (id: string, disabled: boolean) => {
        const { version = 0 } = await store.findPerson(id) ?? {};
        const guarded = { audit: auditRow("person.update", id), guard: { keepsAdmin: false } };
        assertEquals(await store.changePerson({ id, version }, { disabled }, guarded), "done");
      };
      const isDisabled = async (id: string) => (await store.findPerson(id))?.disabled;
      for (const id of ["dru_a", "dru_b", "dru_c"]) await saveUser(store, userRow(id));
      // The administrator says it again after the directory.
      await saveUser(store, userRow("dru_a", { active: false }), 1);
      await disable("usr_dru_a", true);
      await saveUser(store, userRow("dru_a"), 2);
      assertEquals(await isDisabled("usr_dru_a"), true);
      // Another user, whose person the directory has disabled, becomes that person.
      await disable("usr_dru_b", true);
      await saveUser(
        store,
        userRow("dru_b", { userName: "x", externalId: "of x", personId: "usr_dru_b" }),
        1,
      );
      await saveUser(store, userRow("dru_c", { active: false }), 1);
      await saveUser(store, userRow("dru_c", { externalId: "of dru_b", active: false }), 2);
      await saveUser(store, userRow("dru_c", { externalId: "of dru_b" }), 3);
      assertEquals((await find(store, "dru_c")).user.personId, "usr_dru_b");
      assertEquals(await isDisabled("usr_dru_b"), true);
      // The directory removes the user, and adds the user again.
      const of = { provider: "sso", version: undefined } as const;
      assertEquals(await kind(store.removeDirectoryUser({ ...of, id: "dru_a" }, BY)), "done");
      await saveUser(store, userRow("dru_d", { externalId: "of dru_a" }));
      assertEquals((await find(store, "dru_d")).user.personId, "usr_dru_a");
      assertEquals(await isDisabled("usr_dru_a"), true);
      // Whom the directory has disabled, it removes.
      await saveUser(store, userRow("dru_e"));
      await saveUser(store, userRow("dru_e", { active: false }), 1);
      await store.removeDirectoryUser({ ...of, id: "dru_e" }, BY);
      assertEquals(await store.findPerson("usr_dru_e"), undefined);
    }],
    [
      "directories: who leaves loses the management tokens, and a person removed here stays out",
      async (store) => {
        await saveUser(store, userRow("dru_a"));
        const token = managementTokenRow("m1", { makerId: "usr_dru_a" });
        await store.addManagementToken(token, auditRow("management_token.create", "m1"));
        await saveUser(
          store,
          userRow("dru_a", { userName: "b", externalId: "of b", personId: "usr_dru_a" }),
          1,
        );
        assertEquals((await store.findManagementToken({ id: "m1" }))?.token.revokedAt, BY.at);

        await saveUser(store, userRow("dru_c"));
        const { version = 0 } = await store.findPerson("usr_dru_c") ?? {};
        const guarded = { audit: auditRow("person.remove", "usr_dru_c"), guard: { keepsAdmin: false } };
        assertEquals(await store.removePerson({ id: "usr_dru_c", version }, guarded), "done");
        await saveUser(store, userRow("dru_c", { displayName: "C" }), 1);
        assertEquals(
          await store.findProviderPerson("issuer of dru_c"),
          undefined,
          "another write adds no person",
        );
        await saveUser(store, userRow("dru_c", { active: false }), 2);
        assertEquals((await store.findProviderPerson("issuer of dru_c"))?.disabled, true);
      },
    ],
    ["directories: no sign-in takes the last administrator", async (store) => {
      const boss = (subject: string) => ({
        role: "admin" as const,
        projects: "all" as const,
        origin: { kind: "provider", provider: "sso", subject } as const,
      });
      await store.addPerson(personRow("boss", boss("s1")), auditRow("person.create", "boss"));
      const add = (user: DirectoryUser) =>
        store.saveDirectoryUser(user, {
          version: undefined,
          subject: undefined,
          newPerson: undefined,
          by: BY,
        });
      await add(userRow("dru_a", { active: false }));
      const save = { rules: RULES, by: BY };
      assertEquals(await store.joinDirectoryUser(joinOf("dru_a", "boss"), save), true);
      assertEquals(await given(store, "boss"), ["admin", "all", false]);
      await store.addPerson(personRow("other", boss("s2")), auditRow("person.create", "other"));
      await store.joinDirectoryUser(joinOf("dru_a", "boss"), save);
      assertEquals(await given(store, "boss"), ["viewer", [], true]);
    }],
    ["directories: a list ends before its users have too many groups", async (store) => {
      for (const id of ["dru_a", "dru_b", "dru_c"]) await saveUser(store, userRow(id));
      for (const id of ["one", "two"]) await saveGroup(store, groupRow(id), { added: ["dru_a", "dru_b"] });
      const list = async (memberships: number) => {
        const { items, total } = await store.listDirectoryUsers("sso", [], { ...ALL, memberships });
        assertEquals(total, 3);
        return items.map(({ user, groups }) => `${user.id} ${groups.map(({ id }) => id).join(" ")}`.trim());
      };
      assertEquals(await list(4), ["dru_a one two", "dru_b one two", "dru_c"]);
      assertEquals(await list(3), ["dru_a one two"]);
      assertEquals(await list(1), ["dru_a one two"], "one user at least");
    }],
  ];
