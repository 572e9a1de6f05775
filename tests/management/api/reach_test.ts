/** People of each role try what belongs to others, on every route, over HTTP. */

import { assert, assertEquals } from "@std/assert";
import { hashOf } from "../../../src/auth/token_value.ts";
import { ROUTES } from "../../../src/management/api/manage.ts";
import { type Actor, BOOTSTRAP, scopeOf } from "../../../src/people/actor.ts";
import { type Role, ROLES } from "../../../src/people/role.ts";
import { isWithin } from "../../../src/people/scope.ts";
import type { Store } from "../../../src/storage/store.ts";
import { auditRow } from "../../support/data/rows.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { until, within } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { managementTokenRow, passkeyRow, personRow, sessionRow } from "../../storage/people_contract.ts";

/** Texts that others own: no response for another role may contain them. */
const SECRET_NAMES = ["Colleague", "of the colleague", "of the others", "theirs"];

interface OwnedToken {
  readonly id: string;
  readonly value: string;
  readonly projectId: string;
  readonly ownerId: string | undefined;
}

class ReachBench implements AsyncDisposable {
  readonly proxy: ManagedProxy;
  readonly store: Store;
  readonly #upstream: FakeUpstream;
  mine = "";
  theirs = "";
  /** By a short name. */
  readonly tokens: Record<string, OwnedToken> = {};

  private constructor(proxy: ManagedProxy, { store, upstream }: { store: Store; upstream: FakeUpstream }) {
    this.proxy = proxy;
    this.#upstream = upstream;
    this.store = store;
  }

  /** Two projects, a person of each role in the first one, and a colleague in both. */
  static async start(): Promise<ReachBench> {
    const upstream = new FakeUpstream();
    const proxy = await ManagedProxy.start(upstream);
    const store = await proxy.otherStore();
    const bench = new ReachBench(proxy, { store, upstream });
    bench.mine = (await proxy.api("POST", "/projects", { name: "mine" })).body.id;
    bench.theirs = (await proxy.api("POST", "/projects", { name: "theirs" })).body.id;
    const people = [
      ...ROLES.map((role) =>
        personRow(`usr_${role}`, {
          role,
          projects: role === "admin" ? "all" : [bench.mine],
          name: `The ${role}`,
        })
      ),
      personRow("usr_colleague", { name: "Colleague", projects: [bench.mine, bench.theirs] }),
    ];
    for (const person of people) {
      await store.addPerson(person, auditRow("person.create", person.id));
      const now = Date.now();
      const at = { createdAt: now, usedAt: now, provenAt: now };
      await store.addSession(
        sessionRow(`ses_${person.id}`, person.id, { hash: hashOf(`cookie of ${person.id}`), ...at }),
      );
      const passkey = passkeyRow(`pky_${person.id}`, person.id);
      const challenge = { challenge: person.id, expiresAt: now };
      await store.addPasskey(passkey, challenge, auditRow("passkey.add", passkey.id));
    }
    const audit = auditRow("management_token.create", "mgt_1");
    await store.addManagementToken(
      managementTokenRow("mgt_1", { role: "viewer", projects: [bench.mine] }),
      audit,
    );
    const owned = [
      ["own", bench.mine, "usr_member", "of the member"],
      ["colleague", bench.mine, "usr_colleague", "of the colleague"],
      ["shared", bench.mine, undefined, "nobody's own"],
      ["others", bench.theirs, "usr_colleague", "of the others"],
    ] as const;
    for (const [key, projectId, ownerId, name] of owned) {
      const made = await proxy.api("POST", "/tokens", { project_id: projectId, owner_id: ownerId, name });
      assertEquals(made.status, 201, JSON.stringify(made.body));
      bench.tokens[key] = { id: made.body.id, value: made.body.token, projectId, ownerId };
      await (await proxy.chat(made.body.token)).text();
    }
    return bench;
  }

