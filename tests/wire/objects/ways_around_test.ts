/**
 * Ways around the owners of stored objects, as an attacker tries them: names, spellings, and types of bodies.
 */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { StoringUpstream } from "../../support/upstreams/storing_upstream.ts";

interface Parts {
  readonly upstream: StoringUpstream;
  readonly ask: (token: string, method: string, path: string, sent?: Sent) => Promise<Answer>;
  readonly anna: string;
  readonly ben: string;
}

interface Sent {
  readonly body: string | Uint8Array<ArrayBuffer> | FormData;
  readonly type?: string;
}

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- the shapes of several providers
  readonly body: any;
}

const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;

async function withTokens(
  dialect: Endpoint["dialect"],
  test: (parts: Parts) => Promise<void>,
): Promise<void> {
  await using upstream = new StoringUpstream();
  const keyField = dialect === "gemini" ? "x-goog-api-key" : "authorization";
  const backend = testBackend(upstream.origin, { key: KEY, keyField });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("provider", [backend], { dialect })],
  });
  const anna = await proxy.token({ name: "anna" });
  const ben = await proxy.token({ name: "ben" });
  const ask = async (token: string, method: string, path: string, sent?: Sent): Promise<Answer> => {
    const headers = new Headers({ "x-llm-proxy-token": token });
    if (sent?.type !== undefined) headers.set("content-type", sent.type);
    const response = await fetch(`${proxy.url}/provider${path}`, {
      method,
      headers,
      body: sent?.body ?? null,
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  };
  await test({ upstream, ask, anna: anna.value, ben: ben.value });
}

const json = (value: unknown): Sent => ({ body: JSON.stringify(value), type: "application/json" });

const UUID = "68a1b2c3-d4e5-4607-8829-3a4b5c6d7e8f";

/** A request that creates an object, its response, and a request that reads the object. */
interface Creation {
  readonly path: string;
  readonly response: unknown;
  readonly read: string;
  readonly dialect?: Endpoint["dialect"];
}

/** By the references of the providers. */
const CREATIONS: Readonly<Record<string, Creation>> = {
  "Mistral's conversation": {
    path: "/v1/conversations",
    response: { object: "conversation.response", conversation_id: `conv_${UUID}`, outputs: [] },
    read: `/v1/conversations/conv_${UUID}`,
  },
  "Mistral's conversation that is restarted": {
    path: "/v1/conversations/conv_0123456789abcdef0123/restart",
    response: { conversation_id: `conv_${UUID}` },
    read: `/v1/conversations/conv_${UUID}/history`,
  },
  "Together's batch": {
    path: "/v1/batches",
    response: { job: { id: UUID }, warning: null },
    read: `/v1/batches/${UUID}`,
  },
  "Together's job": {
    path: "/v1/fine-tunes",
    response: { id: `ft-${UUID}` },
    read: `/v1/fine-tunes/ft-${UUID}`,
  },
  "Together's file": {
    path: "/v1/files/upload",
    response: { id: `file-${UUID}` },
    read: `/v1/files/file-${UUID}/content`,
  },
  "xAI's batch": {
    path: "/v1/batches",
    response: { batch_id: `batch_${UUID}` },
    read: `/v1/batches/batch_${UUID}`,
  },
  "xAI's video": {
    path: "/v1/videos/generations",
    response: { request_id: UUID },
    read: `/v1/videos/${UUID}`,
  },
  "Azure's video": {
    path: "/openai/v1/video/generations/jobs",
    response: { id: `task_${UUID}` },
    read: `/openai/v1/video/generations/jobs/task_${UUID}`,
  },
  "Vertex' cached content": {
    path: "/v1/projects/p/locations/l/cachedContents",
    response: { name: "projects/p/locations/l/cachedContents/123456" },
    read: "/v1/projects/p/locations/l/cachedContents/123456",
    dialect: "gemini",
  },
  "Google's long operation": {
    path: "/v1beta/models/veo-3:predictLongRunning",
    response: { name: "models/veo-3/operations/abc123def456" },
    read: "/v1beta/models/veo-3/operations/abc123def456",
    dialect: "gemini",
  },
  "a batch of Gemini's API in OpenAI's form": {
    path: "/v1beta/openai/batches",
    response: { id: "batches/abc123def456", object: "batch" },
    read: "/v1beta/openai/batches/batches/abc123def456",
    dialect: "gemini",
  },
  "a file with a number": { path: "/v1/files", response: { id: "17" }, read: "/v1/files/17/content" },
  "a file with a word": { path: "/v1/files", response: { id: "Notes" }, read: "/v1/files/Notes" },
  "a response in base64": {
    path: "/v1/responses",
    response: { id: "resp_bGl0ZWxsbTpjdXN0b21faWQ6YQ==" },
    read: "/v1/responses/resp_bGl0ZWxsbTpjdXN0b21faWQ6YQ==",
  },
};

for (const [what, { path, response, read, dialect = "openai" }] of Object.entries(CREATIONS)) {
  Deno.test(`objects: ${what} belongs to the token that made it`, () =>
    withTokens(dialect, async ({ upstream, ask, anna, ben }) => {
      upstream.answerNext(response);
      assertEquals((await ask(anna, "POST", path, json({ model: "m" }))).status, 200);
      upstream.answerNext({ read: true });
      assertEquals((await ask(anna, "GET", read)).body, { read: true }, "by its maker");
      const asked = upstream.asked.length;
      const { status } = await ask(ben, "GET", read);
      // Google answers 403 for a file that is missing, and 404 for others.
      assertEquals([403, 404].includes(status), true, `by another token: ${status}`);
      assertEquals(upstream.asked.length, asked);
    }));
}

Deno.test("objects: a container of the first token stays its own when another token continues a response", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const container_id = "cntr_0123456789abcdef01234567";
    const output = [{ type: "code_interpreter_call", container_id }];
    const { body: { id } } = await ask(ben, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    upstream.answerNext({ id: "resp_0123456789abcdef01234567", output });
    await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    assertEquals((await ask(ben, "GET", `/v1/containers/${container_id}/files`)).status, 404);
    upstream.answerNext({ id: "resp_1123456789abcdef01234567", output });
    await ask(ben, "POST", "/v1/responses", json({ model: "m", input: "x", previous_response_id: id }));
    upstream.answerNext({ id: container_id });
    assertEquals((await ask(anna, "GET", `/v1/containers/${container_id}`)).status, 200);
  }));

