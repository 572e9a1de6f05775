import { assert, assertEquals } from "@std/assert";
import { SECRETS } from "../../support/data/secrets.ts";
import { OneDoor, type OneDoorOptions, type Room } from "../../support/proxies/one_door.ts";
import { until, within } from "../../support/time/deadline.ts";

const TOKEN = { authorization: `Bearer ${SECRETS.proxyToken}` };
const LISTS: OneDoorOptions = { refreshMs: 3_600_000 };
const ROOMS: Readonly<Record<string, Room>> = {
  openai: { preset: "openai", models: ["gpt-5.1", "shared"] },
  openrouter: { preset: "openrouter", models: ["openai/gpt-4o", "shared", "llama"] },
  anthropic: { preset: "anthropic", dialect: "anthropic", models: ["claude-sonnet-5"] },
};

/** A proxy that has read all lists that routing needs. */
async function listed(
  rooms: Readonly<Record<string, Room>>,
  options: OneDoorOptions = LISTS,
): Promise<OneDoor> {
  const door = new OneDoor(rooms, { ...LISTS, ...options });
  const needed = Object.values(rooms).filter(({ dialect = "openai" }) => dialect === "openai").length;
  await until(
    () => door.proxy.log.filter(({ event }) => event === "models_listed").length >= needed,
    "the lists are read",
  );
  return door;
}

async function idsAt(
  door: OneDoor,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const { response, text } = await door.send(path, undefined, headers);
  assertEquals(response.status, 200, text);
  const { data, models } = JSON.parse(text);
  return (data ?? models).map(({ id, name }: { id?: string; name?: string }) => id ?? name);
}

Deno.test("models: an endpoint that lists a model gets its requests", async () => {
  await using door = await listed(ROOMS);
  const sentTo = async (model: string): Promise<string> => {
    const { arrived } = await door.send("/v1/chat/completions", JSON.stringify({ model }));
    return `${arrived?.endpoint} ${JSON.parse(arrived?.body ?? "{}").model}`;
  };
  assertEquals(await sentTo("llama"), "openrouter llama");
  assertEquals(await sentTo("shared"), "openai shared", "the order of the file decides");
  assertEquals(await sentTo("openrouter/shared"), "openrouter shared");
  assertEquals(await sentTo("openai/gpt-4o"), "openrouter openai/gpt-4o", "a list has the whole name");
  assertEquals(await sentTo("openai/gpt-5.1"), "openai gpt-5.1");
});

Deno.test("models: the list has the models of all endpoints, in OpenAI's form", async () => {
  await using door = await listed(ROOMS, { aliases: { fast: "openrouter/llama" } });
  const { response, text } = await door.send("/v1/models", undefined);
  assertEquals([response.status, response.headers.get("content-type")], [200, "application/json"]);
  assertEquals(response.headers.get("x-llm-proxy-missing"), null);
  const entry = (id: string, endpoint: string, extra = {}) => ({
    id,
    object: "model",
    created: 1,
    owned_by: endpoint,
    endpoint,
    dialects: [endpoint === "anthropic" ? "anthropic" : "openai"],
    ...extra,
  });
  assertEquals(JSON.parse(text), {
    object: "list",
    data: [
      entry("gpt-5.1", "openai"),
      entry("shared", "openai"),
      entry("openai/gpt-4o", "openrouter"),
      entry("openrouter/shared", "openrouter"),
      entry("llama", "openrouter"),
      entry("claude-sonnet-5", "anthropic"),
      entry("fast", "openrouter", { alias_of: "openrouter/llama" }),
    ],
  });
  const one = await door.send("/v1/models/openai/gpt-4o", undefined);
  assertEquals(JSON.parse(one.text), entry("openai/gpt-4o", "openrouter"));
  const unknown = await door.send("/v1/models/unheard", undefined);
  assertEquals([unknown.response.status, unknown.response.headers.get("x-llm-proxy-error")], [
    404,
    "model_not_found",
  ]);
  assertEquals(door.arrived, [], "no upstream gets a request of a client");
  assertEquals(door.lists.sort(), ["anthropic", "openai", "openrouter"]);
});

