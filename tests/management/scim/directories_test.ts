/** The requests of Okta, Microsoft Entra, Authentik and Keycloak, in the order in which they send them. */

import { assert, assertEquals } from "@std/assert";
import type { ManagementToken } from "../../../src/storage/people_store.ts";
import { createScimApi, type ScimStore } from "../../../src/management/scim/scim_api.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { managementTokenRow } from "../../storage/people_contract.ts";
import { writeEmptyDatabase } from "../../support/data/empty_database.ts";
import { AUTHENTIK, ENTRA, KEYCLOAK, OKTA } from "../../support/data/scim_requests.ts";
import { testDirectory } from "../../support/data/test_directory.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** The API of a directory on a database, for a token that was checked. */
class Bench implements AsyncDisposable {
  readonly store: Store;
  readonly clock = new FakeClock();
  readonly #folder: string;
  readonly #api: ReturnType<typeof createScimApi>;

  private constructor(store: Store, folder: string, wrapped: ScimStore) {
    this.store = store;
    this.#folder = folder;
    const token: ManagementToken = managementTokenRow("mgt_directory", { role: "scim", name: "directory" });
    const directory = testDirectory({ lab: "member", leads: "manager" });
    this.#api = createScimApi({
      store: wrapped,
      clock: this.clock,
      gate: { checkDirectory: () => Promise.resolve(token) },
      onChanged: () => Promise.resolve(),
      onUnexpected: (error) => {
        throw error;
      },
    }, directory);
  }

  static async open(wrapped: (store: Store) => ScimStore = (store) => store): Promise<Bench> {
    const folder = await Deno.makeTempDir();
    await writeEmptyDatabase(`${folder}/x.db`);
    const store = await openSqlite(`${folder}/x.db`);
    return new Bench(store, folder, wrapped(store));
  }

  async ask(line: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const [method = "", path = ""] = line.split(/ (.*)/);
    const request = new Request(`http://llm-proxy/manage/scim/v2${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/scim+json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const response = await this.#api(request, { source: "192.0.2.1", guessPlace: "header" });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  /** Asks, checks the status, and gives the body. */
  async done(line: string, body?: unknown, status = 200): Promise<Json> {
    const answer = await this.ask(line, body);
    assertEquals(answer.status, status, `${line}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** The kind of error of a request, as `STATUS KIND`. */
  async wrong(line: string, body?: unknown): Promise<string> {
    const { status, body: error } = await this.ask(line, body);
    assertEquals(error.schemas, ["urn:ietf:params:scim:api:messages:2.0:Error"], line);
    assertEquals(error.status, String(status));
    assert(error.detail.length > 10);
    return error.scimType === undefined ? `${status}` : `${status} ${error.scimType}`;
  }

  /** The people with their roles, and whether they are disabled. */
  async people(): Promise<unknown[]> {
    const { items } = await this.store.listPeople({ limit: 50, before: undefined });
    return items.map(({ login, name, role, disabled }) => [login, name, role, disabled]).reverse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const patchOf = (...Operations: unknown[]) => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations,
});

Deno.test("scim directories: Okta looks for a user, adds, replaces and deactivates them, and pushes groups", async () => {
  await using bench = await Bench.open();
  const none = await bench.done(`GET ${OKTA.find("anna@example.com")}`);
  assertEquals(none, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: 0,
    startIndex: 1,
    itemsPerPage: 0,
    Resources: [],
  });
  const anna = await bench.done("POST /Users", OKTA.user("anna"), 201);
  assertEquals(anna, {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    id: anna.id,
    externalId: "anna",
    userName: "anna@example.com",
    name: { familyName: "User", givenName: "Test" },
    displayName: "Test User",
    active: true,
    emails: [{ value: "anna@example.com", type: "work", primary: true }],
    groups: [],
    meta: { ...anna.meta, resourceType: "User", version: 'W/"1"' },
  });
  assertEquals(anna.meta.location, `https://llm.example.com/manage/scim/v2/Users/${anna.id}`);
  assertEquals(await bench.wrong("POST /Users", OKTA.user("ANNA")), "409 uniqueness");
  assertEquals(await bench.people(), [["anna@example.com", "Test User", "viewer", false]]);
  assertEquals((await bench.done(`GET ${OKTA.find("Anna@Example.com")}`)).Resources[0].id, anna.id);
  const replaced = await bench.done(`PUT /Users/${anna.id}`, OKTA.replaced(anna.id, "anna", true));
  assertEquals([replaced.externalId, replaced.name.givenName, replaced.displayName], [
    "anna",
    "Another",
    undefined,
  ]);
  assertEquals(
    (await bench.done(`PUT /Users/${anna.id}`, OKTA.replaced(anna.id, "anna", false))).active,
    false,
  );
  assertEquals(await bench.people(), [["anna@example.com", "Test User", "viewer", true]]);
  assertEquals((await bench.done(`PATCH /Users/${anna.id}`, OKTA.active(true))).active, true);
  assertEquals(await bench.people(), [["anna@example.com", "Test User", "viewer", false]]);

  const ben = await bench.done("POST /Users", OKTA.user("ben"), 201);
  const group = await bench.done("POST /Groups", OKTA.group("lab"), 201);
  assertEquals([group.displayName, group.members], ["lab", []]);
  await bench.done(`PATCH /Groups/${group.id}`, OKTA.renamed(group.id, "leads"), 204);
  await bench.done(`PATCH /Groups/${group.id}`, OKTA.allMembers(anna.id, ben.id), 204);
  await bench.done(`PATCH /Groups/${group.id}`, OKTA.members(ben.id, anna.id), 204);
  const shown = await bench.done(`GET /Groups/${group.id}`);
  assertEquals(shown.members.map(({ value, display }: Json) => [value, display]), [[
    anna.id,
    "anna@example.com",
  ]]);
  assertEquals((await bench.people()).map((one: Json) => one[2]), ["manager", "viewer"]);
  await bench.done(`PATCH /Groups/${group.id}`, OKTA.renamed(group.id, "lab"), 204);
  assertEquals(
    (await bench.people()).map((one: Json) => one[2]),
    ["member", "viewer"],
    "the new name counts",
  );
  assertEquals((await bench.done(`GET /Users/${anna.id}`)).groups, [{
    value: group.id,
    display: "lab",
    type: "direct",
    $ref: `https://llm.example.com/manage/scim/v2/Groups/${group.id}`,
  }]);
  await bench.done(`DELETE /Groups/${group.id}`, undefined, 204);
  assertEquals((await bench.people()).map((one: Json) => one[2]), ["viewer", "viewer"]);
});

