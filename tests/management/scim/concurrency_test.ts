/** Requests of a directory at the same time, at one instance and at two instances on one database. */

import { assert, assertEquals } from "@std/assert";
import { createScimApi, type ScimStore } from "../../../src/management/scim/scim_api.ts";
import { openStore } from "../../../src/storage/open.ts";
import type { Store } from "../../../src/storage/store.ts";
import { managementTokenRow } from "../../storage/people_contract.ts";
import { writeEmptyDatabase } from "../../support/data/empty_database.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { unless } from "../../support/runner/left_out.ts";
import { within } from "../../support/time/deadline.ts";
import { testDirectory } from "../../support/data/test_directory.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;
type Ask = (
  line: string,
  body?: unknown,
) => Promise<{ status: number; retryAfter: string | null; body: Json }>;

/** An instance, for a token that was checked. */
function instance(store: ScimStore): Ask {
  const directory = testDirectory({ lab: "member" });
  const token = managementTokenRow("mgt_directory", { role: "scim", name: "directory" });
  const api = createScimApi({
    store,
    clock: new FakeClock(),
    gate: { checkDirectory: () => Promise.resolve(token) },
    onChanged: () => Promise.resolve(),
    onUnexpected: (error) => {
      throw error;
    },
  }, directory);
  return async (line, body) => {
    const [method = "", path = ""] = line.split(/ (.*)/);
    const request = new Request(`http://llm-proxy/manage/scim/v2${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/scim+json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const response = await api(request, { source: "192.0.2.1", guessPlace: "header" });
    const text = await response.text();
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, retryAfter, body: text === "" ? undefined : JSON.parse(text) };
  };
}

/** Runs a test with two instances on an empty SQLite database, and on one of PostgreSQL. */
function onBoth(name: string, work: (asks: readonly [Ask, Ask], store: Store) => Promise<void>): void {
  const run = async (url: string): Promise<void> => {
    const [one, other] = [await openStore(url), await openStore(url)];
    try {
      await work([instance(one), instance(other)], one);
    } finally {
      await one.close();
      await other.close();
    }
  };
  Deno.test(`scim at the same time: ${name} (SQLite)`, async () => {
    const folder = await Deno.makeTempDir();
    await writeEmptyDatabase(`${folder}/x.db`);
    // The file has one instance.
    const store = await openStore(`sqlite:${folder}/x.db`);
    try {
      await work([instance(store), instance(store)], store);
    } finally {
      await store.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
  Deno.test({
    ...unless(withoutPostgres(), `scim at the same time: ${name} (PostgreSQL)`),
    fn: () => inDatabase((url) => run(url)),
  });
}

const patchOf = (...Operations: unknown[]) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations,
});
const userOf = (number: number, more: Record<string, unknown> = {}) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
  userName: `user${number}@example.com`,
  externalId: `sub-${number}`,
  ...more,
});
/** So many changes of one record come at the same time. Microsoft Entra sends up to 40 requests at once. */
const SEVERAL = 24;
const several = <Result>(work: (number: number) => Result) =>
  Array.from({ length: SEVERAL }, (_, number) => work(number));

onBoth("all changes of a record are made, and none is lost", async ([one, other]) => {
  const at = (number: number): Ask => number % 2 === 0 ? one : other;
  const added = await Promise.all(several((number) => at(number)("POST /Users", userOf(number))));
  assertEquals([...new Set(added.map(({ status }) => status))], [201]);
  const ids: string[] = added.map(({ body }) => body.id);
  const { body: group } = await one("POST /Groups", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName: "lab",
  });
  const join = await Promise.all(
    ids.map((value, number) =>
      at(number)(`PATCH /Groups/${group.id}`, patchOf({ op: "add", path: "members", value: [{ value }] }))
    ),
  );
  assertEquals([...new Set(join.map(({ status }) => status))], [204]);
  const { body: joined } = await other(`GET /Groups/${group.id}`);
  assertEquals(joined.members.map(({ value }: Json) => value).sort(), ids.toSorted());

  const addresses = several((number) => ({ value: `address${number % 20}@example.com` }));
  const patched = await Promise.all(
    addresses.slice(0, 20).map((value, number) =>
      at(number)(`PATCH /Users/${ids[0]}`, patchOf({ op: "add", path: "emails", value: [value] }))
    ),
  );
  assertEquals([...new Set(patched.map(({ status }) => status))], [200]);
  assertEquals((await one(`GET /Users/${ids[0]}`)).body.emails.length, 20);

  // Some changes come before the removal, and the others find no user.
  const ends = await Promise.all(
    several((number) =>
      number === 5
        ? one(`DELETE /Users/${ids[1]}`)
        : at(number)(`PATCH /Users/${ids[1]}`, patchOf({ op: "replace", path: "active", value: "False" }))
    ),
  );
  assert(ends.every(({ status }, number) => number === 5 ? status === 204 : [200, 404].includes(status)));
  assertEquals((await other(`GET /Users/${ids[1]}`)).status, 404);
});

onBoth("a login name that another person got meanwhile is no error", async ([one, other], store) => {
  const emails = [{ value: "anna@example.com" }];
  const added = await Promise.all(
    [0, 1, 2, 3, 4, 5].map((number) =>
      (number % 2 === 0 ? one : other)("POST /Users", userOf(number, { userName: `LAB\\${number}`, emails }))
    ),
  );
  assertEquals(added.map(({ status }) => status), [201, 201, 201, 201, 201, 201]);
  const { items } = await store.listPeople({ limit: 50, before: undefined });
  assertEquals(items.map(({ login }) => login).sort(), [
    "anna@example.com",
    ...[2, 3, 4, 5, 6].map((number) => `anna@example.com-${number}`),
  ]);
  // The same user is added once.
  const twice = await Promise.all([one, other, one, other].map((ask) => ask("POST /Users", userOf(9))));
  assertEquals(twice.map(({ status }) => status).sort(), [201, 409, 409, 409]);
  assertEquals(twice.filter(({ body }) => body.scimType === "uniqueness").length, 3);
});

Deno.test("scim at the same time: no more than a hundred changes of a record wait", async () => {
  const folder = await Deno.makeTempDir();
  await writeEmptyDatabase(`${folder}/x.db`);
  const store = await openStore(`sqlite:${folder}/x.db`);
  const held = Promise.withResolvers<void>();
  try {
    const ask = instance({
      ...store,
      saveDirectoryUser: async (...of: Parameters<Store["saveDirectoryUser"]>) => {
        if (of[1].version !== undefined) await held.promise;
        return await store.saveDirectoryUser(...of);
      },
    });
    const [{ body: first }, { body: second }] = [
      await ask("POST /Users", userOf(1)),
      await ask("POST /Users", userOf(2)),
    ];
    const rename = (id: string, number: number) =>
      ask(`PATCH /Users/${id}`, patchOf({ op: "replace", path: "displayName", value: `name ${number}` }));
    const waiting = Array.from({ length: 101 }, (_, number) => rename(first.id, number));
    const refused = await within(rename(first.id, 101), "the refusal");
    assertEquals([refused.status, refused.retryAfter], [503, "1"]);
    const ofOther = rename(second.id, 1);
    held.resolve();
    assertEquals((await ofOther).status, 200);
    assertEquals([...new Set((await Promise.all(waiting)).map(({ status }) => status))], [200]);
    assertEquals((await rename(first.id, 102)).status, 200);
  } finally {
    await store.close();
    await Deno.remove(folder, { recursive: true });
  }
});