Deno.test("models: one endpoint with Anthropic's API answers its clients itself; two are merged in its form", async () => {
  const version = { "anthropic-version": "2023-06-01" };
  await using single = await listed(ROOMS);
  const { arrived } = await single.send("/v1/models?limit=5", undefined, version);
  assertEquals(`${arrived?.endpoint} ${arrived?.request.target}`, "anthropic /v1/models?limit=5");
  await using both = await listed({ ...ROOMS, ollama: { preset: "ollama", models: ["qwen3:4b"] } });
  const { response, text } = await both.send("/v1/models", undefined, version);
  assertEquals(response.status, 200, text);
  const model = (id: string) => ({
    type: "model",
    id,
    display_name: id,
    created_at: "1970-01-01T00:00:01.000Z",
  });
  assertEquals(JSON.parse(text), {
    data: [model("claude-sonnet-5"), model("qwen3:4b")],
    has_more: false,
    first_id: "claude-sonnet-5",
    last_id: "qwen3:4b",
  });
});

Deno.test("models: the lists of two Ollama servers and of two Google endpoints are merged in their forms", async () => {
  await using door = await listed({
    desk: { preset: "ollama", models: ["qwen3:4b"] },
    cellar: { preset: "ollama", models: ["llama3.3:70b"] },
  });
  assertEquals(await idsAt(door, "/api/tags"), ["qwen3:4b", "llama3.3:70b"]);
  const { arrived } = await door.send("/api/chat", '{"model":"llama3.3:70b"}');
  assertEquals(arrived?.endpoint, "cellar");
  await using google = new OneDoor({
    home: { preset: "gemini", dialect: "gemini", models: ["gemini-3.8-flash"] },
    work: { preset: "gemini", dialect: "gemini", models: ["gemini-3.8-pro"] },
  }, LISTS);
  assertEquals(await idsAt(google, "/v1beta/models"), ["models/gemini-3.8-flash", "models/gemini-3.8-pro"]);
});

Deno.test("models: the merged list of Ollama has sizes and details where a server gave them", async () => {
  const details = {
    parent_model: "",
    format: "gguf",
    family: "qwen3",
    families: ["qwen3"],
    parameter_size: "4.0B",
    quantization_level: "Q4_K_M",
  };
  const known = { name: "qwen3:4b", model: "qwen3:4b", size: 2_600_000_000, digest: "sha256:1", details };
  await using door = await listed({
    desk: { preset: "ollama", tags: { models: [{ ...known, modified_at: "2026-01-01T02:00:00+02:00" }] } },
    cellar: { preset: "ollama", models: ["llama3.3:70b"] },
  }, { aliases: { fast: "desk/qwen3:4b" } });
  const { text } = await door.send("/api/tags", undefined);
  const unknown = {
    parent_model: "",
    format: "",
    family: "",
    families: [],
    parameter_size: "",
    quantization_level: "",
  };
  const modified_at = "2026-01-01T00:00:00.000Z";
  assertEquals(JSON.parse(text), {
    models: [
      { ...known, modified_at },
      {
        name: "llama3.3:70b",
        model: "llama3.3:70b",
        modified_at: "1970-01-01T00:00:01.000Z",
        size: 0,
        digest: "",
        details: unknown,
      },
      { ...known, name: "fast", model: "fast", modified_at },
    ],
  });
});

Deno.test("models: a slow endpoint delays the list by a second at most, and is named as missing", async () => {
  const late = Promise.withResolvers<void>();
  await using door = new OneDoor({
    openai: { preset: "openai", models: ["gpt-5.1"] },
    groq: { preset: "groq", models: ["llama"], listed: late.promise },
    broken: {},
  }, LISTS);
  const { response, text } = await within(door.send("/v1/models", undefined), "the list", 10_000);
  assertEquals(JSON.parse(text).data.map(({ id }: { id: string }) => id), ["gpt-5.1"]);
  assertEquals(response.headers.get("x-llm-proxy-missing"), "groq, broken");
  const { detail, endpoint } = await door.proxy.logged("models_failing");
  assertEquals(endpoint, "broken");
  assert(String(detail).endsWith(" answered 404"), String(detail));
  late.resolve();
  await until(
    () => door.proxy.log.some((line) => line.event === "models_listed" && line["endpoint"] === "groq"),
    "the late list",
  );
  assertEquals(await idsAt(door, "/v1/models"), ["gpt-5.1", "llama"]);
});