Deno.test("scim directories: Microsoft Entra, with the old forms of PATCH and with the compliant ones", async () => {
  await using bench = await Bench.open();
  const { id } = await bench.done("POST /Users", ENTRA.user("0a21f0f2", "anna"), 201);
  assertEquals((await bench.done(`GET ${ENTRA.findByMail("ANNA@example.com")}`)).Resources[0].id, id);
  const path = `/Users/${id}`;
  const old = await bench.done(`PATCH ${path}`, ENTRA.changedOld);
  assertEquals([old.displayName, old.emails, old.name], [
    "Pvlo",
    [{ value: "new@example.com", type: "work", primary: true }],
    { formatted: "Given Family", familyName: "Pkqf", givenName: "Gtfd" },
  ]);
  assertEquals((await bench.done(`GET ${ENTRA.findByMail("anna@example.com")}`)).totalResults, 0);
  const compliant = await bench.done(`PATCH ${path}`, ENTRA.changed);
  assertEquals([compliant.displayName, compliant.emails[0].value, compliant.name.givenName], [
    "Bjfe",
    "newer@example.com",
    "Kkom",
  ]);
  for (const body of [ENTRA.disabledOld, ENTRA.enabledOld, ENTRA.disabled, ENTRA.enabledOld]) {
    const isActive = body === ENTRA.enabledOld;
    assertEquals((await bench.done(`PATCH ${path}`, body)).active, isActive);
    assertEquals((await bench.people()).map((one: Json) => one[3]), [!isActive]);
  }
  const group = await bench.done("POST /Groups", ENTRA.group("lab"), 201);
  const found = await bench.done(`GET ${ENTRA.findGroup("lab")}`);
  assertEquals([found.totalResults, found.Resources[0].id, found.Resources[0].members], [
    1,
    group.id,
    undefined,
  ]);
  const isMember = async () => (await bench.done(`GET ${ENTRA.isMember(group.id, id)}`)).totalResults === 1;
  for (const remove of [ENTRA.removedOld(id), ENTRA.removed(id)]) {
    await bench.done(`PATCH /Groups/${group.id}`, ENTRA.added(id), 204);
    assertEquals([await isMember(), (await bench.people() as Json)[0][2]], [true, "member"]);
    await bench.done(`PATCH /Groups/${group.id}`, remove, 204);
    assertEquals([await isMember(), (await bench.people() as Json)[0][2]], [false, "viewer"]);
  }
});

