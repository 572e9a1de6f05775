/**
 * Stored objects belong to the managed token that made them: the official SDKs, by two tokens that share a
 * key.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import type { Endpoint } from "../../../src/config/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { StoringUpstream } from "../../support/upstreams/storing_upstream.ts";

/** The SDKs fetch `data:,` before their first upload, and leave its body open. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, sanitizeResources: false });
}

const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;

function endpoints(origin: string, options: Partial<Endpoint> = {}): Endpoint[] {
  const backend = (keyField: string) => testBackend(origin, { key: KEY, keyField });
  return [
    testEndpoint("openai", [backend("authorization")], options),
    testEndpoint("anthropic", [backend("x-api-key")], { dialect: "anthropic", ...options }),
    testEndpoint("gemini", [backend("x-goog-api-key")], { dialect: "gemini", ...options }),
  ];
}

async function withTokens(
  test: (
    parts: { upstream: StoringUpstream; proxy: ManagedProxy; anna: string; ben: string; cleo: string },
  ) => Promise<void>,
  options: Partial<Endpoint> = {},
): Promise<void> {
  await using upstream = new StoringUpstream();
  await using proxy = await ManagedProxy.start(upstream, { endpoints: endpoints(upstream.origin, options) });
  const anna = await proxy.token({ name: "anna" });
  const ben = await proxy.token({ name: "ben" });
  const { body } = await proxy.api("POST", "/tokens", { project_id: anna.projectId, name: "cleo" });
  await test({ upstream, proxy, anna: anna.value, ben: ben.value, cleo: body.token });
}

const openai = (proxy: ManagedProxy, apiKey: string) =>
  new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey, maxRetries: 0 });

async function idsOf(list: AsyncIterable<{ id: string }>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of list) ids.push(id);
  return ids;
}

/** The error of a request that has to fail with a class of an SDK. */
async function rejection<Failure extends Error>(
  ask: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- the constructors of SDKs take anything
  kind: new (...args: any[]) => Failure,
  what: string,
): Promise<Failure> {
  const error: unknown = await ask().then(() => undefined, (caught) => caught);
  assert(error instanceof kind, `${what}: ${error}`);
  return error;
}

