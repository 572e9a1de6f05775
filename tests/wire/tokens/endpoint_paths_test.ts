/**
 * What an endpoint allows: the Ollama client can use models, and no spelling of a closed path gets through.
 */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { createServer } from "node:http";
import { Ollama } from "ollama";
import Router from "router";
import { defaultPathsOf } from "../../../src/config/values/path_rules.ts";
import { PRESETS } from "../../../src/config/values/presets.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { PATH_SPELLINGS } from "../../support/data/path_spellings.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { startNginx } from "../../support/processes/nginx.ts";
import { freePort } from "../../support/processes/port.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { unless, without } from "../../support/runner/left_out.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const LOCAL = defaultPathsOf(PRESETS.ollama, []);
const HOSTED = defaultPathsOf(PRESETS.openai, ["https://api.openai.com"]);

function proxyTo(origin: string, paths: readonly string[], path = ""): LocalProxy {
  const backends = [testBackend(origin, { path, key: { mode: "none" } })];
  return new LocalProxy({ origin }, { endpoints: [testEndpoint("there", backends, { paths })] });
}

/** A server with Ollama's API, which answers every request as if it had one model. */
function ollamaServer(): FakeUpstream {
  const answers: Readonly<Record<string, unknown>> = {
    "/api/chat": { model: "m", message: { role: "assistant", content: "hello" }, done: true },
    "/api/generate": { model: "m", response: "hello", done: true },
    "/api/embed": { model: "m", embeddings: [[1, 2]] },
    "/api/embeddings": { embedding: [1, 2] },
    "/api/show": { details: { family: "llama" } },
    "/api/tags": { models: [{ name: "m" }] },
    "/api/ps": { models: [{ name: "m" }] },
    "/api/version": { version: "0.12.0" },
  };
  return new FakeUpstream({
    script: async (exchange) => {
      for await (const _ of exchange.body());
      const answer = JSON.stringify(answers[exchange.request.target] ?? { status: "success" });
      await exchange.write(plainAnswer(answer, { headers: "Content-Type: application/json\r\n" }));
    },
  });
}

function ollamaClient(proxy: LocalProxy): Ollama {
  return new Ollama({
    host: `${proxy.url}/there`,
    headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
  });
}

Deno.test("paths of an endpoint: the Ollama client uses models, and cannot change them by default", async () => {
  await using upstream = ollamaServer();
  await using proxy = proxyTo(upstream.origin, LOCAL);
  const client = ollamaClient(proxy);
  const messages = [{ role: "user", content: "hi" }];
  assertEquals((await client.chat({ model: "m", messages })).message.content, "hello");
  assertEquals((await client.generate({ model: "m", prompt: "hi" })).response, "hello");
  assertEquals((await client.embed({ model: "m", input: "hi" })).embeddings, [[1, 2]]);
  assertEquals((await client.embeddings({ model: "m", prompt: "hi" })).embedding, [1, 2]);
  assertEquals((await client.show({ model: "m" })).details.family, "llama");
  assertEquals((await client.list()).models.length, 1);
  assertEquals((await client.ps()).models.length, 1);
  assertEquals((await client.version()).version, "0.12.0");
  // The command line of Ollama sends this before each command.
  const { status } = await rawRequest(proxy.url, [
    "HEAD /there/ HTTP/1.1",
    `Authorization: Bearer ${SECRETS.proxyToken}`,
  ]);
  assertEquals(status, 200);
  const before = upstream.requests.length;
  const changes = [
    () => client.delete({ model: "m" }),
    () => client.pull({ model: "m" }),
    () => client.push({ model: "m" }),
    () => client.copy({ source: "m", destination: "n" }),
    () => client.create({ model: "n", from: "m" }),
  ];
  for (const change of changes) {
    const error = await assertRejects(async () => await change(), Error);
    assertEquals("status_code" in error && error.status_code, 403, `${change}`);
    // The client shows the message of the proxy.
    assertMatch(error.message, /^The endpoint there does not allow /);
  }
  assertEquals(upstream.requests.length, before, "the server gets none of them");
});