Deno.test("scim directories: Authentik compares the members of a group, and Keycloak replaces groups", async () => {
  await using bench = await Bench.open();
  const config = await bench.done("GET /ServiceProviderConfig");
  assertEquals([config.patch.supported, config.bulk.supported, config.filter.supported], [true, false, true]);
  const anna = await bench.done("POST /Users", AUTHENTIK.user("uid-anna", "anna"), 201);
  const ben = await bench.done("POST /Users", AUTHENTIK.user("uid-ben", "ben"), 201);
  assertEquals((await bench.people() as Json).map(([login, name]: Json) => [login, name]), [
    ["anna", "Anna Muster"],
    ["ben", "Anna Muster"],
  ]);
  const group = await bench.done("POST /Groups", AUTHENTIK.group("lab"), 201);
  await bench.done(`PATCH /Groups/${group.id}`, AUTHENTIK.moved(anna.id, ben.id), 204);
  await bench.done(`PATCH /Groups/${group.id}`, AUTHENTIK.moved(ben.id, anna.id), 204);
  await bench.done(`PATCH /Groups/${group.id}`, AUTHENTIK.changedGroup(group.id, "leads"), 204);
  const shown = await bench.done(`GET /Groups/${group.id}`);
  assertEquals([shown.displayName, shown.externalId, shown.members.map(({ value }: Json) => value)], [
    "leads",
    "5c0c9e4e-2b3e-4a59-8b0b-1a0f3f5e4c11",
    [ben.id],
  ]);
  assertEquals((await bench.people() as Json).map((one: Json) => one[2]), ["viewer", "manager"]);

  const cleo = await bench.done("POST /Users", KEYCLOAK.user("f:1:cleo", "cleo", true), 201);
  const all = await bench.done("POST /Groups", KEYCLOAK.group("g1", "lab", [anna.id, cleo.id]), 201);
  assertEquals(all.members.length, 2);
  const fewer = await bench.done(`PUT /Groups/${all.id}`, KEYCLOAK.group("g1", "lab", [cleo.id]));
  assertEquals(fewer.members.map(({ value }: Json) => value), [cleo.id]);
  assertEquals((await bench.people() as Json).map((one: Json) => one[2]), ["viewer", "manager", "member"]);
  await bench.done(`PUT /Users/${cleo.id}`, KEYCLOAK.user("f:1:cleo", "cleo", false));
  assertEquals((await bench.people() as Json)[2], ["cleo", "Anna Muster", "member", true]);
  await bench.done(`DELETE /Users/${cleo.id}`, undefined, 204);
  assertEquals((await bench.done(`GET /Groups/${all.id}`)).members, []);
});

