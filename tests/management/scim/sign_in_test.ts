/** A directory that changes a user while the person signs in. */

import { assertEquals, assertRejects } from "@std/assert";
import { ProviderPeople } from "../../../src/management/admin/provider_people.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { type Store, StoreError } from "../../../src/storage/store.ts";
import { groupRow, saveGroup, userRow } from "../../storage/directory_contract.ts";
import { writeEmptyDatabase } from "../../support/data/empty_database.ts";
import { testDirectory } from "../../support/data/test_directory.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const BY = { actor: "directory (SCIM, Sso)", source: "192.0.2.7", at: 5 };
const anna = {
  provider: "sso",
  subject: "s1",
  issuer: "https://sso.example.com",
  name: "Anna",
  email: undefined,
  emailIsVerified: false,
  groups: ["of the provider"],
  claims: { oid: "of dru_a" },
  expiresAt: 0,
  provenAt: 0,
  role: "admin",
  projects: [],
} as const;

/**
 * Signs in, and changes the directory when the person is looked for the first time. Gives the kind of the
 * error, and the roles of the people after it.
 */
async function signedInWhile(change: (store: Store) => Promise<unknown>): Promise<unknown[]> {
  const folder = await Deno.makeTempDir();
  await writeEmptyDatabase(`${folder}/x.db`);
  const store = await openSqlite(`${folder}/x.db`);
  try {
    await store.saveDirectoryUser(userRow("dru_a"), {
      version: undefined,
      subject: undefined,
      newPerson: undefined,
      by: BY,
    });
    await saveGroup(store, groupRow("admins"), { added: ["dru_a"] });
    const directory = testDirectory({ admins: "admin" }, { issuer: anna.issuer, claim: "oid" });
    let isFirst = true;
    const people = new ProviderPeople({
      store: {
        ...store,
        findPersonOf: async (...of: Parameters<Store["findPersonOf"]>) => {
          if (isFirst) {
            isFirst = false;
            await change(store);
          }
          return await store.findPersonOf(...of);
        },
      },
      clock: new FakeClock(),
      directory,
      titleOf: () => "Sso",
      onChanged: () => Promise.resolve(),
      onUnknownProject: () => {},
    });
    const identity = await people.withGroups(anna, "sso");
    assertEquals(identity.groups, ["admins"]);
    const error = await assertRejects(() => people.enter({ ...anna, ...identity }, "192.0.2.1"), StoreError);
    const { items } = await store.listPeople({ limit: 5, before: undefined });
    return [error.kind, items.map(({ role }) => role)];
  } finally {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("scim sign-in: a user whom the directory removes meanwhile gets no role of its groups", async () => {
  const remove = (store: Store) =>
    store.removeDirectoryUser({ provider: "sso", id: "dru_a", version: undefined }, BY);
  assertEquals(await signedInWhile(remove), ["busy", ["viewer"]]);
});

Deno.test("scim sign-in: a user who becomes another person meanwhile is not joined", async () => {
  const change = (store: Store) =>
    store.saveDirectoryUser(userRow("dru_a", { externalId: "of another" }), {
      version: 1,
      subject: undefined,
      newPerson: undefined,
      by: BY,
    });
  assertEquals(await signedInWhile(change), ["busy", ["viewer"]]);
});