Deno.test({
  name: "paths of an endpoint: a named group opens them again",
  // The client leaves the body of the response to a deletion unread.
  sanitizeResources: false,
  async fn() {
    await using upstream = ollamaServer();
    await using proxy = proxyTo(upstream.origin, [...LOCAL, "model_management"]);
    const client = ollamaClient(proxy);
    assertEquals((await client.pull({ model: "m" })).status, "success");
    assertEquals((await client.delete({ model: "m" })).status, "success");
    assertEquals(upstream.requests.map(({ method, target }) => `${method} ${target}`), [
      "POST /api/pull",
      "DELETE /api/delete",
    ]);
  },
});

Deno.test("paths of an endpoint: the refusal names the group and the setting", async () => {
  await using upstream = ollamaServer();
  await using proxy = proxyTo(upstream.origin, LOCAL);
  const answer = await rawRequest(proxy.url, [
    "DELETE /there/api/delete HTTP/1.1",
    `Authorization: Bearer ${SECRETS.proxyToken}`,
  ]);
  assertEquals([answer.status, answer.header("x-llm-proxy-error")], [403, "forbidden"]);
  assertEquals(
    JSON.parse(answer.text).error,
    'The endpoint there does not allow DELETE "/api/delete", which belongs to the group model_management. It allows ' +
      'inference, models (endpoints.there.paths). To allow the group, add "model_management" to endpoints.there.paths.',
  );
});

Deno.test("paths of an endpoint: headers and parameters that name another method or path open nothing", async () => {
  await using upstream = ollamaServer();
  await using local = proxyTo(upstream.origin, LOCAL);
  await using hosted = proxyTo(upstream.origin, HOSTED, "/v1");
  const status = async (proxy: LocalProxy, target: string, ...lines: string[]) => {
    const head = [`GET /there${target} HTTP/1.1`, `Authorization: Bearer ${SECRETS.proxyToken}`, ...lines];
    return (await rawRequest(proxy.url, head)).status;
  };
  // An endpoint remembers what it allowed. These requests are not the same ones.
  assertEquals(await status(local, "/v1/models/m"), 200);
  assertEquals(await status(local, "/api/tags"), 200);
  assertEquals(await status(hosted, "/models"), 200);
  for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method"]) {
    assertEquals(await status(local, "/v1/models/m", `${name}: DELETE`), 403, name);
  }
  assertEquals(await status(local, "/v1/models/m?_method=delete"), 403);
  assertEquals(await status(local, "/v1/models/m?%24httpMethod=DELETE"), 403);
  for (const name of ["X-Original-URL", "X-Rewrite-URL"]) {
    for (const path of ["/api/delete", "http://x/api/%64elete?a", "api/delete", "//api//delete/"]) {
      assertEquals(await status(local, "/api/tags", `${name}: ${path}`), 403, `${name}: ${path}`);
    }
    assertEquals(await status(hosted, "/models", `${name}: /v1/organization/users`), 403, name);
  }
  assertEquals(upstream.requests.length, 3);
  assertEquals(await status(hosted, "/models", "X-Original-URL: https://proxy.test/openai/v1/models"), 200);
  assertEquals(await status(local, "/api/tags", "X-Original-URL: /api/tags"), 200);
});