test("objects: by OpenAI's SDK, a token reads, lists, uses and deletes only its own", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const [hers, his] = [openai(proxy, anna), openai(proxy, ben)];
    const file = await hers.files.create({
      file: await toFile(new Blob(["x"]), "a.txt"),
      purpose: "assistants",
    });
    const own = await his.files.create({
      file: await toFile(new Blob(["y"]), "b.txt"),
      purpose: "assistants",
    });
    const batch = await hers.batches.create({
      input_file_id: file.id,
      endpoint: "/v1/responses",
      completion_window: "24h",
    });
    const response = await hers.responses.create({ model: "m", input: "x" });
    const store = await hers.vectorStores.create({ name: "s", file_ids: [file.id] });
    const thread = await hers.beta.threads.create();
    const conversation = await hers.conversations.create({});
    const container = await hers.containers.create({ name: "c" });
    const asked = upstream.asked.length;
    const foreign: [string, () => Promise<unknown>][] = [
      ["file", () => his.files.retrieve(file.id)],
      ["content", () => his.files.content(file.id)],
      ["deleted file", () => his.files.delete(file.id)],
      ["batch", () => his.batches.retrieve(batch.id)],
      ["cancelled batch", () => his.batches.cancel(batch.id)],
      ["response", () => his.responses.retrieve(response.id)],
      ["input items", async () => await his.responses.inputItems.list(response.id)],
      ["vector store", () => his.vectorStores.retrieve(store.id)],
      ["search", async () => await his.vectorStores.search(store.id, { query: "q" })],
      ["thread", () => his.beta.threads.retrieve(thread.id)],
      ["messages", async () => await his.beta.threads.messages.list(thread.id)],
      ["run", () => his.beta.threads.runs.create(thread.id, { assistant_id: "asst_none" })],
      ["conversation", () => his.conversations.retrieve(conversation.id)],
      ["container", () => his.containers.retrieve(container.id)],
      [
        "file in a batch",
        () =>
          his.batches.create({ input_file_id: file.id, endpoint: "/v1/responses", completion_window: "24h" }),
      ],
      ["file in a store", () => his.vectorStores.files.create(store.id, { file_id: own.id })],
      ["foreign file in a store", () => his.vectorStores.create({ file_ids: [file.id] })],
      [
        "conversation in a response",
        () => his.responses.create({ model: "m", conversation: conversation.id }),
      ],
      ["file in an input", () =>
        his.responses.create({
          model: "m",
          input: [{ role: "user", content: [{ type: "input_file", file_id: file.id }] }],
        })],
      ["store in a tool", () =>
        his.responses.create({
          model: "m",
          input: "x",
          tools: [{ type: "file_search", vector_store_ids: [store.id] }],
        })],
      ["container in a tool", () =>
        his.responses.create({
          model: "m",
          input: "x",
          tools: [{ type: "code_interpreter", container: container.id }],
        })],
      ["file in a chat", () =>
        his.chat.completions.create({
          model: "m",
          messages: [{ role: "user", content: [{ type: "file", file: { file_id: file.id } }] }],
        })],
    ];
    for (const [what, request] of foreign) {
      const error = await rejection(request, NotFoundError, what);
      assertEquals(error.headers?.get("x-llm-proxy-error"), null, what);
    }
    const previous = await assertRejects(
      () => his.responses.create({ model: "m", input: "x", previous_response_id: response.id }),
      BadRequestError,
    );
    assertEquals([previous.code, previous.message.includes(response.id)], [
      "previous_response_not_found",
      true,
    ]);
    assertEquals(upstream.asked.length, asked, "the provider was not asked");

    assertEquals(await idsOf(his.files.list()), [own.id]);
    assertEquals(await idsOf(hers.files.list()), [file.id]);
    assertEquals(await idsOf(his.batches.list()), []);
    assertEquals(await idsOf(his.vectorStores.list()), []);
    assertEquals(await idsOf(hers.vectorStores.list()), [store.id]);
    assertEquals((await his.files.retrieve(own.id)).id, own.id);
    assertEquals((await hers.files.retrieve(file.id)).id, file.id);
    assertEquals((await hers.responses.retrieve(response.id)).id, response.id);
    await hers.responses.create({ model: "m", input: "x", previous_response_id: response.id });
    await hers.beta.threads.messages.list(thread.id);
    await hers.files.delete(file.id);
  }));

test("objects: pages are read on until one has an own object, and all else in them stays byte for byte", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const [hers, his] = [openai(proxy, anna), openai(proxy, ben)];
    const upload = async (client: OpenAI) =>
      (await client.files.create({ file: await toFile(new Blob(["x"]), "a.txt"), purpose: "assistants" })).id;
    const own: string[] = [];
    own.push(await upload(his), await upload(his));
    for (let count = 0; count < 7; count++) await upload(hers);
    own.push(await upload(his));
    for (let count = 0; count < 3; count++) await upload(hers);
    assertEquals(await idsOf(his.files.list({ limit: 2 })), own.toReversed());
    const get = async (token: string, query: string) => {
      const response = await fetch(`${proxy.url}/openai/v1/files?${query}`, {
        headers: { authorization: `Bearer ${token}`, "accept-encoding": "gzip" },
      });
      return await response.text();
    };
    const whole = await (await fetch(`${upstream.origin}/v1/files?limit=20`, {
      headers: { authorization: `Bearer ${SECRETS.openaiKey}` },
    })).text();
    const elements = [...whole.matchAll(/\{"id".*?"bytes":\d+\}/gs)].map(([text]) => text);
    assertEquals(elements.length, 13);
    const expected = `{"object":"list","data":[${
      elements.filter((text) => own.some((id) => text.includes(id))).join(",")
    }],"first_id":"${own[2]}","last_id":"${own[0]}","has_more":false}`;
    assertEquals(await get(ben, "limit=20"), expected);
    const [second, first] = own.toReversed();
    assertEquals(
      JSON.parse(await get(ben, "limit=2")).data.map(({ id }: { id: string }) => id),
      [second, first],
      "the proxy reads on until the client has what it asked for",
    );
  }));