Deno.test("objects: a list of files with numbers has none of others", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    upstream.answerNext({ id: "17" });
    await ask(anna, "POST", "/v1/files", json({}));
    upstream.answerNext({ data: [{ id: "17" }, { id: "18" }] });
    assertEquals((await ask(ben, "GET", "/v1/files")).body, { data: [{ id: "18" }] });
  }));

Deno.test("objects: an id that a token chose at one address opens and closes nothing at another address", async () => {
  await using upstream = new StoringUpstream();
  await using local = new StoringUpstream();
  const endpoint = (name: string, { origin }: StoringUpstream) =>
    testEndpoint(name, [testBackend(origin, { key: KEY })]);
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [endpoint("openai", upstream), endpoint("local", local)],
  });
  const [anna, ben] = [await proxy.token({ name: "anna" }), await proxy.token({ name: "ben" })];
  const ask = (token: string, method: string, path: string) =>
    fetch(`${proxy.url}${path}`, {
      method,
      headers: { "x-llm-proxy-token": token, "content-type": "application/json" },
      body: method === "POST" ? "{}" : null,
    });
  const id = "resp_0123456789abcdef01234567";
  local.answerNext({ id });
  await (await ask(anna.value, "POST", "/local/v1/responses")).body?.cancel();
  upstream.answerNext({ id });
  const response = await ask(ben.value, "GET", `/openai/v1/responses/${id}`);
  assertEquals([response.status, await response.json()], [200, { id }]);
});

