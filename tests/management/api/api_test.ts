/** The management API as its clients see it, each answer checked against the API's own OpenAPI document. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/2020";
import { isTokenValue } from "../../../src/auth/token_value.ts";
import { BearerGate } from "../../../src/management/api/bearer_gate.ts";
import { DeviceGrant } from "../../../src/management/api/device_grant.ts";
import { GuessGate } from "../../../src/management/api/guess_gate.ts";
import { createManageApi, gatedApi } from "../../../src/management/api/manage.ts";
import { SecretBox } from "../../../src/storage/secret_box.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import type { Store } from "../../../src/storage/store.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { exchangeRow } from "../../support/data/rows.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
}

class ApiBench {
  readonly clock = new FakeClock();
  readonly store: Store;
  readonly unexpected: unknown[] = [];
  changes = 0;
  readonly #api: ReturnType<typeof gatedApi>;
  readonly #document: Promise<Json>;
  readonly #ajv = new Ajv2020({ strict: false });

  private constructor(store: Store, box: SecretBox) {
    this.store = store;
    const onUnexpected = (error: unknown) => this.unexpected.push(error);
    const guesses = new GuessGate({ clock: this.clock });
    const api = createManageApi({
      store,
      box,
      clock: this.clock,
      ownerOf: () => undefined,
      hasBootstrap: true,
      guesses,
      passphrases: undefined,
      sessionIdleMs: () => 3_600_000,
      sessionEnded: () => {},
      changed: () => Promise.resolve(void this.changes++),
      flushed: () => Promise.resolve(),
      spent: () => undefined,
      proxy: undefined,
      endpointNames: () => ["openai", "anthropic", "claude"],
      adminOrigins: () => [],
      hasPublicUrl: false,
      ending: new AbortController().signal,
    }, { onUnexpected });
    const gate = new BearerGate(SECRETS.managementToken, { clock: this.clock, guesses, store });
    const devices = new DeviceGrant({ clock: this.clock, guesses, store, publicUrl: undefined });
    this.#api = gatedApi(api, { gate, devices, onUnexpected });
    this.#document = this.raw("GET", "/openapi.json").then(({ body }) => body);
  }

  static async run(test: (bench: ApiBench) => Promise<void>): Promise<void> {
    const folder = await Deno.makeTempDir();
    const store = openSqlite(`${folder}/x.db`);
    const bench = new ApiBench(store, await SecretBox.of(new Uint8Array(32)));
    try {
      await test(bench);
      assertEquals(bench.unexpected, []);
    } finally {
      await bench.#document;
      store.close();
      await Deno.remove(folder, { recursive: true });
    }
  }

  document(): Promise<Json> {
    return this.#document;
  }

  async raw(
    method: string,
    path: string,
    { body, headers = {}, token = SECRETS.managementToken, source = "192.0.2.7" }: {
      body?: unknown;
      headers?: Record<string, string>;
      token?: string;
      source?: string;
    } = {},
  ): Promise<Answer> {
    const response = await this.#api(
      new Request(`http://proxy/manage${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
      { source, guessPlace: "header" },
    );
    const text = await response.text();
    assertNoSecrets(text, `${method} ${path}`);
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
  }

  /** Asks, and holds question and answer against the document. */
  async ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    const answer = await this.raw(method, path, { body, ...(headers && { headers }) });
    const document = await this.#document;
    const template = path.replace(/\?.*/, "").replace(/\/(prj|tok|usr|ses|mgt|pky|dvc)_[^/]*/, "/{id}");
    const operation = document.paths[`/manage${template}`]?.[method.toLowerCase()];
    assert(operation !== undefined, `${method} ${template} is not in the document`);
    const described = operation.responses[String(answer.status)] ?? operation.responses.default;
    const type = answer.headers.get("content-type")?.split(";")[0];
    if (answer.status === 204) return answer;
    const content = described.content?.[type ?? ""];
    assert(content !== undefined, `${method} ${template} ${answer.status}: ${type} is not in the document`);
    if (type?.includes("json") !== true) return answer;
    const schema = content.schema.$ref === undefined ? content.schema : document.components.schemas.Problem;
    const validate = this.#ajv.compile(schema);
    assert(validate(answer.body), `${method} ${path}: ${this.#ajv.errorsText(validate.errors)}`);
    if (answer.status < 300 && body !== undefined) {
      const asked = this.#ajv.compile(operation.requestBody.content["application/json"].schema);
      assert(asked(body), `${method} ${path}: the request: ${this.#ajv.errorsText(asked.errors)}`);
    }
    return answer;
  }

  async project(more: Record<string, unknown> = {}): Promise<Json> {
    return (await this.ask("POST", "/projects", { name: `p${Math.random()}`, ...more })).body;
  }
}