Deno.test("models: a failure keeps the last list, and each change of state is logged once", async () => {
  const models = ["first"];
  await using door = new OneDoor({
    openai: { preset: "openai", models: ["gpt-5.1"] },
    lab: { preset: "vllm", models },
  }, { refreshMs: 20 });
  const events = () =>
    door.proxy.log.filter((line) => line["endpoint"] === "lab").map(({ event, detail }) =>
      `${event} ${detail}`
    );
  await until(() => door.lists.filter((name) => name === "lab").length > 3, "several refreshes");
  models.push("second");
  await until(() => door.lists.length > 20, "more refreshes");
  assertEquals(await idsAt(door, "/v1/models"), ["gpt-5.1", "first", "second"]);
  assertEquals(events(), ["models_listed one model"]);
});

Deno.test("models: without refreshes and with one endpoint, no list is read", async () => {
  await using off = new OneDoor({ a: { models: ["x"] }, b: { models: ["y"] } });
  await off.send("/v1/chat/completions", '{"model":"y"}');
  assertEquals(await idsAt(off, "/v1/models"), []);
  assertEquals(off.lists, []);
  await using one = new OneDoor({ openai: { preset: "openai", models: ["x"] } }, LISTS);
  const { arrived } = await one.send("/v1/models", undefined);
  assertEquals([arrived?.endpoint, one.lists], ["openai", []]);
});

Deno.test("models: an endpoint that closes the path of its list is left out; if all do, the answer is a 403", async () => {
  const closed = { endpoint: { paths: ["!*/models*"] } };
  await using one = await listed({ ...ROOMS, openrouter: { ...ROOMS["openrouter"], ...closed } });
  assertEquals(await idsAt(one, "/v1/models"), ["gpt-5.1", "shared", "claude-sonnet-5"]);
  await using all = await listed({ a: { models: ["x"], ...closed }, b: { models: ["y"], ...closed } });
  const { response } = await all.send("/v1/models", undefined);
  assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [403, "forbidden"]);
});

Deno.test("models: a list with names of another endpoint draws no requests of that endpoint, and is logged", async () => {
  await using door = await listed({
    first: { preset: "vllm", models: ["big"] },
    second: { preset: "vllm", models: ["first/big", "first/small"] },
  }, { aliases: { fast: "first/big" } });
  const sentTo = async (model: string): Promise<string> => {
    const { arrived } = await door.send("/v1/chat/completions", JSON.stringify({ model }));
    return `${arrived?.endpoint} ${JSON.parse(arrived?.body ?? "{}").model}`;
  };
  assertEquals(await sentTo("fast"), "first big");
  assertEquals(await sentTo("first/big"), "first big");
  assertEquals(await sentTo("first/small"), "second first/small", "the first endpoint does not list it");
  assertEquals(await idsAt(door, "/v1/models"), ["big", "second/first/big", "first/small", "fast"]);
  assertEquals(await sentTo("second/first/big"), "second first/big");
  const { endpoint, detail } = await door.proxy.logged("models_prefixed");
  assertEquals(endpoint, "second");
  assert(String(detail).endsWith("no list: first/big, first/small"), String(detail));
});

Deno.test("models: a slash at the end of the path of the list makes no difference", async () => {
  await using door = await listed(ROOMS);
  for (const path of ["/v1/models", "/v1/models/"]) {
    assertEquals(await idsAt(door, path), [
      "gpt-5.1",
      "shared",
      "openai/gpt-4o",
      "openrouter/shared",
      "llama",
      "claude-sonnet-5",
    ]);
  }
  assertEquals(door.arrived, [], "no upstream gets the request");
  const head = await fetch(`${door.proxy.url}/v1/models/`, { method: "HEAD", headers: TOKEN });
  const { text } = await door.send("/v1/models", undefined);
  assertEquals([head.status, head.headers.get("content-length")], [200, String(text.length)]);
});