test("objects: by Anthropic's SDK", () =>
  withTokens(async ({ proxy, anna, ben }) => {
    const client = (apiKey: string) =>
      new Anthropic({ baseURL: `${proxy.url}/anthropic`, apiKey, maxRetries: 0 });
    const [hers, his] = [client(anna), client(ben)];
    const file = await hers.beta.files.upload({ file: await toFile(new Blob(["x"]), "a.txt") });
    const request = {
      requests: [{
        custom_id: "1",
        params: { model: "m", max_tokens: 5, messages: [{ role: "user" as const, content: "x" }] },
      }],
    };
    const batch = await hers.messages.batches.create(request);
    const own = await his.messages.batches.create(request);
    const foreign: [string, () => Promise<unknown>][] = [
      ["file", () => his.beta.files.retrieveMetadata(file.id)],
      ["content", () => his.beta.files.download(file.id)],
      ["deleted", () => his.beta.files.delete(file.id)],
      ["batch", () => his.messages.batches.retrieve(batch.id)],
      ["cancel", () => his.messages.batches.cancel(batch.id)],
      ["results", () => his.messages.batches.results(batch.id)],
      ["message", () =>
        his.beta.messages.create({
          model: "m",
          max_tokens: 5,
          messages: [{
            role: "user",
            content: [{ type: "document", source: { type: "file", file_id: file.id } }],
          }],
        })],
    ];
    for (const [what, ask] of foreign) await rejection(ask, Anthropic.NotFoundError, what);
    assertEquals(await idsOf(his.messages.batches.list({ limit: 1 })), [own.id]);
    assertEquals(await idsOf(hers.messages.batches.list({ limit: 1 })), [batch.id]);
    assertEquals(await idsOf(his.beta.files.list()), []);
    assertEquals((await hers.beta.files.retrieveMetadata(file.id)).id, file.id);
  }));