Deno.test("/manage/openapi.json: is a valid OpenAPI 3.1 document with all routes", () =>
  ApiBench.run(async (bench) => {
    const document = await bench.document();
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert(valid, JSON.stringify(errors));
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as Json).map((method) => `${method} ${path.slice("/manage".length)}`)
    );
    assertEquals(operations.sort(), [
      "delete /management-tokens/{id}",
      "delete /passkeys/{id}",
      "delete /people/{id}",
      "delete /projects/{id}",
      "delete /sessions/{id}",
      "delete /tokens/{id}",
      "get /audit",
      "get /backup",
      "get /connect",
      "get /endpoints",
      "get /exchanges",
      "get /exchanges/live",
      "get /health",
      "get /management-tokens",
      "get /me",
      "get /passkeys",
      "get /people",
      "get /people/{id}",
      "get /projects",
      "get /projects/{id}",
      "get /reload",
      "get /sessions",
      "get /system",
      "get /tokens",
      "get /tokens/{id}",
      "get /usage",
      "patch /passkeys/{id}",
      "patch /people/{id}",
      "patch /projects/{id}",
      "patch /tokens/{id}",
      "post /connect",
      "post /device-logins/find",
      "post /device-logins/{id}/confirm",
      "post /device-logins/{id}/refuse",
      "post /device/code",
      "post /device/token",
      "post /endpoints/{id}/try",
      "post /management-tokens",
      "post /me/passphrase",
      "post /people",
      "post /people/{id}/invitation",
      "post /projects",
      "post /projects/{id}/delete",
      "post /projects/{id}/tokens/revoke",
      "post /qr",
      "post /reload",
      "post /stop",
      "post /tokens",
      "post /tokens/{id}/delete",
      "post /tokens/{id}/rotate",
    ]);
  }));

Deno.test("/manage: rejects requests without the token, and slows down guesses by address", () =>
  ApiBench.run(async (bench) => {
    for (const path of ["/projects", "/openapi.json", "/nowhere"]) {
      const { status, headers, body } = await bench.raw("GET", path, { token: "wrong", source: path });
      assertEquals([status, body.status, headers.get("content-type")], [
        401,
        401,
        "application/problem+json",
      ]);
      assert(headers.get("www-authenticate")?.startsWith("Bearer"));
    }
    for (let round = 0; round < 5; round++) {
      assertEquals((await bench.raw("GET", "/projects", { token: `guess ${round}` })).status, 401);
    }
    const blocked = await bench.raw("GET", "/projects");
    assertEquals(blocked.status, 429, "the right one does not help either");
    assertEquals((await bench.raw("GET", "/projects", { source: "192.0.2.8" })).status, 200, "others go on");
    bench.clock.pass(Number(blocked.headers.get("retry-after")) * 1000);
    assertEquals((await bench.raw("GET", "/projects")).status, 200);
  }));