Deno.test("scim directories: PATCH of users in all its forms, and what is an error", async () => {
  await using bench = await Bench.open();
  const { id } = await bench.done("POST /Users", OKTA.user("anna"), 201);
  const patch = (...operations: unknown[]) => bench.done(`PATCH /Users/${id}`, patchOf(...operations));
  const core = "urn:ietf:params:scim:schemas:core:2.0:User";
  let user = await patch(
    { op: "ADD", path: "emails", value: [{ value: "b@example.com", type: "home" }] },
    { op: "add", path: 'emails[type eq "other"].value', value: "c@example.com" },
    { op: "replace", path: `${core}:name.givenName`, value: "Anna" },
    {
      op: "replace",
      value: { [core]: { displayName: "A" }, "schemas": [core], "id": "other", "title": "Dr" },
    },
    { op: "replace", path: "title", value: "Dr" },
  );
  assertEquals(user.emails.map(({ value, type }: Json) => `${type} ${value}`), [
    "work anna@example.com",
    "home b@example.com",
    "other c@example.com",
  ]);
  assertEquals([user.name.givenName, user.displayName, user.id], ["Anna", "A", id]);
  user = await patch({ op: "replace", path: "name", value: { middleName: "M" } });
  assertEquals(user.name, { familyName: "User", givenName: "Anna", middleName: "M" });
  user = await patch(
    { op: "remove", path: 'emails[type eq "home"]' },
    { op: "remove", path: 'emails[value eq "C@example.com"]' },
    { op: "replace", path: "emails[primary eq true].type", value: "home" },
    { op: "remove", path: "displayName" },
    { op: "remove", path: "name" },
  );
  assertEquals([user.emails, user.displayName, user.name], [
    [{ value: "anna@example.com", type: "home", primary: true }],
    undefined,
    undefined,
  ]);
  assertEquals((await patch({ op: "remove", path: "active" })).active, false, "removed is not enabled");
  const before = await bench.done(`GET /Users/${id}`);
  const wrong = (...operations: unknown[]) => bench.wrong(`PATCH /Users/${id}`, patchOf(...operations));
  assertEquals(await wrong({ op: "move", path: "active" }), "400 invalidSyntax");
  assertEquals(await wrong({ op: "remove" }), "400 noTarget");
  assertEquals(await wrong({ op: "replace", path: "active", value: "perhaps" }), "400 invalidValue");
  assertEquals(await wrong({ op: "replace", path: "active[value eq true]", value: true }), "400 invalidPath");
  assertEquals(await wrong({ op: "replace", path: "userName", value: "" }), "400 invalidValue");
  assertEquals(await wrong({ op: "replace", path: "userName", value: "x".repeat(257) }), "400 invalidValue");
  assertEquals(await wrong({ op: "replace", path: "id", value: "other" }), "400 mutability");
  assertEquals(await wrong({ op: "replace", path: "groups", value: [] }), "400 mutability");
  assertEquals(await wrong({ op: "replace", path: "role", value: "admin" }), "400 invalidPath");
  assertEquals(await wrong({ op: "add", value: { personId: "usr_1" } }), "400 invalidPath");
  assertEquals(await wrong({ op: "add", value: "active" }), "400 invalidValue");
  assertEquals(
    await wrong({ op: "add", path: "emails", value: Array(21).fill({ value: "a@b.c" }) }),
    "400 invalidValue",
  );
  assertEquals(
    await wrong({ op: "replace", path: "displayName", value: "B" }, { op: "x" }),
    "400 invalidSyntax",
  );
  assertEquals(await bench.wrong(`PATCH /Users/${id}`, {}), "400 invalidSyntax");
  const many = Array(1_001).fill({ op: "replace", path: "active", value: true });
  assertEquals(await bench.wrong(`PATCH /Users/${id}`, patchOf(...many)), "400 tooMany");
  assertEquals(await bench.wrong("POST /Users", "[1]"), "400 invalidValue");
  assertEquals(await bench.wrong("POST /Users", "{"), "400 invalidSyntax");
  assertEquals(
    await bench.wrong("POST /Users", { userName: "x", schemas: ["urn:other"] }),
    "400 invalidSyntax",
  );
  assertEquals(await bench.wrong("POST /Users", { externalId: "x" }), "400 invalidValue");
  assertEquals((await bench.ask("POST /Users", "{}", { "content-type": "text/plain" })).status, 415);
  assertEquals(await bench.done(`GET /Users/${id}`), before, "nothing of a rejected request is written");
  // A body that names the members of objects of the language changes nothing else.
  const odd = await bench.done(
    "POST /Users",
    '{"userName":"x","__proto__":{"active":false},"constructor":{}}',
    201,
  );
  assertEquals([odd.active, ({} as Json).active], [true, undefined]);
});

