/** Stored objects stay with the backend and the key that made them. */

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import OpenAI, { toFile } from "openai";
import type { Endpoint } from "../../../src/config/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { until } from "../../support/time/deadline.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { StoringUpstream } from "../../support/upstreams/storing_upstream.ts";

const KEYS = [SECRETS.openaiKey, SECRETS.anthropicKey, SECRETS.projectKey];

/** Three keys of one provider, each with its own objects. */
function pool(origin: string, options: Partial<Endpoint> = {}): Endpoint {
  const backends = KEYS.map((value, index) =>
    testBackend(origin, { name: `key${index}`, key: { mode: "inject", value } })
  );
  return testEndpoint("openai", backends, { strategy: "round_robin", ...options });
}

const client = (url: string, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 });

/** Makes an object of each kind, and uses it again and again while the strategy turns. */
async function useObjects(openai: OpenAI): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    const file = await openai.files.create({
      file: await toFile(new Blob(["x"]), "a"),
      purpose: "assistants",
    });
    await openai.models.list();
    assertEquals((await openai.files.retrieve(file.id)).id, file.id);
    const batch = await openai.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/responses",
      completion_window: "24h",
    });
    assertEquals((await openai.batches.retrieve(batch.id)).id, batch.id);
    let response = await openai.responses.create({ model: "m", input: "x" });
    for (let step = 0; step < 3; step++) {
      response = await openai.responses.create({ model: "m", input: "x", previous_response_id: response.id });
      assertEquals((await openai.responses.retrieve(response.id)).id, response.id);
    }
    const store = await openai.vectorStores.create({ file_ids: [file.id] });
    await openai.responses.create({
      model: "m",
      input: "x",
      tools: [{ type: "file_search", vector_store_ids: [store.id] }],
    });
    const thread = await openai.beta.threads.create();
    await openai.beta.threads.messages.list(thread.id);
    await openai.files.delete(file.id);
  }
}

for (const strategy of ["round_robin", "weighted", "least_busy", "failover"] as const) {
  Deno.test(`objects stay with their key under the strategy ${strategy}, without the management plane`, async () => {
    await using upstream = new StoringUpstream();
    await using proxy = new LocalProxy(upstream, {
      endpoints: [pool(upstream.origin, { strategy })],
      auth: { mode: "token", tokens: [{ name: "shared", token: SECRETS.proxyToken }] },
    });
    await useObjects(client(proxy.url, SECRETS.proxyToken));
  });
}

Deno.test("objects stay with their key for managed tokens, also in another process and after a restart", async () => {
  await using upstream = new StoringUpstream();
  const endpoints = [pool(upstream.origin)];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const [anna, ben] = [await proxy.token({ name: "anna" }), await proxy.token({ name: "ben" })];
  await useObjects(client(proxy.url, anna.value));
  const made = await client(proxy.url, anna.value).files.create({
    file: await toFile(new Blob(["x"]), "a"),
    purpose: "assistants",
  });
  // The first process writes the maker a moment after its response.
  using database = new DatabaseSync(proxy.databaseFile, { readOnly: true });
  const written = database.prepare("SELECT count(*) AS count FROM made_objects WHERE object_id = ?");
  await until(() => written.get(made.id.toLowerCase())?.["count"] === 1, "the maker in the database");
  for (let start = 0; start < 2; start++) {
    await using other = await ManagedProxy.start(upstream, {
      endpoints,
      management: { databaseUrl: proxy.databaseUrl },
    });
    for (let turn = 0; turn < 3; turn++) {
      assertEquals((await client(other.url, anna.value).files.retrieve(made.id)).id, made.id);
      const foreign = await client(other.url, ben.value).files.retrieve(made.id).catch((error) =>
        error.status
      );
      assertEquals(foreign, 404);
    }
  }
});

Deno.test("objects: a request goes by the strategy if the backend of its object is no longer configured", async () => {
  await using upstream = new StoringUpstream();
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [pool(upstream.origin)] });
  const anna = await proxy.token({ name: "anna" });
  const openai = client(proxy.url, anna.value);
  const made = await openai.responses.create({ model: "m", input: "x" });
  const { backends } = pool(upstream.origin);
  const rest = backends.filter(({ name }) => name !== "key0");
  proxy.proxy.configure({
    ...proxy.proxy.config,
    endpoints: [testEndpoint("openai", rest, { strategy: "round_robin" })],
  });
  const status = await openai.responses.retrieve(made.id).catch((error) => error.status);
  assertEquals(
    [status, upstream.asked.at(-1)],
    [404, `GET /v1/responses/${made.id}`],
    "the provider's own answer",
  );
});
