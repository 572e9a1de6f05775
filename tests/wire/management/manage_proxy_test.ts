/** What the management API says of the proxy around it, held against its own document. */

import { Ajv2020 } from "ajv/2020";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { removeStaleBackups } from "../../../src/storage/backup_stream.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { DEFAULT_BACKEND_SETTINGS } from "../../../src/config/values/defaults.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { within } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { exchangeRow } from "../../support/data/rows.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** The answer's body, once it is what the document says. */
// Whatever it says; tests look at what they know.
// deno-lint-ignore no-explicit-any
async function ask(proxy: ManagedProxy, method: string, path: string, body?: unknown): Promise<any> {
  const answer = await proxy.api(method, path, body);
  const { body: document } = await proxy.api("GET", "/openapi.json");
  const template = path.replace(/\?.*/, "").replace(/\/endpoints\/[^/]+/, "/endpoints/{id}");
  const content = document.paths[`/manage${template}`][method.toLowerCase()].responses["200"].content;
  assertEquals(answer.status, 200, JSON.stringify(answer.body));
  const validate = new Ajv2020({ strict: false }).compile(content["application/json"].schema);
  assert(validate(answer.body), JSON.stringify(validate.errors));
  return answer.body;
}

Deno.test("/manage/endpoints: the configuration without its secrets", async () => {
  await using upstream = new FakeUpstream();
  const backend = testBackend(upstream.origin, {
    key: { mode: "inject", value: SECRETS.openaiKey },
    headers: [["x-team", SECRETS.clientKey]],
    model: { byName: new Map([["a", "b"]]), otherwise: undefined },
    connection: {
      ...DEFAULT_BACKEND_SETTINGS.connection,
      proxy: {
        scheme: "http",
        hostname: "proxy.lan",
        port: 3128,
        login: { user: "u", password: SECRETS.projectKey },
      },
    },
  });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [testEndpoint("openai", [backend])] });
  const { data: [endpoint] } = await ask(proxy, "GET", "/endpoints");
  assertEquals([endpoint.name, endpoint.default, endpoint.provider], ["openai", true, "openai"]);
  const [shown] = endpoint.backends;
  assertEquals([shown.key, shown.headers, shown.models], ["inject", ["x-team"], { a: "b" }]);
  assertEquals(shown.proxy, "http://[redacted]@proxy.lan:3128");
});

Deno.test("/manage/endpoints/{name}/try: asks the backends for their models, with the key", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { data: [result] } = await ask(proxy, "POST", "/endpoints/openai/try");
  assertEquals([result.ok, result.key, result.models], [true, "accepted", 2]);
  assertEquals(upstream.requests.map(({ method, target }) => `${method} ${target}`), [
    "GET /openai/v1/models",
  ]);
  assertEquals((await proxy.api("POST", "/endpoints/none/try")).status, 404);
});

Deno.test("/manage/connect: the settings that `llm-proxy connect` prints", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { clients, urls } = await ask(proxy, "GET", "/connect");
  assert(clients.some(({ name }: { name: string }) => name === "codex"));
  assertEquals(urls.length, 1);
  const url = "http://192.0.2.1:33000";
  const settings = await ask(proxy, "POST", "/connect", { client: "openai-sdk", url, token: "llmp_x" });
  assertEquals(
    settings.pieces[0].text,
    `export OPENAI_BASE_URL=${url}/openai/v1\nexport OPENAI_API_KEY=llmp_x`,
  );
  const without = await ask(proxy, "POST", "/connect", { client: "claude-code", url });
  assertStringIncludes(without.pieces[0].text, "<proxy token>");
  for (
    const [body, pointer] of [
      [{ client: "nothing" }, "#/client"],
      [{ client: "curl", endpoint: "none" }, "#/endpoint"],
      [{ client: "curl", url: "javascript:alert(1)" }, "#/url"],
      [{ client: "curl", token: "a\nb" }, "#/token"],
    ] as const
  ) {
    const { status, body: problem } = await proxy.api("POST", "/connect", body);
    assertEquals([status, problem.errors?.[0]?.pointer], [400, pointer]);
  }
});

Deno.test("/manage/connect: a model to begin with at each endpoint, where one can be known", async () => {
  await using upstream = new FakeUpstream();
  const backend = testBackend(upstream.origin);
  const own = testBackend(upstream.origin, { model: { byName: new Map(), otherwise: "llama3.3" } });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [
      testEndpoint("openai", [backend]),
      testEndpoint("claude", [backend], { dialect: "anthropic" }),
      testEndpoint("chat", [own, backend]),
      testEndpoint("lab", [backend], { dialect: "generic" }),
    ],
  });
  const { models } = await ask(proxy, "GET", "/connect");
  assertEquals(models, { openai: "gpt-5.4-mini", claude: "claude-sonnet-5", chat: "llama3.3", lab: null });
  for (const endpoint of ["openai", "claude", "chat"]) {
    const { pieces } = await ask(proxy, "POST", "/connect", { client: "vercel-ai-sdk", endpoint });
    assertStringIncludes(pieces[0].text, `("${models[endpoint]}")`);
  }
});

