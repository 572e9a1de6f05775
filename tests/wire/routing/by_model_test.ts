import { assertEquals, assertMatch } from "@std/assert";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { OneDoor, type OneDoorOptions, type Room } from "../../support/proxies/one_door.ts";

const ROOMS: Readonly<Record<string, Room>> = {
  openai: { preset: "openai" },
  groq: { preset: "groq" },
  anthropic: { preset: "anthropic", dialect: "anthropic" },
  ollama: { preset: "ollama" },
  gemini: { preset: "gemini", dialect: "gemini" },
};

/** Path, body, what arrives as `endpoint path body`, and the options of the proxy. */
const CASES: readonly (readonly [
  what: string,
  path: string,
  body: string | undefined,
  expected: string,
  options?: OneDoorOptions,
])[] = [
  [
    "the maker of the model",
    "/v1/chat/completions",
    '{ "model" : "gpt-5.1",  "messages":[] }',
    'openai /v1/chat/completions { "model" : "gpt-5.1",  "messages":[] }',
  ],
  [
    "an unknown model goes to the default endpoint",
    "/v1/responses",
    '{"model":"unheard"}',
    'openai /v1/responses {"model":"unheard"}',
  ],
  [
    "the default endpoint of the file",
    "/chat/completions",
    '{"model":"unheard"}',
    'groq /chat/completions {"model":"unheard"}',
    { defaultEndpoint: "groq" },
  ],
  [
    "the name of an endpoint before the model, which is removed",
    "/v1/chat/completions",
    '{"a":"\u00e4\\u00e4", "model" :  "groq/llama-3.3-70b" ,"b":[1.0]}',
    'groq /v1/chat/completions {"a":"\u00e4\\u00e4", "model" :  "llama-3.3-70b" ,"b":[1.0]}',
  ],
  [
    "a prefix that is no endpoint stays",
    "/v1/chat/completions",
    '{"model":"meta/llama"}',
    'openai /v1/chat/completions {"model":"meta/llama"}',
  ],
  [
    "an endpoint's name with nothing behind it stays",
    "/v1/chat/completions",
    '{"model":"groq/"}',
    'openai /v1/chat/completions {"model":"groq/"}',
  ],
  [
    "an endpoint without the API is not chosen by its name",
    "/v1/chat/completions",
    '{"model":"anthropic/claude-x"}',
    'openai /v1/chat/completions {"model":"anthropic/claude-x"}',
  ],
  [
    "Anthropic's API goes to Anthropic",
    "/v1/messages",
    '{"model":"claude-sonnet-5"}',
    'anthropic /v1/messages {"model":"claude-sonnet-5"}',
  ],
  [
    "Anthropic's API of a local server",
    "/v1/messages",
    '{"model":"ollama/qwen3"}',
    'ollama /v1/messages {"model":"qwen3"}',
  ],
  [
    "Google's API, whose model is in the path",
    "/v1beta/models/gemini-3.8-flash:generateContent",
    '{"contents":[]}',
    'gemini /v1beta/models/gemini-3.8-flash:generateContent {"contents":[]}',
  ],
  [
    "an alias in a path",
    "/v1beta/models/fast:streamGenerateContent?alt=sse",
    "{}",
    "gemini /v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse {}",
    { aliases: { fast: "gemini/gemini-3.8-flash" } },
  ],
  [
    "an alias in a body",
    "/v1/chat/completions",
    '{"model":"fast","messages":[{"content":"fast"}]}',
    'groq /v1/chat/completions {"model":"llama-3.3-70b","messages":[{"content":"fast"}]}',
    { aliases: { fast: "groq/llama-3.3-70b" } },
  ],
  [
    "a route of the file",
    "/v1/embeddings",
    '{"model":"text-embedding-3-small","input":"x"}',
    'ollama /v1/embeddings {"model":"nomic-embed-text","input":"x"}',
    { routes: [{ model: "text-embedding-*", endpoint: "ollama", to: "nomic-embed-text" }] },
  ],
  [
    "a route with a * in the model that is sent",
    "/v1/chat/completions",
    '{"model":"claude-opus-5"}',
    'openai /v1/chat/completions {"model":"anthropic/claude-opus-5"}',
    { routes: [{ model: "claude-*", endpoint: "openai", to: "anthropic/claude-*" }] },
  ],
  [
    "the first route that matches",
    "/v1/embeddings",
    '{"model":"a-b"}',
    'groq /v1/embeddings {"model":"a-b"}',
    { routes: [{ model: "a-*", endpoint: "groq" }, { model: "*", endpoint: "ollama" }] },
  ],
  [
    "a route to an endpoint without the API is skipped",
    "/v1/messages",
    '{"model":"claude-x"}',
    'anthropic /v1/messages {"model":"claude-x"}',
    { routes: [{ model: "claude-*", endpoint: "groq" }] },
  ],
  ["Ollama's own API", "/api/chat", '{"model":"qwen3"}', 'ollama /api/chat {"model":"qwen3"}'],
  ["a body without a model", "/v1/chat/completions", '{"n":1}', 'openai /v1/chat/completions {"n":1}'],
  ["a path without a model", "/v1/files/file-1", undefined, "openai /v1/files/file-1 "],
  [
    "a model within the messages counts for nothing",
    "/v1/chat/completions",
    '{"messages":[{"model":"groq/x"}],"model":"gpt-5"}',
    'openai /v1/chat/completions {"messages":[{"model":"groq/x"}],"model":"gpt-5"}',
  ],
];