Deno.test("scim directories: a remove that names values removes these alone, also if it names none", async () => {
  await using bench = await Bench.open();
  const { id } = await bench.done("POST /Users", OKTA.user("anna"), 201);
  const group = await bench.done("POST /Groups", { ...OKTA.group("lab"), members: [{ value: id }] }, 201);
  const leave = async (operation: Record<string, unknown>) => {
    const change = patchOf({ op: "remove", path: "members", ...operation });
    await bench.done(`PATCH /Groups/${group.id}`, change, 204);
    return (await bench.done(`GET /Groups/${group.id}`)).members.length;
  };
  assertEquals(await leave({ value: [] }), 1);
  assertEquals(await leave({ value: [{ value: "dru_other" }] }), 1);
  assertEquals(await leave({}), 0);

  const addresses = async (...operations: unknown[]) =>
    ((await bench.done(`PATCH /Users/${id}`, patchOf(...operations))).emails ?? []).map(
      ({ value }: Json) => value,
    );
  const other = { op: "add", path: "emails", value: [{ value: "b@example.com", type: "home" }] };
  const remove = (value?: unknown) => ({ op: "remove", path: "emails", value });
  assertEquals(await addresses(other, remove([])), ["anna@example.com", "b@example.com"]);
  assertEquals(await addresses(remove([{ value: "B@example.com" }])), ["anna@example.com"]);
  assertEquals(await addresses(other, remove({ value: "anna@example.com", type: "other" })), [
    "anna@example.com",
    "b@example.com",
  ]);
  assertEquals(await addresses(remove(null)), []);
});

Deno.test("scim directories: members must be users of the directory, and few in each request", async () => {
  await using bench = await Bench.open();
  const { id } = await bench.done("POST /Users", OKTA.user("anna"), 201);
  const group = await bench.done("POST /Groups", OKTA.group("lab"), 201);
  const patch = (...operations: unknown[]) =>
    bench.wrong(`PATCH /Groups/${group.id}`, patchOf(...operations));
  const [person] = (await bench.store.listPeople({ limit: 1, before: undefined })).items;
  for (const value of [person?.id, group.id, "dru_none", "' OR 1=1 --"]) {
    assertEquals(
      await patch({ op: "add", path: "members", value: [{ value: id }, { value }] }),
      "400 invalidValue",
    );
  }
  assertEquals(
    await patch({ op: "add", path: "members", value: [{ value: id, type: "Group" }] }),
    "400 invalidValue",
  );
  assertEquals(await patch({ op: "remove", path: 'members[display eq "x"]' }), "400 invalidPath");
  const ids = Array.from({ length: 2_001 }, (_, index) => ({ value: `dru_${index}` }));
  assertEquals(await patch({ op: "remove", path: "members", value: ids }), "413 tooMany");
  assertEquals(await bench.wrong("POST /Groups", OKTA.group("LAB")), "409 uniqueness");
  assertEquals((await bench.done(`GET /Groups/${group.id}`)).members, []);
  await bench.done(
    `PATCH /Groups/${group.id}`,
    patchOf({ op: "remove", path: "members", value: [{ value: "gone" }] }),
    204,
  );
});