Deno.test("/manage/qr: a picture of a text, which is not kept", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { size, path } = await ask(proxy, "POST", "/qr", { text: "http://192.0.2.1:33000/openai" });
  assert(size > 20 && size < 60);
  assertMatch(path, /^(M\d+ \d+h1v1h-1z)+$/);
  for (const text of ["", "€".repeat(1000)]) {
    assertEquals((await proxy.api("POST", "/qr", { text })).status, 400);
  }
});

Deno.test("/manage/backup: a database of its own, and nothing left of it beside the other", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  await proxy.token({ name: "anna" });
  const response = await fetch(`${proxy.url}/manage/backup`, {
    headers: { authorization: `Bearer ${SECRETS.managementToken}` },
  });
  assertMatch(response.headers.get("content-disposition") ?? "", /filename="llm-proxy-\d{4}-\d\d-\d\d\.db"/);
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, await response.bytes());
  const copy = openSqlite(file);
  const { tokens } = await copy.readAccess();
  copy.close();
  assertEquals(tokens.map(({ name }) => name), ["anna"]);
  for (const ending of ["", "-wal", "-shm"]) await Deno.remove(file + ending).catch(() => {});
  const folder = proxy.databaseFile.replace(/\/[^/]*$/, "");
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    name.includes("backup")
  );
  assertEquals(left, []);
});

Deno.test("/manage/usage: split, by the days of a time zone, and what is wrong with a question", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { data } = await ask(proxy, "GET", "/usage?group=day&split=model&time_zone=Europe/Berlin");
  assertEquals(data, []);
  await (await proxy.chat(SECRETS.proxyToken)).text();
  const begin = performance.now();
  const { data: [day] } = await ask(
    proxy,
    "GET",
    "/usage?group=day&time_zone=Europe/Berlin&from=0001-01-01T00:00:00Z&to=9999-12-31T00:00:00Z",
  );
  assertEquals(day.requests, 1);
  assert(performance.now() - begin < 2_000, "as long as there is usage, not as long as was asked");
  for (const query of ["split=model", "group=day&split=day", "group=day&time_zone=Nowhere/City"]) {
    assertEquals((await proxy.api("GET", `/usage?${query}`)).status, 400, query);
  }
});

Deno.test("/manage: a client that breaks off in its body is no error of the proxy's", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const port = Number(new URL(proxy.url).port);
  for (const rest of ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"]) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const auth = `Authorization: Bearer ${SECRETS.managementToken}`;
    const head = `POST /manage/projects HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${auth}\r\n`;
    await connection.write(new TextEncoder().encode(head + rest));
    await connection.closeWrite();
    await new Response(connection.readable).text();
  }
  await proxy.api("GET", "/health");
  assertEquals(proxy.proxy.log.filter(({ event }) => event === "unexpected"), []);
});

Deno.test("/manage/backup: does not hold up the end of the program, and what a kill left is removed", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, { server: { drainMs: 10_000 } });
  const store = await proxy.otherStore();
  await store.addExchanges(Array.from({ length: 60_000 }, () => exchangeRow()));
  const { copies } = store;
  assert(copies !== undefined);
  const left = `${copies.folder}/llm-proxy-backup-left.db`;
  await Deno.writeTextFile(left, "");
  await removeStaleBackups(copies);
  assertEquals(await Deno.stat(left).catch(() => "gone"), "gone");
  store.close();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy.url).port) });
  const auth = `Authorization: Bearer ${SECRETS.managementToken}`;
  await connection.write(
    new TextEncoder().encode(`GET /manage/backup HTTP/1.1\r\nHost: x\r\n${auth}\r\n\r\n`),
  );
  await within(connection.read(new Uint8Array(1024)), "more bytes or the end");
  // It goes on taking, too slowly for the drain deadline: one that takes nothing is what the deadline is for.
  const taking = (async () => {
    const piece = new Uint8Array(64 * 1024);
    while (await connection.read(piece) !== null) await passing(100, { why: "the client is slow" });
  })().catch(() => {});
  await proxy.proxy.drain();
  await within(taking, "the end of the backup");
  connection.close();
  assertEquals(proxy.proxy.log.filter(({ event }) => event === "drain_deadline"), []);
});