Deno.test("paths of an endpoint: the path of the base URL opens nothing, and closes no inference", async () => {
  await using upstream = ollamaServer();
  const closed = ["!admin", "!model_management"];
  await using api = proxyTo(upstream.origin, closed, "/api");
  await using organization = proxyTo(upstream.origin, closed, "/v1/organization");
  await using groq = proxyTo(upstream.origin, closed, "/openai/v1");
  const status = async (proxy: LocalProxy, target: string) => {
    const head = [
      `POST /there${target} HTTP/1.1`,
      `Authorization: Bearer ${SECRETS.proxyToken}`,
      "Content-Length: 2",
    ];
    return (await rawRequest(proxy.url, head, "{}")).status;
  };
  for (const target of ["/pull", "/api/pull", "/api/api/pull", "//pull", "/%70ull"]) {
    assertEquals(await status(api, target), 403, target);
  }
  for (const target of ["/users", "/v1/organization/users"]) {
    assertEquals(await status(organization, target), 403, target);
  }
  assertEquals(upstream.requests.length, 0);
  assertEquals(await status(api, "/chat"), 200);
  assertEquals(await status(api, "/api/chat"), 200);
  for (const target of ["/chat/completions", "/v1/chat/completions", "/openai/v1/chat/completions"]) {
    assertEquals(await status(groq, target), 200, target);
  }
});

/** A server that answers `closed` where its own reading of a path is a closed one, and `open` elsewhere. */
interface Reading extends AsyncDisposable {
  readonly origin: string;
}

const CLOSED = ["/api/delete", "/v1/organization/users"];

/** The router of Express, which compares paths without regard to capitals. */
async function expressServer(): Promise<Reading> {
  const router = Router();
  for (const path of CLOSED) router.use(path, (_request, response) => response.end("closed"));
  const server = createServer((request, response) => router(request, response, () => response.end("open")));
  const started = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => started.resolve());
  await started.promise;
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function honoServer(): Reading {
  const app = new Hono({ strict: false });
  for (const path of CLOSED) app.all(path, (context) => context.text("closed"));
  app.notFound((context) => context.text("open"));
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Two of nginx's servers in a row. The first forwards the path that it decoded, so that both decode it. */
async function nginxServers(): Promise<Reading> {
  const [first, second] = [freePort(), freePort()];
  const closed = CLOSED.map((path) => `location ~* ^${path}/?$ { return 200 closed; }`).join("\n");
  const nginx = await startNginx({
    port: first,
    servers: () =>
      `server {
    listen 127.0.0.1:${first};
    ${closed}
    location / { proxy_pass http://127.0.0.1:${second}$uri; }
  }
  server {
    listen 127.0.0.1:${second};
    ${closed}
    location / { return 200 open; }
  }`,
  });
  return {
    origin: `http://127.0.0.1:${first}`,
    [Symbol.asyncDispose]: () => Promise.resolve(nginx[Symbol.asyncDispose]()),
  };
}

for (
  const [name, start, ignored] of [
    ["Express", expressServer, undefined],
    ["Hono", honoServer, undefined],
    ["two nginx in a row", nginxServers, without("nginx")],
  ] as const
) {
  Deno.test({
    ...unless(ignored, `paths of an endpoint: no spelling reaches a closed path of ${name}`),
    async fn() {
      await using server = await start();
      await using local = proxyTo(server.origin, LOCAL);
      await using hosted = proxyTo(server.origin, ["!admin", "!model_management"]);
      const reached: string[] = [];
      const read: string[] = [];
      for (const path of CLOSED) {
        for (const [spelling, spell] of Object.entries(PATH_SPELLINGS)) {
          const direct = await rawRequest(server.origin, [`GET ${spell(path)} HTTP/1.1`]);
          if (direct.text.includes("closed")) read.push(spelling);
          for (const proxy of [local, hosted]) {
            const { text } = await rawRequest(proxy.url, [
              `GET /there${spell(path)} HTTP/1.1`,
              `Authorization: Bearer ${SECRETS.proxyToken}`,
            ]);
            if (text.includes("closed")) reached.push(`${spelling}: ${spell(path)}`);
          }
        }
      }
      assertEquals(reached, []);
      // The server itself takes other spellings for the closed paths too.
      assertStringIncludes(read.join(), "as it is");
      assert(new Set(read).size >= 3, read.join());
    },
  });
}