Deno.test("objects: by Google's names, which clients choose", () =>
  withTokens(async ({ proxy, anna, ben }) => {
    const send = async (
      token: string,
      path: string,
      { method = "GET", body }: { method?: string; body?: unknown } = {},
    ) => {
      const answer = await fetch(`${proxy.url}/gemini${path}`, {
        method,
        headers: { "x-goog-api-key": token, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: await answer.json() };
    };
    const cache = await send(anna, "/v1beta/cachedContents", { method: "POST", body: { model: "models/m" } });
    const made = await send(anna, "/upload/v1beta/files", {
      method: "POST",
      body: { file: { name: "files/report" } },
    });
    const { name, uri } = made.body.file;
    assertEquals(name, "files/report");
    const isRefused = async (path: string, init: { method?: string; body?: unknown } = {}) => {
      assertEquals((await send(ben, path, init)).status, 403, JSON.stringify([path, init]));
    };
    for (
      const path of [name, "files%2Freport", "Files/REPORT", `${name}:download?alt=media`, cache.body.name]
    ) {
      await isRefused(`/v1beta/${path}`);
      await isRefused(`/v1beta/${path}`, { method: "DELETE" });
    }
    const generate = (fileUri: string) => ({
      method: "POST",
      body: { contents: [{ role: "user", parts: [{ fileData: { fileUri, mimeType: "text/plain" } }] }] },
    });
    const model = "/v1beta/models/gemini-2.5-flash:generateContent";
    for (
      const one of [
        uri,
        name,
        `/${name}`,
        `v1beta/${name}`,
        `${uri}?alt=media`,
        "https://x//v1beta/FILES/report",
      ]
    ) {
      await isRefused(model, generate(one));
      assertEquals((await send(anna, model, generate(one))).status, 200, one);
    }
    await isRefused(model, { method: "POST", body: { cachedContent: cache.body.name } });
    // A resumable upload, at the address that the provider gives. A file that looks like JSON is no body with
    // names.
    const start = await fetch(`${proxy.url}/gemini/upload/v1beta/files`, {
      method: "POST",
      headers: {
        "x-goog-api-key": ben,
        "x-goog-upload-command": "start",
        "content-type": "application/json",
      },
      body: '{"file":{}}',
    });
    await start.text();
    const address = start.headers.get("x-goog-upload-url") ?? "";
    assert(address.startsWith(`${proxy.url}/gemini/upload/`), address);
    const finished = await fetch(address, {
      method: "POST",
      headers: { "x-goog-api-key": ben, "x-goog-upload-command": "upload, finalize" },
      body: `{"unfinished": "${name}"`,
    });
    const uploaded = (await finished.json()).file.name;
    assertEquals((await send(ben, `/v1beta/${uploaded}`)).body, { name: uploaded });
    assertEquals((await send(anna, `/v1beta/${uploaded}`)).status, 403);
    // A word of a client, and a path of a program, are no names of files.
    for (const word of ["report", "src/files/report"]) {
      assertEquals((await send(ben, model, generate(word))).status, 200, word);
    }
    assertEquals((await send(anna, "/v1beta/files")).body.files, [{ name }]);
    assertEquals((await send(ben, "/v1beta/files")).body, {
      files: [{ name: uploaded }],
      nextPageToken: "next",
    });
    assertEquals((await send(anna, `/v1beta/${name}`)).body, { name });
  }));

test("objects: those of an unknown maker are for all, or for no managed token with unknown_objects = reject", async () => {
  const before = { id: "file-BeforeTheProxyKnewOfIt12", object: "file" };
  const results = await Promise.all((["allow", "reject"] as const).map(async (unknownObjects) => {
    const found: unknown[] = [];
    await withTokens(async ({ upstream, proxy, anna, ben }) => {
      upstream.put(`Bearer ${SECRETS.openaiKey}`, "files", before);
      const [hers, his] = [openai(proxy, anna), openai(proxy, ben)];
      const own = await hers.files.create({
        file: await toFile(new Blob(["x"]), "a"),
        purpose: "assistants",
      });
      await his.files.create({ file: await toFile(new Blob(["x"]), "a"), purpose: "assistants" });
      const outcome = (ask: Promise<unknown>) => ask.then(() => "yes", (error) => error.status);
      const input = [{
        role: "user" as const,
        content: [{ type: "input_file" as const, file_id: before.id }],
      }];
      found.push(
        await outcome(hers.files.retrieve(before.id)),
        await outcome(hers.responses.create({ model: "m", input })),
        await outcome(hers.files.retrieve(own.id)),
        (await idsOf(hers.files.list())).length,
        // A path of a program and a name of a function are no objects.
        await outcome(
          hers.responses.create({ model: "m", input: "src/files/index", instructions: "run_python_code_2" }),
        ),
      );
    }, { unknownObjects });
    return found;
  }));
  assertEquals(results, [["yes", "yes", "yes", 2, "yes"], [404, 404, "yes", 1, "yes"]]);
});

test("objects: a project shares its objects, or every token does", async () => {
  for (
    const [objects, expected] of [["own", [404, 404]], ["project", ["yes", 404]], ["shared", [
      "yes",
      "yes",
    ]]] as const
  ) {
    await withTokens(async ({ proxy, anna, ben, cleo }) => {
      const file = await openai(proxy, anna).files.create({
        file: await toFile(new Blob(["x"]), "a.txt"),
        purpose: "assistants",
      });
      const outcomes = await Promise.all(
        [cleo, ben].map((token) =>
          openai(proxy, token).files.retrieve(file.id).then(() => "yes", (error) => error.status)
        ),
      );
      assertEquals(outcomes, [...expected], objects);
    }, { objects });
  }
});

test("objects: odd spellings of a foreign id, in paths, queries, bodies and forms", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const client = openai(proxy, anna);
    const file = await client.files.create({
      file: await toFile(new Blob(["x"]), "a.txt"),
      purpose: "assistants",
    });
    const response = await client.responses.create({ model: "m", input: "x" });
    const { id } = file;
    const encoded = [...id].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");
    const twice = encoded.replaceAll("%", "%25");
    const asked = upstream.asked.length;
    const send = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(proxy.url + path, {
        ...init,
        headers: { authorization: `Bearer ${ben}`, ...init.headers },
      });
      await answer.text();
      return answer.status;
    };
    const paths = [
      encoded,
      twice,
      id.toLowerCase(),
      id.toUpperCase(),
      `${id}/`,
      `/${id}`,
      `${id};v=1`,
      `${id}.`,
      `${id}%20`,
      `${id}:download`,
      `x%2F${id}`,
      `${id}?x=${"y".repeat(3000)}`,
      `${id}/content`,
      `%EF%BD%86${id.slice(1)}`,
    ];
    for (const path of paths) assertEquals(await send(`/openai/v1/files/${path}`), 404, path);
    assertEquals(await send(`/openai/v1/other/path/${id}/x`), 404, "an unknown path");
    assertEquals(await send(`/openai/v1/files?after=${id}`), 404, "a cursor");
    assertEquals(await send(`/openai/v1/files?AFTER=${encoded}`), 404, "an encoded cursor");
    const json = (body: string, headers: Record<string, string> = {}) =>
      send("/openai/v1/responses", {
        method: "POST",
        body,
        headers: { "content-type": "application/json", ...headers },
      });
    const escaped = [...id].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join(
      "",
    );
    const bodies = [
      `{"model":"m","input":"x","a":{"b":[[{"c":"${id}"}]]}}`,
      `{"model":"m","file_id":"x","file_id":"${id}"}`,
      `{"model":"m","file_id":"${id}","file_id":"x"}`,
      `{"model":"m","file_id":"${escaped}"}`,
      `{"model":"m","file_id":" ${id}\\n"}`,
      `{"model":"m","file_id":"${id.toUpperCase()}"}`,
      `{"model":"m","${id}":1}`,
      `{"model":"m","uri":"https://example.com/v1/files/${id}/content?x=1"}`,
      `{"model":"m","a":"${"z".repeat(70_000)}","b":"${id}"}`,
      JSON.stringify({ model: "m", uri: `https://example.com/${"a/".repeat(2_000)}${id}` }),
    ];
    for (const body of bodies) assertEquals(await json(body), 404, body.slice(0, 80));
    assertEquals(await json(`{"model":"m","previous_response_id":"${response.id}"}`), 400);
    assertEquals(await json(`{"model":"m","file_id":"${id}"}`, { "content-type": "text/plain" }), 400);
    assertEquals(await json(`file_id=${id}`, { "content-type": "application/x-www-form-urlencoded" }), 400);
    const utf16 = new Uint8Array(
      new Uint16Array([...`{"file_id":"${id}"}`].map((one) => one.charCodeAt(0))).buffer,
    );
    assertEquals(
      await send("/openai/v1/responses", {
        method: "POST",
        body: utf16,
        headers: { "content-type": "application/json" },
      }),
      400,
    );
    const zipped = await new Response(
      new Blob([`{"file_id":"${id}"}`]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    assertEquals(
      await send("/openai/v1/responses", {
        method: "POST",
        body: zipped as BodyInit,
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
      }),
      404,
    );
    const form = (fields: [string, string | File][]) => {
      const body = new FormData();
      for (const [name, value] of fields) body.append(name, value);
      return body;
    };
    const line = (text: string) => new File([`{"custom_id":"1","body":{"file_id":"${text}"}}\n`], "b.jsonl");
    assertEquals(
      await send("/openai/v1/images/edits", { method: "POST", body: form([["image_id", id]]) }),
      404,
    );
    const batchFile = (text: string) => form([["purpose", "batch"], ["file", line(text)]]);
    assertEquals(await send("/openai/v1/files", { method: "POST", body: batchFile(id) }), 404);
    assertEquals(await send("/openai/v1/files", { method: "POST", body: batchFile(escaped) }), 404);
    assertEquals(await send("/openai/v1/files", { method: "POST", body: form([["file", line(id)]]) }), 404);
    assertEquals(
      await send("/openai/v1/files?x", { headers: { "x-http-method-override": "POST" } }),
      403,
      "another method",
    );
    assertEquals(await send("/openai/v1/files?fields=data(filename)"), 403, "another form of the list");
    assertEquals(upstream.asked.length, asked, "the provider was not asked");
    // A document may contain anything.
    const document = form([["purpose", "assistants"], ["file", new File([`"${id}"`], "notes.txt")]]);
    assertEquals(await send("/openai/v1/files", { method: "POST", body: document }), 200);
    assertEquals(await json(`{"model":"m","input":"What is ${id}?"}`), 200, "prose");
  }));

test("objects: the results of a batch belong to the maker of the batch, once a response or a list names them", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const key = `Bearer ${SECRETS.openaiKey}`;
    const [hers, his] = [openai(proxy, anna), openai(proxy, ben)];
    await his.conversations.create({});
    const make = async (results: string) => {
      const batch = await hers.batches.create({
        input_file_id:
          (await hers.files.create({ file: await toFile(new Blob(["x"]), "a"), purpose: "batch" })).id,
        endpoint: "/v1/responses",
        completion_window: "24h",
      });
      upstream.put(key, "batches", { id: batch.id, status: "completed", output_file_id: results });
      upstream.put(key, "files", { id: results });
      return batch;
    };
    const first = await make("file-ResultsOfTheFirstBatch1");
    await hers.batches.retrieve(first.id);
    await make("file-ResultsOfTheSecondBatch2");
    // Ben's list shows him nothing, and the proxy what belongs to Anna.
    assertEquals(await idsOf(his.batches.list()), []);
    for (const results of ["file-ResultsOfTheFirstBatch1", "file-ResultsOfTheSecondBatch2"]) {
      assertEquals(await his.files.content(results).catch((error) => error.status), 404, results);
      assertEquals((await hers.files.retrieve(results)).id, results);
    }
    assertEquals(await idsOf(his.files.list()), []);
  }));