Deno.test("projects: created, read, changed, deactivated; each change in the audit log without its keys", () =>
  ApiBench.run(async (bench) => {
    const made = await bench.ask("POST", "/projects", {
      name: "  home ",
      limits: { requests_per_minute: 60, tokens_per_minute: 5000 },
      budget: { month_usd: 12.5 },
      allowed_models: ["gpt-*"],
      provider_keys: { openai: SECRETS.projectKey, anthropic: "short-key" },
    });
    assertEquals([made.status, made.headers.get("etag"), made.body.name], [201, '"1"', "home"]);
    const { id } = made.body;
    assertEquals(made.body.provider_keys, { openai: { suffix: "cc0e" }, anthropic: { suffix: "" } });
    const changed = await bench.ask("PATCH", `/projects/${id}`, {
      limits: { requests_per_minute: null, concurrent_requests: 2 },
      budget: null,
      provider_keys: { anthropic: null },
    });
    assertEquals(changed.headers.get("etag"), '"2"');
    assertEquals(
      [
        changed.body.limits,
        changed.body.budget,
        changed.body.allowed_models,
        Object.keys(changed.body.provider_keys),
      ],
      [
        { requests_per_minute: null, tokens_per_minute: 5000, concurrent_requests: 2 },
        { day_usd: null, week_usd: null, month_usd: null, total_usd: null },
        ["gpt-*"],
        ["openai"],
      ],
    );
    assertEquals((await bench.ask("GET", `/projects/${id}`)).body, changed.body);
    assertEquals((await bench.ask("DELETE", `/projects/${id}`)).status, 204);
    assertEquals((await bench.ask("DELETE", `/projects/${id}`)).status, 204, "twice is once");
    assertEquals((await bench.ask("GET", `/projects/${id}`)).body.active, false);
    assertEquals((await bench.ask("GET", "/projects?active_only=true")).body.data, []);
    const { body: audit } = await bench.ask("GET", "/audit");
    assertEquals(audit.data.map(({ action, actor, source }: Json) => [action, actor, source]), [
      ["project.deactivate", "management token", "192.0.2.7"],
      ["project.update", "management token", "192.0.2.7"],
      ["project.create", "management token", "192.0.2.7"],
    ]);
    assertEquals(audit.data[2].changes.provider_keys, { openai: "set", anthropic: "set" });
    assertEquals(bench.changes, 3, "the proxy is told of each change");
  }));

Deno.test("tokens: the value is shown at creation and rotation, and nowhere else", () =>
  ApiBench.run(async (bench) => {
    const project = await bench.project();
    const made = await bench.ask("POST", "/tokens", {
      project_id: project.id,
      name: "anna",
      duration_minutes: 60,
      max_requests: 5,
      limits: { requests_per_minute: 3 },
    });
    const { id, token } = made.body;
    assert(isTokenValue(token));
    assertEquals([made.status, made.body.token_suffix, made.body.state], [201, token.slice(-4), "active"]);
    assertEquals(Date.parse(made.body.expires_at), bench.clock.epochMs() + 3_600_000);
    const rotated = await bench.ask("POST", `/tokens/${id}/rotate`, { overlap_minutes: 5 });
    assert(isTokenValue(rotated.body.token) && rotated.body.token !== token);
    assertEquals(Date.parse(rotated.body.previous_valid_until), bench.clock.epochMs() + 300_000);
    const within = await bench.ask("POST", `/tokens/${id}/rotate`, { overlap_minutes: 5 });
    assertEquals(within.status, 409, "the first value was promised its time");
    const everything = JSON.stringify([
      await bench.ask("GET", "/tokens"),
      await bench.ask("GET", `/tokens/${id}`),
      await bench.ask("PATCH", `/tokens/${id}`, { name: "anna2" }),
      await bench.ask("GET", "/audit"),
    ]);
    assert(!everything.includes(token) && !everything.includes(rotated.body.token));
    bench.clock.pass(3_600_000);
    assertEquals((await bench.ask("GET", `/tokens/${id}`)).body.state, "expired");
    await bench.ask("PATCH", `/tokens/${id}`, { expires_at: null, active: false });
    assertEquals((await bench.ask("GET", `/tokens/${id}`)).body.state, "inactive");
    assertEquals((await bench.ask("DELETE", `/tokens/${id}`)).status, 204);
    const { body } = await bench.ask("GET", `/tokens/${id}`);
    assertEquals([body.state, body.active], ["revoked", false]);
    for (
      const [method, path, change] of [["PATCH", "", { active: true }], ["POST", "/rotate", {}]] as const
    ) {
      const refused = await bench.ask(method, `/tokens/${id}${path}`, change);
      assertEquals(
        [refused.status, refused.body.detail],
        [409, "This token is revoked, which is permanent: create a new token."],
        path,
      );
    }
  }));