Deno.test("objects: Together's list of fine-tunes has no jobs of others", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    upstream.answerNext({ id: "ft-0123456789abcdef" });
    await ask(anna, "POST", "/v1/fine-tunes", json({ model: "m" }));
    upstream.answerNext({ data: [{ id: "ft-0123456789abcdef" }] });
    assertEquals((await ask(ben, "GET", "/v1/fine-tunes")).body, { data: [] });
  }));

Deno.test("objects: after a DELETE, the name of one of Google's files belongs to the next token that uses it", () =>
  withTokens("gemini", async ({ ask, anna, ben }) => {
    const upload = json({ file: { name: "files/report" } });
    const path = "/upload/v1beta/files";
    assertEquals((await ask(anna, "POST", path, upload)).status, 200);
    assertEquals((await ask(ben, "DELETE", "/v1beta/files/report")).status, 403);
    assertEquals((await ask(anna, "DELETE", "/v1beta/files/report")).status, 200);
    assertEquals((await ask(ben, "POST", path, upload)).status, 200);
    assertEquals((await ask(ben, "GET", "/v1beta/files/report")).status, 200);
    assertEquals((await ask(anna, "GET", "/v1beta/files/report")).status, 403);
    assertEquals((await ask(anna, "GET", "/v1beta/files")).body.files, []);
    assertEquals((await ask(ben, "GET", "/v1beta/files")).body.files, [{ name: "files/report" }]);
  }));

Deno.test("objects: one of Google's files that expired at Google belongs to the token that makes it again", () =>
  withTokens("gemini", async ({ upstream, ask, anna, ben }) => {
    const path = "/upload/v1beta/files";
    const upload = json({ file: { name: "files/report" } });
    for (const token of [anna, ben]) {
      upstream.answerNext({ file: { name: "files/report", uri: "https://google/v1beta/files/report" } });
      await ask(token, "POST", path, upload);
    }
    upstream.answerNext({ name: "files/report" });
    assertEquals((await ask(ben, "GET", "/v1beta/files/report")).status, 200);
    assertEquals((await ask(anna, "GET", "/v1beta/files/report")).status, 403);
  }));

Deno.test("objects: a name that one token chose for a file of Google's does not stop the requests of others", () =>
  withTokens("gemini", async ({ upstream, ask, anna, ben }) => {
    await ask(anna, "POST", "/upload/v1beta/files", json({ file: { name: "files/src" } }));
    const path = "/v1beta/models/gemini-2.5-pro:generateContent";
    const contents = (...parts: unknown[]) => json({ contents: [{ parts }] });
    for (const text of ["files/src", "/files/src", "files/src/main.ts", "v1/files/src/main"]) {
      upstream.answerNext({ candidates: [] });
      const output = { functionResponse: { name: "ls", response: { output: text, list: [text] } } };
      assertEquals((await ask(ben, "POST", path, contents({ text }, output))).status, 200, text);
    }
    const uris = ["files/src", "https://generativelanguage.googleapis.com/v1beta/files/src"];
    for (const uri of uris) {
      for (const member of ["fileUri", "file_uri", "file\\u0055ri"]) {
        const body = `{"contents":[{"parts":[{"fileData":{"${member}":"${uri}"}}]}]}`;
        const { status } = await ask(ben, "POST", path, { body, type: "application/json" });
        assertEquals(status, 403, `${member} ${uri}`);
      }
    }
  }));

for (const end of [";x", "%3Fx=1", "%23", "%20", ".json", ".", "%253F", "/"]) {
  Deno.test(`objects: a list at /v1/files${end} has no objects of others`, () =>
    withTokens("openai", async ({ upstream, ask, anna, ben }) => {
      const file = new FormData();
      file.append("purpose", "user_data");
      file.append("file", new Blob(["x"]), "a.txt");
      const { body } = await ask(anna, "POST", "/v1/files", { body: file });
      upstream.answerNext({ data: [{ id: body.id }] });
      assertEquals((await ask(ben, "GET", `/v1/files${end}`)).body, { data: [] });
    }));
}