test("objects: a stored chat completion belongs to its token, and other completions are not kept", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const key = `Bearer ${SECRETS.openaiKey}`;
    const [hers, his] = [openai(proxy, anna), openai(proxy, ben)];
    const ask = async (store: boolean | undefined, id: string) => {
      upstream.answerNext({ id, object: "chat.completion", choices: [] });
      upstream.put(key, "completions", { id, object: "chat.completion" });
      await hers.chat.completions.create({
        model: "m",
        messages: [{ role: "user", content: "x" }],
        ...(store !== undefined && { store }),
      });
    };
    await ask(true, "chatcmpl-StoredByAnna12345678");
    await ask(undefined, "chatcmpl-NotStoredByAnna1234");
    assertEquals(
      await his.chat.completions.retrieve("chatcmpl-StoredByAnna12345678").catch((error) => error.status),
      404,
    );
    assertEquals(await idsOf(his.chat.completions.list()), ["chatcmpl-NotStoredByAnna1234"]);
    assertEquals((await idsOf(hers.chat.completions.list())).length, 2);
  }));

test("objects: the makers stay after a change of the provider key, and are learned from compressed responses", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const compressed = await new Response(
      new Blob(['{"id":"resp_CompressedResponse123456","status":"completed"}']).stream()
        .pipeThrough(new CompressionStream("gzip")),
    ).bytes();
    upstream.answerNext(compressed);
    const hers = openai(proxy, anna);
    await hers.responses.create({ model: "m", input: "x" });
    const { id } = await hers.responses.create({ model: "m", input: "x" });
    const { config } = proxy.proxy;
    proxy.proxy.configure({
      ...config,
      endpoints: config.endpoints.map((endpoint) => ({
        ...endpoint,
        backends: endpoint.backends.map((backend) => ({
          ...backend,
          key: { mode: "inject" as const, value: SECRETS.anthropicKey },
        })),
      })),
    });
    const asked = upstream.asked.length;
    for (const foreign of [id, "resp_CompressedResponse123456"]) {
      assertEquals(await openai(proxy, ben).responses.retrieve(foreign).catch((error) => error.status), 404);
    }
    assertEquals(upstream.asked.length, asked, "the provider was not asked");
  }));