Deno.test("tokens: all tokens of a project are revoked at once; lists by project and state, page by page", () =>
  ApiBench.run(async (bench) => {
    const [one, two] = [await bench.project(), await bench.project()];
    const ids: string[] = [];
    for (let round = 0; round < 5; round++) {
      const { body } = await bench.ask("POST", "/tokens", { project_id: (round < 4 ? one : two).id });
      ids.push(body.id);
    }
    await bench.ask("DELETE", `/tokens/${ids[0]}`);
    const pages: string[][] = [];
    for (let cursor = ""; cursor !== "null";) {
      const { body } = await bench.ask(
        "GET",
        `/tokens?project_id=${one.id}&limit=3${cursor && `&cursor=${cursor}`}`,
      );
      pages.push(body.data.map(({ id }: Json) => id));
      cursor = String(body.next_cursor);
    }
    assertEquals(pages, [[ids[3], ids[2], ids[1]], [ids[0]]]);
    assertEquals((await bench.ask("GET", "/tokens?active_only=true")).body.data.length, 4);
    const revoked = await bench.ask("POST", `/projects/${one.id}/tokens/revoke`);
    assertEquals(revoked.body, { revoked_count: 3, already_revoked_count: 1, total_tokens: 4 });
  }));

Deno.test("endpoints: unknown names in rules and keys are rejected, all at once, with a suggestion", () =>
  ApiBench.run(async (bench) => {
    const wrong = {
      name: "home",
      allowed_endpoints: ["openai", "openia", "local-*"],
      provider_keys: { "antropic": SECRETS.projectKey },
    };
    const { status, body } = await bench.ask("POST", "/projects", wrong);
    assertEquals(status, 400);
    assertEquals(body.errors.map(({ pointer }: Json) => pointer), [
      "#/allowed_endpoints/1",
      "#/provider_keys/antropic",
    ]);
    assert(body.detail.includes("did you mean openai?") && body.detail.includes("did you mean anthropic?"));
    const { id } = await bench.project();
    assertEquals(
      (await bench.ask("PATCH", `/projects/${id}`, { provider_keys: { gone: null } })).status,
      200,
    );
    assertEquals((await bench.ask("PATCH", `/projects/${id}`, { allowed_endpoints: ["x"] })).status, 400);
    const token = await bench.ask("POST", "/tokens", { project_id: id, allowed_endpoints: ["opnai"] });
    assertEquals(token.status, 400);
  }));

Deno.test("tokens: two with one name in a project are rejected, unless one is revoked or expired", () =>
  ApiBench.run(async (bench) => {
    const { id: project_id } = await bench.project();
    const create = (name: string, more: Json = {}) =>
      bench.ask("POST", "/tokens", { project_id, name, ...more });
    const anna = await create("anna", { duration_minutes: 60 });
    const twice = await create("anna");
    assertEquals([twice.status, twice.body.detail.includes("not revoked")], [409, true]);
    const bert = await create("bert");
    assertEquals((await bench.ask("PATCH", `/tokens/${bert.body.id}`, { name: "anna" })).status, 409);
    assertEquals((await bench.ask("PATCH", `/tokens/${bert.body.id}`, { name: "bert" })).status, 200);
    bench.clock.pass(3_600_000);
    const again = await create("anna");
    assertEquals(again.status, 201, "the first has expired");
    const longer = await bench.ask("PATCH", `/tokens/${anna.body.id}`, { expires_at: null });
    assertEquals(longer.status, 409, "both would be valid");
    await bench.ask("DELETE", `/tokens/${again.body.id}`);
    assertEquals((await create("anna")).status, 201, "the second is revoked");
    const other = await bench.ask("POST", "/tokens", {
      project_id: (await bench.project()).id,
      name: "anna",
    });
    assertEquals(other.status, 201, "another project");
    const names: string[] = [];
    for (let round = 0; round < 3; round++) {
      names.push((await bench.ask("POST", "/tokens", { project_id })).body.name);
    }
    assertEquals(names.map((name) => name.replace(names[0] ?? "", "it")), ["it", "it 2", "it 3"]);
  }));