  /** Asks as a person on the admin page. */
  async ask(
    role: Role,
    method: string,
    path: string,
    { body, accept = "application/json" }: { body?: unknown; accept?: string } = {},
  ): Promise<Response> {
    const { port } = new URL(this.proxy.url);
    return await fetch(`${this.proxy.url}/admin${path}`, {
      method,
      redirect: "manual",
      headers: {
        origin: this.proxy.url,
        cookie: `llm_proxy_session_${port}=${encodeURIComponent(`cookie of usr_${role}`)}`,
        accept,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** What the database has of others and of oneself. */
  async state(): Promise<unknown> {
    const all = { limit: 100, before: undefined };
    return {
      projects: (await this.store.listProjects({ ...all, activeOnly: false })).items,
      tokens: (await this.store.listTokens({ ...all, projectId: undefined, activeAt: undefined })).items.map(
        ({ lastUsedAt: _, requestCount: _count, ...token }) => token,
      ),
      people: (await this.store.listPeople(all)).items,
      sessions: (await this.store.listSessions({ ...all, personId: undefined, usedSince: 0 })).items.map(
        ({ session }) => session.id,
      ),
      passkeys: (await this.store.listPasskeys({ ...all, personId: undefined })).items,
      managementTokens: (await this.store.listManagementTokens({ ...all, personId: undefined })).items.map(
        ({ token: { lastUsedAt: _, ...token } }) => token,
      ),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    await this.proxy[Symbol.asyncDispose]();
    await this.#upstream[Symbol.asyncDispose]();
  }
}

/** Bodies that are valid where an empty one is not, by the path. */
const BODIES: Readonly<Record<string, unknown>> = { "/passkeys/{id}": { name: "mine now" } };

const actorOf = (role: Role, projects: readonly string[]): Actor => ({
  ...BOOTSTRAP,
  kind: "person",
  id: `usr_${role}`,
  role,
  projects: role === "admin" ? "all" : projects,
});

Deno.test("reach: the id of another is the same answer as an id that nobody has, on every route with an id", async () => {
  await using bench = await ReachBench.start();
  const before = await bench.state();
  let tried = 0;
  for (const role of ["manager", "member", "viewer"] as const) {
    const actor = actorOf(role, [bench.mine]);
    for (const { method, path, access } of ROUTES.filter(({ path }) => path.includes("{id}"))) {
      const scope = scopeOf(actor, access);
      /** The answers to ids of each kind that do not exist. */
      const unknowns = new Map<string, string>();
      const ids = [
        bench.theirs,
        ...(access[role] === "denied" ? [bench.mine] : []),
        ...Object.values(bench.tokens)
          .filter((token) => scope === undefined || !isWithin(scope, token)).map(({ id }) => id),
        ...["usr_colleague", "ses_usr_colleague", "ses_usr_admin", "pky_usr_admin", "mgt_1", "openai"],
      ];
      for (const id of ids) {
        const answerTo = async (one: string): Promise<string> => {
          const asked = path.replace("{id}", one);
          const body = method === "get" || method === "delete" ? {} : { body: BODIES[path] ?? {} };
          const response = await bench.ask(role, method.toUpperCase(), `/api${asked}`, body);
          tried++;
          return `${response.status} ${(await response.text()).replaceAll(one, "ID")}`;
        };
        const unknown = `${id.slice(0, 4)}${"0".repeat(24)}`;
        const answer = await answerTo(id);
        const what = `${role} ${method} ${path} ${id}`;
        const toUnknown = unknowns.get(unknown) ?? await answerTo(unknown);
        unknowns.set(unknown, toUnknown);
        assertEquals(answer, toUnknown, what);
        assert(/^(?:403|404) /.test(answer), `${what}: ${answer}`);
      }
    }
  }
  assert(tried > 500, String(tried));
  assertEquals(await bench.state(), before);
});

Deno.test("reach: lists, sums, files and documents have nothing of others", async () => {
  await using bench = await ReachBench.start();
  const others: Record<"manager" | "member" | "viewer", readonly string[]> = {
    manager: [
      bench.theirs,
      bench.tokens["others"]?.id ?? "",
      "of the others",
      "theirs",
      "mgt_1",
      "ses_usr_admin",
      "pky_usr_admin",
    ],
    member: [
      ...SECRET_NAMES,
      bench.theirs,
      ...["colleague", "shared", "others"].map((key) => bench.tokens[key]?.id ?? ""),
      ...[
        "nobody's own",
        "usr_colleague",
        "usr_manager",
        "The manager",
        "mgt_1",
        "ses_usr_manager",
        "pky_usr_manager",
      ],
    ],
    viewer: [
      bench.theirs,
      bench.tokens["others"]?.id ?? "",
      "of the others",
      "theirs",
      "mgt_1",
      "ses_usr_admin",
      "pky_usr_admin",
    ],
  };
  const filters = [
    `project_id=${bench.theirs}`,
    `token_id=${bench.tokens["others"]?.id}`,
    `token_id=${bench.tokens["colleague"]?.id}`,
    "person_id=usr_colleague",
  ];
  const groups = ["model", "token", "project", "person", "token,person", "hour"];
  for (const [role, secrets] of Object.entries(others) as [Role, readonly string[]][]) {
    const paths = ROUTES.filter(({ method, path }) => method === "get" && !/\{id\}|live/.test(path)).map(
      ({ path }) => path,
    );
    const asked = [
      ...paths,
      "/openapi.json",
      ...filters.flatMap((
        filter,
      ) => [`/usage?${filter}`, `/usage?group=token&${filter}`, `/exchanges?${filter}`]),
      ...groups.flatMap((group) => [`/usage?group=${group}`, `/usage?format=csv&group=${group}`]),
      `/tokens?project_id=${bench.theirs}`,
      "/tokens?owner_id=usr_colleague",
    ];
    for (const path of asked) {
      const response = await bench.ask(role, "GET", `/api${path}`);
      const text = await response.text();
      assert([200, 403].includes(response.status), `${role} ${path}: ${response.status} ${text}`);
      const seen = secrets.filter((secret) => text.includes(secret));
      assertEquals(seen, [], `${role} ${path}`);
    }
    // The session of the admin page does not open what needs a token.
    for (const path of ["/manage/tokens", "/metrics"]) {
      const response = await fetch(`${bench.proxy.url}${path}`, { headers: { authorization: "Bearer x" } });
      assertEquals([response.status, (await response.text()).includes("theirs")], [401, false]);
    }
    const backup = await bench.ask(role, "POST", "/api/backup");
    assertEquals(backup.status, 403, await backup.text());
    const docs = await bench.ask(role, "GET", "/docs");
    assertEquals([docs.status, (await docs.text()).includes("theirs")], [200, false]);
  }
});

Deno.test("reach: a sum has the usage of one's own projects or tokens alone", async () => {
  await using bench = await ReachBench.start();
  const requests = async (role: Role, query = "") => {
    const response = await bench.ask(role, "GET", `/api/usage${query}`);
    return (await response.json()).data[0]?.requests ?? 0;
  };
  const counted = async (query?: string) => await Promise.all(ROLES.map((role) => requests(role, query)));
  assertEquals(await counted(), [4, 3, 1, 3]);
  assertEquals(await counted(`?project_id=${bench.theirs}`), [1, 0, 0, 0]);
  assertEquals(await counted(`?token_id=${bench.tokens["colleague"]?.id}`), [1, 1, 0, 1]);
  assertEquals(await counted("?person_id=usr_colleague"), [2, 1, 0, 1]);
});

Deno.test("reach: the live stream has the requests of one's own projects or tokens alone", async () => {
  await using bench = await ReachBench.start();
  const seen: Record<string, Set<string>> = {};
  const readers = await Promise.all(ROLES.map(async (role) => {
    const options = { accept: "text/event-stream" };
    const response = await bench.ask(role, "GET", "/api/exchanges/live", options);
    assertEquals(response.status, 200);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const ids = seen[role] = new Set();
    let text = "";
    const read = (async () => {
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        text += part.value;
        for (const [, id = ""] of text.matchAll(/"token_id":"(tok_\w+)"/g)) ids.add(id);
        if (role === "member") assert(!text.includes('"backend"'), text);
      }
    })();
    await until(() => text !== "", "the first event");
    return { reader, read };
  }));
  const { own, colleague, shared, others } = bench.tokens;
  for (const token of [others, shared, colleague, own]) {
    await (await bench.proxy.chat(token?.value ?? "")).text();
  }
  await until(() => Object.values(seen).every((ids) => ids.has(own?.id ?? "")), "the last request");
  const ids = (...tokens: (OwnedToken | undefined)[]) => new Set(tokens.map((token) => token?.id ?? ""));
  assertEquals(seen, {
    admin: ids(others, shared, colleague, own),
    manager: ids(shared, colleague, own),
    member: ids(own),
    viewer: ids(shared, colleague, own),
  });
  // The end of a membership ends the stream of the person.
  for (const { reader, read } of readers) {
    await reader?.cancel();
    await within(read, "the end of a stream");
  }
});

Deno.test("reach: a member makes and changes tokens of their own alone, and cannot lift what others set", async () => {
  await using bench = await ReachBench.start();
  const make = async (role: Role, body: Record<string, unknown>) => {
    const response = await bench.ask(role, "POST", "/api/tokens", { body });
    const { token: _, ...made } = await response.json();
    return { status: response.status, ...made };
  };
  const own = await make("member", { project_id: bench.mine, name: "second" });
  assertEquals([own.status, own.owner_id], [201, "usr_member"]);
  assertEquals((await make("member", { project_id: bench.theirs })).status, 400);
  assertEquals((await make("member", { project_id: bench.mine, owner_id: "usr_colleague" })).status, 400);
  assertEquals((await make("viewer", { project_id: bench.mine })).status, 403);
  assertEquals((await make("manager", { project_id: bench.theirs })).status, 400);
  assertEquals((await make("manager", { project_id: bench.mine, owner_id: "usr_nobody" })).status, 400);
  const given = await make("manager", {
    project_id: bench.mine,
    owner_id: "usr_member",
    name: "given",
    max_requests: 3,
  });
  assertEquals([given.status, given.owner_id], [201, "usr_member"]);
  const change = async (role: Role, body: unknown) => {
    const response = await bench.ask(role, "PATCH", `/api/tokens/${given.id}`, { body });
    await response.body?.cancel();
    return response.status;
  };
  for (const body of [{ max_requests: null }, { max_requests: 9 }, { expires_at: null }, { limits: null }]) {
    assertEquals(await change("member", body), 403, JSON.stringify(body));
  }
  assertEquals(await change("manager", { active: false }), 200);
  assertEquals(await change("member", { active: true }), 403, "a manager switched it off");
  assertEquals(await change("member", { name: "renamed" }), 200);
  const rotated = await bench.ask("member", "POST", `/api/tokens/${given.id}/rotate`, { body: {} });
  assertEquals([rotated.status, (await rotated.json()).max_requests], [200, 3]);
});

Deno.test("reach: the tokens of a person who is disabled or loses the project are rejected by the next request", async () => {
  await using bench = await ReachBench.start();
  const status = async (key: string) => {
    const response = await bench.proxy.chat(bench.tokens[key]?.value ?? "");
    await response.body?.cancel();
    return response.status;
  };
  const change = async (body: unknown) => {
    const { status } = await bench.proxy.api("PATCH", "/people/usr_colleague", body);
    assertEquals(status, 200);
  };
  assertEquals([await status("colleague"), await status("others")], [200, 200]);
  await change({ projects: [bench.theirs] });
  assertEquals([await status("colleague"), await status("others")], [401, 200]);
  const { status: activated } = await bench.proxy.api("PATCH", `/tokens/${bench.tokens["colleague"]?.id}`, {
    active: true,
  });
  assertEquals(activated, 409);
  await change({ disabled: true });
  assertEquals(await status("others"), 401);
  await change({ disabled: false });
  assertEquals([await status("colleague"), await status("others")], [401, 200]);
  assertEquals((await bench.proxy.api("DELETE", "/people/usr_colleague")).status, 204);
  assertEquals([await status("others"), await status("own")], [401, 200]);
});