test("objects: a token cannot make an object of an unknown maker its own", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const unknown = "file-BeforeTheProxyKnewOfIt12";
    upstream.put(`Bearer ${SECRETS.openaiKey}`, "files", { id: unknown, object: "file" });
    const his = openai(proxy, ben);
    const echoes = [
      { id: "asst_MadeByBenForHimself123", name: unknown },
      {
        id: "asst_MadeByBenForHimself124",
        name: unknown,
        file: { id: unknown, name: unknown },
        thread_id: unknown,
      },
      {
        id: "asst_MadeByBenForHimself125",
        metadata: { id: unknown, output_file_id: unknown },
        container: { id: unknown },
      },
      { id: "asst_MadeByBenForHimself126", output_file_id: unknown, result_files: [unknown] },
    ];
    for (const echo of echoes) {
      upstream.answerNext(echo);
      await his.beta.assistants.create({ model: "m", name: unknown });
      upstream.answerNext(echo);
      await his.responses.create({ model: "m", input: "x" });
    }
    upstream.answerNext({ id: unknown });
    await his.files.retrieve(unknown);
    upstream.answerNext({ id: unknown });
    await his.beta.assistants.update(unknown, {});
    upstream.answerNext({ id: unknown, output_file_id: unknown });
    await his.vectorStores.files.create("vs_MadeByBenForHimself1234", { file_id: unknown });
    assertEquals((await openai(proxy, anna).files.retrieve(unknown)).id, unknown);
  }));