Deno.test("delete: only revoked tokens and deactivated projects; usage is kept under the id", () =>
  ApiBench.run(async (bench) => {
    const project = await bench.project();
    const { body: token } = await bench.ask("POST", "/tokens", { project_id: project.id, name: "anna" });
    await bench.store.addExchanges([exchangeRow({ tokenId: token.id, projectId: project.id })]);
    assertEquals((await bench.ask("POST", `/tokens/${token.id}/delete`)).status, 409);
    assertEquals((await bench.ask("POST", `/projects/${project.id}/delete`)).status, 409);
    await bench.ask("DELETE", `/projects/${project.id}`);
    const refused = await bench.ask("POST", `/projects/${project.id}/delete`);
    assertEquals([refused.status, refused.body.detail.includes("not revoked")], [409, true]);
    await bench.ask("DELETE", `/tokens/${token.id}`);
    const second = await bench.ask("POST", "/tokens", { project_id: project.id, name: "bert" });
    await bench.ask("DELETE", `/tokens/${second.body.id}`);
    assertEquals((await bench.ask("POST", `/tokens/${token.id}/delete`)).status, 204);
    assertEquals((await bench.ask("GET", `/tokens/${token.id}`)).status, 404);
    assertEquals((await bench.ask("POST", `/tokens/${token.id}/delete`)).status, 404);
    assertEquals((await bench.ask("POST", `/projects/${project.id}/delete`)).status, 204);
    assertEquals((await bench.ask("GET", `/tokens/${second.body.id}`)).status, 404, "gone with its project");
    const { body: usage } = await bench.ask("GET", "/usage?group=token");
    assertEquals(usage.data.map(({ token: of, requests }: Json) => [of, requests]), [[token.id, 1]]);
    const { body: audit } = await bench.ask("GET", "/audit?limit=2");
    assertEquals(audit.data.map(({ action }: Json) => action), ["project.delete", "token.delete"]);
    assertEquals(audit.data[1].changes.name, "anna");
  }));

Deno.test("allowed paths: kept as written, changed, removed; an invalid pattern is rejected", () =>
  ApiBench.run(async (bench) => {
    const project = await bench.project({ allowed_paths: ["!/v1/files*"] });
    assertEquals(project.allowed_paths, ["!/v1/files*"]);
    const made = await bench.ask("POST", "/tokens", {
      project_id: project.id,
      allowed_paths: ["/v1/Models", "*/chat/completions"],
    });
    assertEquals([made.status, made.body.allowed_paths], [201, ["/v1/Models", "*/chat/completions"]]);
    const path = `/tokens/${made.body.id}`;
    const after = async (change: Json) => (await bench.ask("PATCH", path, change)).body.allowed_paths;
    assertEquals(await after({ name: "x" }), ["/v1/Models", "*/chat/completions"]);
    assertEquals(await after({ allowed_paths: [] }), []);
    assertEquals(await after({ allowed_paths: null }), null);
    assertEquals(await after({ allowed_paths: ["inference", "!files"] }), ["inference", "!files"]);
    assertEquals(await after({ allowed_paths: null }), null);
    const misspelled = await bench.ask("PATCH", path, { allowed_paths: ["inferense", "!batchs"] });
    assertEquals(misspelled.body.errors.map(({ detail }: { detail: string }) => detail), [
      "is not a group; did you mean inference?",
      "is not a group; did you mean !batches?",
    ]);
    const wrong = await bench.ask("PATCH", path, { allowed_paths: ["/v1/models", "v1/files", "/a%2Fb"] });
    assertEquals(wrong.status, 400);
    assertEquals(wrong.body.errors.map(({ pointer }: Json) => pointer), [
      "#/allowed_paths/1",
      "#/allowed_paths/2",
    ]);
    assertStringIncludes(wrong.body.errors[0].detail, "does not start with /");
    const { body: { data: [entry] } } = await bench.ask("GET", "/audit");
    assertEquals(entry.changes, { allowed_paths: null });
  }));