for (const [what, path, body, expected, options] of CASES) {
  Deno.test(`by model: ${what}`, async () => {
    await using door = new OneDoor(ROOMS, options);
    const bytes = body === undefined ? undefined : new TextEncoder().encode(body);
    const { arrived, text } = await door.send(path, bytes);
    assertEquals(
      arrived && `${arrived.endpoint} ${arrived.request.target} ${arrived.body}`,
      expected,
      text,
    );
    assertEquals(arrived?.request.header("authorization"), `Bearer key-of-${arrived?.endpoint}`);
    assertEquals(door.lists, []);
  });
}

Deno.test("by model: curl -d sends JSON as a form, and its bytes and content type stay", async () => {
  await using door = new OneDoor({ openai: { preset: "openai" }, ollama: { preset: "ollama" } });
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const { arrived } = await door.send("/v1/chat/completions", ' {"model":"ollama/qwen3"}', type);
  assertEquals(arrived?.body, ' {"model":"qwen3"}');
  assertEquals(arrived?.request.header("content-type"), "application/x-www-form-urlencoded");
});

Deno.test("by model: a malformed body and two models are a 400", async () => {
  await using door = new OneDoor(ROOMS);
  for (const body of ['{"model":"a"', '{"model":"a","model":"b"}', '{"Model":"a"}', "[]"]) {
    const { response, text } = await door.send("/v1/chat/completions", body);
    assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [400, "bad_request"], body);
    assertMatch(text, /The proxy has to know the model in this body/);
  }
  assertEquals(door.arrived, []);
});

Deno.test("by model: the model of a form, whose length may be stated", async () => {
  await using door = new OneDoor(ROOMS, { aliases: { listener: "groq/whisper-large" } });
  const form = new FormData();
  form.set("model", "listener");
  form.set("file", new File([new Uint8Array(300).fill(7)], "a.wav"));
  const { arrived } = await door.send("/v1/audio/transcriptions", form, {});
  assertEquals(arrived?.endpoint, "groq");
  assertMatch(arrived?.body ?? "", /name="model"\r\n\r\nwhisper-large\r\n/);
});

Deno.test("by model: without a default endpoint, a model that no endpoint serves is a 404 of the path's API", async () => {
  await using door = new OneDoor({ groq: { preset: "groq" }, mistral: { preset: "mistral" } });
  const { response, text } = await door.send("/v1/chat/completions", '{"model":"unheard"}');
  assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [404, "model_not_found"]);
  assertEquals(JSON.parse(text), {
    error: {
      message: 'No endpoint of this proxy serves the model "unheard" here. GET /v1/models lists the models.',
      type: "not_found_error",
      code: "model_not_found",
      param: null,
    },
  });
  const known = await door.send("/v1/chat/completions", '{"model":"mistral-large-latest"}');
  assertEquals(known.arrived?.endpoint, "mistral");
});

Deno.test("by model: a model with a route to another API is a 404, and no other provider gets its prompt", async () => {
  const route = { model: "team-*", endpoint: "anthropic", to: "claude-sonnet-5" };
  {
    await using door = new OneDoor(ROOMS, { routes: [route], aliases: { best: "team-best" } });
    for (const model of ["team-a", "best"]) {
      const { response, text, arrived } = await door.send("/v1/chat/completions", JSON.stringify({ model }));
      assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [404, "model_not_found"]);
      assertEquals([JSON.parse(text).error.code, arrived], ["model_not_found", undefined]);
    }
    const { arrived } = await door.send("/v1/messages", '{"model":"team-a"}');
    assertEquals([arrived?.endpoint, arrived?.body], ["anthropic", '{"model":"claude-sonnet-5"}']);
  }
  // A route for all models does not say where one of them is.
  await using door = new OneDoor(ROOMS, { routes: [{ model: "*", endpoint: "anthropic" }] });
  const { arrived } = await door.send("/v1/chat/completions", '{"model":"unheard"}');
  assertEquals(arrived?.endpoint, "openai");
});