Deno.test("scim directories: lists in parts, chosen attributes, versions and the documents of the service", async () => {
  await using bench = await Bench.open();
  for (const login of ["a", "b", "c"]) await bench.done("POST /Users", OKTA.user(login), 201);
  const names = async (query: string) => {
    const { totalResults, startIndex, itemsPerPage, Resources } = await bench.done(`GET /Users?${query}`);
    return [
      totalResults,
      startIndex,
      itemsPerPage,
      Resources.map(({ userName }: Json) => userName.at(0)).join(""),
    ];
  };
  assertEquals(await names(""), [3, 1, 3, "abc"]);
  assertEquals(await names("startIndex=2&count=1"), [3, 2, 1, "b"]);
  assertEquals(await names("startIndex=0&count=-1"), [3, 1, 0, ""]);
  assertEquals(await names("startIndex=9&count=1000"), [3, 9, 0, ""]);
  assertEquals(await bench.wrong("GET /Users?count=many"), "400 invalidValue");
  assertEquals(await names(`filter=${encodeURIComponent('userName eq "%" ')}`), [0, 1, 0, ""]);
  assertEquals(await names(`filter=${encodeURIComponent(`userName eq "' OR '1'='1"`)}`), [0, 1, 0, ""]);
  const found = await bench.done("POST /Users/.search", {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
    attributes: ["userName"],
    filter: 'userName eq "b@example.com"',
    startIndex: 1,
    count: 10,
  });
  assertEquals([found.totalResults, Object.keys(found.Resources[0]).sort()], [1, [
    ...["id", "meta", "schemas", "userName"],
  ]]);
  assertEquals(await bench.wrong("POST /Users/.search", { filter: { $gt: "" } }), "400 invalidValue");
  assertEquals(await bench.wrong("GET /Groups/.search"), "405");
  const [user] = (await bench.done("GET /Users?attributes=username,emails.value&count=1")).Resources;
  assertEquals(Object.keys(user).sort(), ["emails", "id", "meta", "schemas", "userName"]);
  assertEquals(user.emails, [{ value: "a@example.com" }]);
  const without = await bench.done(`GET /Users/${user.id}?excludedAttributes=emails,name.familyName`);
  assertEquals([without.emails, without.name], [undefined, { givenName: "Test" }]);

  const asked = await bench.ask(`GET /Users/${user.id}`);
  const etag = asked.headers.get("etag") ?? "";
  assertEquals([etag, asked.headers.get("content-type")], ['W/"1"', "application/scim+json"]);
  assertEquals((await bench.ask(`GET /Users/${user.id}`, undefined, { "if-none-match": etag })).status, 304);
  const off = patchOf({ op: "replace", path: "active", value: false });
  assertEquals((await bench.ask(`PATCH /Users/${user.id}`, off, { "if-match": 'W/"7"' })).status, 412);
  assertEquals(
    (await bench.ask(`PATCH /Users/${user.id}`, off, { "if-match": etag })).headers.get("etag"),
    'W/"2"',
  );

  const types = await bench.done("GET /ResourceTypes");
  assertEquals(types.Resources.map(({ id, endpoint }: Json) => [id, endpoint]), [
    ["User", "/Users"],
    ["Group", "/Groups"],
  ]);
  const { Resources: schemas } = await bench.done("GET /Schemas");
  for (const schema of schemas) assertEquals(await bench.done(`GET /Schemas/${schema.id}`), schema);
  assertEquals((await bench.done("GET /ResourceTypes/User")).schema, schemas[0].id);
  assertEquals(await bench.wrong("GET /Schemas?filter=x"), "403");
  for (
    const line of [
      "GET /",
      "GET /Users/a/b",
      "GET /Bulk",
      "POST /Bulk",
      "GET /Schemas/x",
      "GET /%zz",
      "GET /Users/x",
    ]
  ) {
    assertEquals(await bench.wrong(line), "404", line);
  }
  assertEquals(await bench.wrong("DELETE /Users"), "405");
  assertEquals(await bench.wrong("POST /ServiceProviderConfig", {}), "405");
});

Deno.test("scim directories: values of a wrong type are wrong requests, however deep they are", async () => {
  await using bench = await Bench.open();
  const { id } = await bench.done("POST /Users", OKTA.user("anna"), 201);
  const deep = "[".repeat(20_000) + "]".repeat(20_000);
  for (const value of [deep, '{"toString":1}', "[{}]"]) {
    for (
      const [line, body] of [
        [`PATCH /Users/${id}`, `{"Operations":[{"op":${value},"path":"active","value":false}]}`],
        ["POST /Users/.search", `{"attributes":${value}}`],
        ["POST /Users/.search", `{"filter":${value}}`],
      ] as const
    ) assertEquals((await bench.wrong(line, body)).split(" ")[0], "400", line);
  }
});

Deno.test("scim directories: a list of groups ends before they have too many members", async () => {
  await using bench = await Bench.open((store) => ({
    ...store,
    listDirectoryMembers: () =>
      Promise.resolve(Array.from({ length: 5_000 }, (_, id) => ({ id: `${id}`, userName: "x" }))),
  }));
  for (const name of ["one", "two", "three"]) {
    await bench.done("POST /Groups?excludedAttributes=members", OKTA.group(name), 201);
  }
  const list = await bench.done("GET /Groups?attributes=members");
  assertEquals([list.totalResults, list.itemsPerPage, list.Resources.length], [3, 2, 2]);
  assertEquals((await bench.done("GET /Groups")).itemsPerPage, 3, "without members");
});

Deno.test("scim directories: too many requests are refused for a moment", async () => {
  await using bench = await Bench.open();
  const statuses: number[] = [];
  for (let request = 0; request <= 300; request++) statuses.push((await bench.ask("GET /Schemas")).status);
  assertEquals([statuses.at(-2), statuses.at(-1)], [200, 429]);
  const refused = await bench.ask("GET /Schemas");
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  bench.clock.pass(1_000);
  assertEquals((await bench.ask("GET /Schemas")).status, 200);
});