Deno.test("conflicts: a name in use is a 409, a stale ETag a 412, and nothing changes", () =>
  ApiBench.run(async (bench) => {
    const { id } = await bench.project({ name: "home" });
    assertEquals((await bench.ask("POST", "/projects", { name: "home" })).status, 409);
    await bench.ask("PATCH", `/projects/${id}`, { name: "house" }, { "if-match": '"1"' });
    for (const etag of ['"1"', 'W/"1"', "nonsense"]) {
      const { status, headers } = await bench.ask("PATCH", `/projects/${id}`, { name: "hut" }, {
        "if-match": etag,
      });
      assertEquals([status, headers.get("etag")], [412, '"2"'], etag);
    }
    assertEquals(
      (await bench.ask("DELETE", `/projects/${id}`, undefined, { "if-match": '"7"' })).status,
      412,
    );
    assertEquals((await bench.ask("GET", `/projects/${id}`)).body.name, "house");
    assertEquals(
      (await bench.ask("PATCH", `/projects/${id}`, { name: "hut" }, { "if-match": "*" })).status,
      200,
    );
  }));

/** A wrong request, and the places its answer has to name. */
const WRONG: readonly (readonly [method: string, path: string, body: unknown, places: string[]])[] = [
  ["POST", "/projects", {}, ["#/name"]],
  ["POST", "/projects", { name: "" }, ["#/name"]],
  ["POST", "/projects", { name: "a\u0000b" }, ["#/name"]],
  ["POST", "/projects", { name: "x".repeat(101) }, ["#/name"]],
  ["POST", "/projects", { name: "x", limits: { requests_per_minute: 0, tokens_per_minute: 1.5 } }, [
    "#/limits/requests_per_minute",
    "#/limits/tokens_per_minute",
  ]],
  ["POST", "/projects", { name: "x", budget: { day_usd: -1 } }, ["#/budget/day_usd"]],
  ["POST", "/projects", { name: "x", provider_keys: { openai: "a\nb" } }, ["#/provider_keys/openai"]],
  ["POST", "/projects", { name: "x", limit: {} }, ["#/limit"]],
  ["POST", "/projects", [], []],
  ["POST", "/projects", "null", []],
  ["POST", "/tokens", { project_id: "prj_none" }, ["#/project_id"]],
  ["POST", "/tokens", { project_id: "prj_none", duration_minutes: 1, expires_at: "2027-01-01" }, ["#"]],
  ["GET", "/tokens?limit=0", undefined, ["#/query/limit"]],
  ["GET", "/tokens?cursor=x", undefined, []],
  ["GET", "/usage?group=colour", undefined, ["#/query/group"]],
  ["GET", "/usage?group=token,token", undefined, ["#/query/group"]],
  ["GET", "/usage?group=token,model,day", undefined, ["#/query/group"]],
  ["GET", "/usage?group=token,", undefined, ["#/query/group"]],
  ["GET", "/usage?group=token,model&split=day", undefined, ["#/query/split"]],
  ["GET", "/usage?from=yesterday", undefined, ["#/query/from"]],
  ["GET", "/usage?from=2026-01-02&to=2026-01-01", undefined, ["#/query/to"]],
  ["GET", "/usage?group_by=token", undefined, ["#/query/group_by"]],
  ["POST", "/projects", { name: "x", provider_keys: { openai: "e" } }, ["#/provider_keys/openai"]],
  ["POST", "/tokens", { project_id: "p", expires_at: "12" }, ["#/expires_at"]],
];
Deno.test("invalid requests: a 400 with problem details that list all places", () =>
  ApiBench.run(async (bench) => {
    for (const [method, path, body, places] of WRONG) {
      const answer = await bench.ask(method, path, body);
      assertEquals([answer.status, answer.body.status, answer.body.title], [400, 400, "Bad Request"], path);
      const named = (answer.body.errors ?? []).map(({ pointer }: Json) => pointer);
      assertEquals(named, places, `${method} ${path} ${JSON.stringify(body)}`);
    }
    const project = await bench.project();
    const past = { project_id: project.id, expires_at: "2020-01-01T00:00:00Z" };
    assertEquals((await bench.ask("POST", "/tokens", past)).body.errors, [{
      pointer: "#/expires_at",
      detail: "is in the past",
    }]);
    assertEquals((await bench.raw("POST", "/projects", { body: "{", headers: {} })).status, 400);
    assertEquals(
      (await bench.raw("POST", "/projects", { body: "name=x", headers: { "content-type": "text/plain" } }))
        .status,
      415,
    );
    for (
      const [method, path] of [["GET", "/projects/prj_none"], ["PATCH", "/tokens/tok_none"], [
        "DELETE",
        "/tokens/tok_none",
      ]]
    ) {
      const body = method === "PATCH" ? {} : undefined;
      assertEquals((await bench.ask(method ?? "", path ?? "", body)).status, 404);
    }
    assertEquals((await bench.raw("GET", "/nowhere")).status, 404);
  }));