Deno.test("by model: one endpoint for a path gets its requests unread", async () => {
  await using door = new OneDoor({
    openai: { preset: "openai" },
    anthropic: { preset: "anthropic", dialect: "anthropic" },
  });
  const { arrived } = await door.send("/v1/chat/completions", "not JSON at all");
  assertEquals([arrived?.endpoint, arrived?.body], ["openai", "not JSON at all"]);
  const other = await door.send("/v1/messages", '{"model":"openai/gpt-5"');
  assertEquals([other.arrived?.endpoint, other.arrived?.body], ["anthropic", '{"model":"openai/gpt-5"']);
});

Deno.test("by model: an endpoint that forwards the client's key is never chosen by a model", async () => {
  await using door = new OneDoor({
    openai: { preset: "openai" },
    groq: { preset: "groq", passthrough: true },
    mistral: { preset: "mistral" },
  }, { routes: [{ model: "x", endpoint: "groq" }] });
  for (const model of ["groq/llama", "x"]) {
    const { arrived } = await door.send("/v1/chat/completions", JSON.stringify({ model }));
    assertEquals(arrived?.endpoint, "openai", model);
  }
});

Deno.test("by model: the default endpoint gets requests for an API that no endpoint has, read or unread", async () => {
  const rooms = {
    anthropic: { preset: "anthropic", dialect: "anthropic" },
    gemini: { preset: "gemini", dialect: "gemini" },
  } as const;
  const options = { defaultEndpoint: "anthropic" };
  for (const aliases of [undefined, { fast: "anthropic/claude-haiku-5" }]) {
    await using door = new OneDoor(rooms, { ...options, ...(aliases && { aliases }) });
    const { arrived, text } = await door.send("/v1/chat/completions", '{"model":"unheard"}');
    assertEquals([arrived?.endpoint, arrived?.body], ["anthropic", '{"model":"unheard"}'], text);
  }
});

Deno.test("by model: max_buffer_bytes of the chosen endpoint is the limit, also if another endpoint allows more", async () => {
  await using door = new OneDoor({
    openai: { preset: "openai" },
    small: {
      endpoint: { maxBufferBytes: 1000 },
      backend: { model: { byName: new Map(), otherwise: "served" } },
    },
    plain: { endpoint: { maxBufferBytes: 1000 } },
  }, { aliases: { fast: "small/m1" } });
  const bodyFor = (model: string, length: number) => JSON.stringify({ model, input: "x".repeat(length) });
  for (
    const [path, model] of [
      ["/small/v1/chat/completions", "m1"],
      ["/v1/chat/completions", "fast"],
      ["/v1/chat/completions", "small/m1"],
      ["/v1/chat/completions", "plain/m1"],
    ] as const
  ) {
    const { response, text, arrived } = await door.send(path, bodyFor(model, 5000));
    assertEquals([response.status, arrived], [413, undefined], `${path} ${model}`);
    assertMatch(text, /longer than the allowed 1000 bytes \(max_buffer_bytes\)/);
    const short = await door.send(path, bodyFor(model, 500));
    assertEquals(short.response.status, 200, short.text);
  }
  const { arrived } = await door.send("/v1/chat/completions", bodyFor("gpt-5", 5000));
  assertEquals(arrived?.endpoint, "openai");
});

// With the other engine, the runtime sends 100 Continue before the handler runs.
for (
  const [what, expect, { test }] of [
    ["sends no body", "", Deno],
    ["waits for 100 Continue", "Expect: 100-continue\r\n", ownEngineTests("connections")],
  ] as const
) {
  test(`by model: a stated length over max_buffer_bytes is a 413 while the client ${what}`, async () => {
    const endpoint = { maxBufferBytes: 1000 };
    await using door = new OneDoor({ openai: { endpoint }, groq: { endpoint } });
    using client = await RawClient.connect(door.proxy.url);
    await client.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: p\r\nContent-Type: application/json\r\n" +
        `Authorization: Bearer ${SECRETS.proxyToken}\r\nContent-Length: 200000000\r\n${expect}\r\n`,
    );
    assertEquals((await client.answer("POST")).status, 413);
  });
}

ownEngineTests("webSocket").test("by model: an alias in the query of a WebSocket", async () => {
  await using door = new OneDoor(ROOMS, { aliases: { voice: "groq/gpt realtime" } });
  await rawRequest(door.proxy.url, [
    "GET /v1/realtime?a=%20&model=voice&b HTTP/1.1",
    `Authorization: Bearer ${SECRETS.proxyToken}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ]);
  assertEquals(door.arrived.map(({ endpoint, request }) => `${endpoint} ${request.target}`), [
    "groq /v1/realtime?a=%20&model=gpt%20realtime&b",
  ]);
});