test("objects: a list that the proxy cannot read is a 502, and an error of the provider passes", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const file = await openai(proxy, anna).files.create({
      file: await toFile(new Blob(["x"]), "a.txt"),
      purpose: "assistants",
    });
    const list = async () => {
      const answer = await fetch(`${proxy.url}/openai/v1/files`, {
        headers: { authorization: `Bearer ${ben}` },
      });
      return { status: answer.status, text: await answer.text() };
    };
    const page = `{"data":[{"id":"${file.id}"}]}`;
    const zipped = await new Response(new Blob([page]).stream().pipeThrough(new CompressionStream("gzip")))
      .bytes();
    for (const broken of [zipped, page.slice(0, -1), `${page}x`, "<html>", "\ufeff" + page]) {
      upstream.answerNext(typeof broken === "string" ? new TextEncoder().encode(broken) : broken);
      const { status, text } = await list();
      assertEquals([status, text.includes(file.id)], [502, false], String(broken));
    }
    assertEquals((await list()).status, 200);
    const line = proxy.proxy.log.find(({ event, status }) => event === "exchange" && status === 502);
    assert(line === undefined || !JSON.stringify(line).includes(file.id));
  }));

test("objects: bodies of a token pass unread until another token has made an object", () =>
  withTokens(async ({ upstream, proxy, anna, ben }) => {
    const malformed = '{"model": "m", "input": ';
    const send = async (token: string) => {
      const answer = await fetch(`${proxy.url}/openai/v1/responses`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: malformed,
      });
      await answer.text();
      return answer.status;
    };
    assertEquals(await send(ben), 200);
    assertEquals(upstream.bodies.at(-1), malformed);
    await openai(proxy, anna).responses.create({ model: "m", input: "x" });
    assertEquals(await send(ben), 400);
    assert(upstream.bodies.length === 2);
  }));