for (
  const [what, listOf] of Object.entries<(id: string) => unknown>({
    "a plain id": (id) => ({ data: [id] }),
    "a list within an object": (id) => ({ result: { data: [{ id }] } }),
    "the key of an object": (id) => ({ stores: { [id]: {} } }),
    "a list within a list": (id) => ({ data: [[{ id }]] }),
  })
) {
  Deno.test(`objects: a list that names an object of another token as ${what} is a 502`, () =>
    withTokens("openai", async ({ upstream, ask, anna, ben }) => {
      const { body: { id } } = await ask(anna, "POST", "/v1/vector_stores", json({ name: "s" }));
      upstream.answerNext(listOf(id));
      assertEquals((await ask(ben, "GET", "/v1/vector_stores")).status, 502);
      const page = { data: [], paging: { after: id } };
      upstream.answerNext(page);
      assertEquals((await ask(ben, "GET", "/v1/vector_stores")).body, page, "a cursor");
    }));
}

for (const spelling of ["%3F/uploads/x", "%23/uploads/x", "%253F/uploads/x", "%3F/upload/v1beta/files"]) {
  Deno.test(`objects: a body at /v1/responses${spelling} is no part of an upload`, () =>
    withTokens("openai", async ({ upstream, ask, anna, ben }) => {
      const { body: { id } } = await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
      const asked = upstream.asked.length;
      const body = json({ model: "m", previous_response_id: id });
      assertEquals((await ask(ben, "POST", `/v1/responses${spelling}`, body)).status >= 400, true);
      assertEquals(upstream.asked.length, asked);
    }));
}

/** Ways to name an object in a body that is neither JSON nor a form by its type. */
const BODIES: Readonly<Record<string, (json: string, id: string) => Sent>> = {
  "JSON as text": (json) => ({ body: json, type: "text/plain" }),
  "JSON in UTF-16": (json) => ({ body: utf16(json), type: "text/plain" }),
  "JSON in UTF-16 as data": (json) => ({ body: utf16(`\ufeff${json}`), type: "application/octet-stream" }),
  "a long form of a URL": (_json, id) => ({
    body: `previous_response_id=${id}&x=${"A".repeat(70_000)}`,
    type: "application/x-www-form-urlencoded",
  }),
  "protobuf": (_json, id) => ({ body: `\n${id}a12345678`, type: "application/x-protobuf" }),
};

function utf16(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...text].flatMap((one) => [one.charCodeAt(0) >> 8, one.charCodeAt(0) & 0xff]));
}

for (const [name, bodyOf] of Object.entries(BODIES)) {
  Deno.test(`objects: ${name} cannot name the object of another token`, () =>
    withTokens("openai", async ({ upstream, ask, anna, ben }) => {
      const { body: { id } } = await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
      const asked = upstream.asked.length;
      const text = JSON.stringify({ model: "m", input: "x", previous_response_id: id });
      const { status } = await ask(ben, "POST", "/v1/responses", bodyOf(text, id));
      assertEquals([400, 404].includes(status), true, `status ${status}`);
      assertEquals(upstream.asked.length, asked);
    }));
}