Deno.test("usage: by each group, as JSON and as CSV that spreadsheets do not run", () =>
  ApiBench.run(async (bench) => {
    await bench.store.addExchanges([
      exchangeRow({ modelAnswered: '=HYPERLINK("x"),y', tokenId: "t1" }),
      exchangeRow({ costMicros: undefined }),
    ]);
    for (const group of ["model", "day", "hour", "token", "project", "endpoint", "client"]) {
      const { body } = await bench.ask("GET", `/usage?group=${group}`);
      assert(body.data.every((row: Json) => typeof row[group] === "string"), group);
    }
    const total = await bench.ask("GET", "/usage");
    assertEquals([total.body.data[0].requests, total.body.data[0].unpriced_requests], [2, 1]);
    const csv = await bench.ask("GET", "/usage?group=model&format=csv");
    const lines = csv.body.split("\r\n");
    assertEquals(lines[0].startsWith("model,requests,errors,input_tokens"), true);
    assertStringIncludes(csv.body, `"'=HYPERLINK(""x""),y",1,`);
    assertEquals((await bench.ask("GET", "/exchanges?limit=1")).body.data.length, 1);
  }));

Deno.test("usage: by two groups with a comma, as JSON and as CSV; the number of rows is limited", () =>
  ApiBench.run(async (bench) => {
    await bench.store.addExchanges([
      exchangeRow({ tokenId: "t1", modelAnswered: "a" }),
      exchangeRow({ tokenId: "t1", modelAnswered: "b", costMicros: 1 }),
      exchangeRow({ tokenId: "t2", modelAnswered: "a", costMicros: 2 }),
    ]);
    const { body } = await bench.ask("GET", "/usage?group=token,model");
    assertEquals(body.data.map((row: Json) => [row.token, row.token_name, row.model, row.requests]), [
      ["t1", null, "a", 1],
      ["t2", null, "a", 1],
      ["t1", null, "b", 1],
    ]);
    assertEquals((await bench.ask("GET", "/usage?group=token&split=model")).body, body);
    const csv = await bench.ask("GET", "/usage?group=token,model&format=csv");
    assertEquals(csv.headers.get("content-disposition"), 'attachment; filename="usage-token-model.csv"');
    assertEquals(csv.body.split("\r\n")[1].startsWith("t1,,a,1,"), true, csv.body);
    await bench.store.addExchanges(
      Array.from({ length: 20_001 }, (_, index) => exchangeRow({ modelAnswered: `m${index}` })),
    );
    const tooMany = await bench.ask("GET", "/usage?group=token,model");
    assertEquals([tooMany.status, tooMany.body.detail], [
      422,
      "There are more than 20000 sums: request a shorter time or fewer groups.",
    ]);
    assertEquals((await bench.ask("GET", "/usage?group=token")).body.data.length, 3);
  }));

Deno.test("health and endpoints work without a running proxy; live does not", () =>
  ApiBench.run(async (bench) => {
    assertEquals((await bench.ask("GET", "/health")).body.status, "ok");
    assertEquals((await bench.ask("GET", "/endpoints")).body.data, []);
    assertEquals((await bench.ask("GET", "/exchanges/live")).status, 503);
    bench.store.close();
    assertEquals((await bench.ask("GET", "/health")).body.status, "degraded");
    assertEquals((await bench.ask("GET", "/projects")).status, 503);
  }));