Deno.test("objects: a field with the empty name of a file cannot name the object of another token", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const { body: { id } } = await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    const asked = upstream.asked.length;
    const part = (head: string, content: string) =>
      `--x\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
    const body = `${part('name="purpose"', "vision")}${part('name="file_id"; filename=""', id)}--x--\r\n`;
    const { status } = await ask(ben, "POST", "/v1/images/edits", {
      body,
      type: "multipart/form-data; boundary=x",
    });
    assertEquals(status, 400);
    assertEquals(upstream.asked.length, asked);
  }));

Deno.test("objects: sound passes at the path of transcriptions", () =>
  withTokens("openai", async ({ ask, anna, ben }) => {
    await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    const sent = { body: new Uint8Array(300_000).fill(7), type: "audio/wav" };
    assertEquals((await ask(ben, "POST", "/v1/audio/transcriptions", sent)).status, 200);
  }));

Deno.test("objects: one response gives a token few containers, and none if its body has too many ids", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    await ask(ben, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    const idOf = (index: number) => `cntr_${String(index).padStart(24, "0")}`;
    const output = Array.from({ length: 40 }, (_, index) => ({ container_id: idOf(index) }));
    upstream.answerNext({ id: "resp_0123456789abcdef01234567", output });
    await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    assertEquals((await ask(ben, "GET", `/v1/containers/${idOf(0)}/files`)).status, 404);
    upstream.answerNext({ id: idOf(39) });
    assertEquals((await ask(ben, "GET", `/v1/containers/${idOf(39)}`)).status, 200);
    const chosen = "resp_1123456789abcdef01234567";
    const many = Array.from({ length: 10_500 }, (_, index) => `file-${String(index).padStart(24, "0")}`);
    upstream.answerNext({ id: chosen });
    await ask(anna, "POST", "/v1/responses", json({ model: "m", input: many, request_id: chosen }));
    upstream.answerNext({ id: chosen });
    assertEquals((await ask(ben, "GET", `/v1/responses/${chosen}`)).status, 200);
  }));

for (const purpose of ["batch-api", "Batch", "batch ", "unknown"]) {
  Deno.test(`objects: requests in a file with the purpose "${purpose}" name no objects of others`, () =>
    withTokens("openai", async ({ upstream, ask, anna, ben }) => {
      const { body: { id } } = await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
      const asked = upstream.asked.length;
      const body = new FormData();
      body.append("purpose", purpose);
      body.append("file", new Blob([JSON.stringify({ body: { previous_response_id: id } })]), "a.jsonl");
      const { status } = await ask(ben, "POST", "/v1/files", { body });
      assertEquals([400, 404].includes(status), true, `${status}`);
      assertEquals(upstream.asked.length, asked);
    }));
}

Deno.test("objects: an id of another token in the text of a conversation does not end it", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const { body: { id } } = await ask(anna, "POST", "/v1/vector_stores", json({ name: "s" }));
    const texts = [id, `https://wiki.example/${id}`, `/tmp/${id}/x.txt`, JSON.stringify({ url: id })];
    for (const text of texts) {
      for (
        const body of [
          {
            messages: [{ role: "user", content: text }, { role: "tool", content: [{ type: "text", text }] }],
          },
          {
            input: [{ type: "function_call_output", output: text }, {
              role: "user",
              content: [{ url: text }],
            }],
          },
        ]
      ) {
        upstream.answerNext({ id: "x" });
        const path = "input" in body ? "/v1/responses" : "/v1/chat/completions";
        assertEquals((await ask(ben, "POST", path, json({ model: "m", ...body }))).status, 200, text);
      }
    }
    const tools = [{ type: "file_search", vector_store_ids: [id] }];
    assertEquals(
      (await ask(ben, "POST", "/v1/responses", json({ model: "m", input: id, tools }))).status,
      404,
    );
  }));

Deno.test("objects: a response that creates an object counts with any content type", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const id = "file-0123456789abcdef01234567";
    upstream.answerNext({ id }, "text/plain");
    await ask(anna, "POST", "/v1/files", json({}));
    assertEquals((await ask(ben, "GET", `/v1/files/${id}`)).status, 404);
  }));

Deno.test("objects: ids with a scheme of the provider count in texts and addresses too", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const file = new FormData();
    file.append("purpose", "user_data");
    file.append("file", new Blob(["x"]), "a.txt");
    const { body: { id } } = await ask(anna, "POST", "/v1/files", { body: file });
    const asked = upstream.asked.length;
    for (
      const content of [
        `fileid://${id}`,
        `fileid://file-0000000000000000,${id}`,
        [{ type: "video_url", video_url: { url: `ms://${id}` } }],
      ]
    ) {
      const body = json({ model: "m", messages: [{ role: "system", content }] });
      assertEquals((await ask(ben, "POST", "/v1/chat/completions", body)).status, 404);
    }
    assertEquals(upstream.asked.length, asked);
  }));

Deno.test("objects: names of Google's files count in ids of Gemini's API in OpenAI's form, in any form", () =>
  withTokens("gemini", async ({ upstream, ask, anna, ben }) => {
    upstream.answerNext({ file: { name: "files/abc123def456" } });
    await ask(anna, "POST", "/upload/v1beta/files", json({ file: {} }));
    const asked = upstream.asked.length;
    const name = "files/abc123def456";
    const bodies = [
      ["/v1beta/openai/batches", { input_file_id: name }],
      ...[`//generativelanguage.googleapis.com/v1beta/${name}`, "files//abc123def456", `${name}?x`].map(
        (
          uri,
        ) => ["/v1beta/models/m:generateContent", {
          contents: [{ parts: [{ fileData: { fileUri: uri } }] }],
        }],
      ),
    ] as const;
    for (const [path, body] of bodies) {
      const { status } = await ask(ben, "POST", String(path), json(body));
      assertEquals(status, 403, JSON.stringify(body));
    }
    assertEquals(upstream.asked.length, asked);
  }));

Deno.test("objects: an id of another token in the arguments or the output of a tool does not end a conversation", () =>
  withTokens("anthropic", async ({ upstream, ask, anna, ben }) => {
    const { body: { id } } = await ask(anna, "POST", "/v1/messages/batches", json({ requests: [] }));
    const send = (blocks: unknown[]) => {
      upstream.answerNext({ id: "msg_1" });
      const messages = [{ role: "assistant", content: blocks }, { role: "user", content: "x" }];
      return ask(ben, "POST", "/v1/messages", json({ model: "m", max_tokens: 1, messages }));
    };
    const use = { type: "tool_use", id: "toolu_1", name: "read", input: { path: id, more: [{ id }] } };
    assertEquals((await send([use, { type: "text", text: id }])).status, 200);
    const asked = upstream.asked.length;
    const upload = { type: "container_upload", file_id: id };
    assertEquals((await send([use, upload])).status, 404, "a reference after the tool");
    assertEquals(
      (await send([{ type: "x", input: [upload] }])).status,
      404,
      "an array is not the object of a tool",
    );
    assertEquals(upstream.asked.length, asked);
  }));

Deno.test("objects: an id of another token in Google's calls of functions does not end a conversation", () =>
  withTokens("gemini", async ({ upstream, ask, anna, ben }) => {
    upstream.answerNext({ file: { name: "files/abc123def456" } });
    await ask(anna, "POST", "/upload/v1beta/files", json({ file: {} }));
    const uri = "https://generativelanguage.googleapis.com/v1beta/files/abc123def456";
    const call = { functionCall: { name: "f", args: { uri } } };
    const result = { functionResponse: { name: "f", response: { uri, list: [uri] } } };
    const path = "/v1beta/models/m:generateContent";
    upstream.answerNext({ candidates: [] });
    const ok = await ask(ben, "POST", path, json({ contents: [{ parts: [call, result, { text: uri }] }] }));
    assertEquals(ok.status, 200);
    const file = { fileData: { fileUri: uri } };
    assertEquals((await ask(ben, "POST", path, json({ contents: [{ parts: [call, file] }] }))).status, 403);
  }));

Deno.test("objects: an id of another token in the prompt of a form does not stop the request", () =>
  withTokens("openai", async ({ upstream, ask, anna, ben }) => {
    const { body: { id } } = await ask(anna, "POST", "/v1/responses", json({ model: "m", input: "x" }));
    const form = (field: string) => {
      const body = new FormData();
      body.append("model", "m");
      body.append(field, `draw what ${id} says`);
      return ask(ben, "POST", "/v1/images/edits", { body });
    };
    upstream.answerNext({ data: [] });
    assertEquals((await form("prompt")).status, 200);
    assertEquals((await form("file_id")).status >= 400, true);
  }));
