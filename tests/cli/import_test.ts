/** `llm-proxy import` converts files of other programs, lists what it leaves out, and copies no key. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parse } from "smol-toml";
import { CommandError } from "../../src/cli/command_error.ts";
import { convert, type ImportedProgram } from "../../src/cli/import/import.ts";
import { Draft } from "../../src/cli/import/draft.ts";
import { loadConfig } from "../../src/config/load.ts";
import { chooseEndpoint, dependsOnModel } from "../../src/routing/choose_endpoint.ts";
import { match } from "../../src/routing/match.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import {
  IMPORT_CASES,
  LITELLM,
  LITELLM_ONE,
  LITELLM_PATTERNS,
  LITELLM_PREFIXES,
  LLAMA_SWAP,
  OLLA,
} from "../support/data/import_sources.ts";
import { endpointDifference } from "../../src/cli/import/endpoint_difference.ts";
import { Source } from "../../src/cli/import/source.ts";
import { shortestRun } from "../support/time/shortest_run.ts";

/** Keys in clear in the files of these tests. */
const IN_CLEAR = /canary-[\w-]+/;

/** Converts a file, and loads the result with values for its variables. */
async function converted(program: ImportedProgram, file: string) {
  const { text, notes, draft } = await convert(program, "other.yaml", file);
  assertEquals(IN_CLEAR.exec(text + notes.join("\n")), null, "a key was copied");
  const { config, warnings } = await loadConfig({
    get(name) {
      if (!draft.variables.has(name)) return undefined;
      return name === "UPSTREAM_URL"
        ? "http://10.0.0.9:8000"
        : name === "LAB_HOST"
        ? "10.0.0.9"
        : `value-of-${name}`;
    },
    readTextFile(path) {
      if (path === "config.toml") return text;
      throw new Deno.errors.NotFound(path);
    },
  });
  assertEquals(warnings, []);
  // Objects of the parser have no prototype. The file is a table of tables.
  const { endpoints = {}, ...rest }: Record<string, unknown> & {
    endpoints?: Record<string, Record<string, unknown>>;
  } = JSON.parse(JSON.stringify(parse(text)));
  return { text, notes, config, endpoints, rest, variables: [...draft.variables.keys()] };
}

Deno.test("import litellm: models of one provider share an endpoint; several deployments get their own", async () => {
  const { endpoints, rest, config, variables } = await converted("litellm", LITELLM);
  assertEquals(endpoints, {
    "local": {
      provider: "openai",
      strategy: "failover",
      retries: 2,
      prices: { "llama-3.3": { input: 0.15, output: 0.6 } },
      backends: [
        {
          name: "openai-1",
          base_url: "http://192.168.1.20:8000/v1",
          api_key: "${LOCAL_API_KEY}",
          first_byte_timeout: "5m",
          models: { local: "llama-3.3" },
        },
        {
          name: "openai-2",
          base_url: "https://api.openai.com/v1",
          api_key: "${OPENAI_API_KEY}",
          first_byte_timeout: "5m",
          models: { local: "gpt-4o" },
        },
      ],
    },
    "chat": {
      provider: "openai",
      strategy: "weighted",
      retries: 2,
      backends: [
        {
          name: "groq-1",
          base_url: "https://api.groq.com/openai/v1",
          api_key: "${GROQ_API_KEY}",
          first_byte_timeout: "5m",
          weight: 3,
          models: { chat: "llama-3.3-70b" },
        },
        {
          name: "azure-2",
          base_url: "https://lab.openai.azure.com/openai/v1",
          api_key: "${AZURE_KEY}",
          key_header: "api-key",
          first_byte_timeout: "90s",
          weight: 1,
          models: { chat: "my-gpt" },
        },
      ],
    },
    "openai": {
      provider: "openai",
      base_url: "https://api.openai.com/v1",
      api_key: "${OPENAI_API_KEY}",
      retries: 2,
      first_byte_timeout: "5m",
    },
    "anthropic": {
      provider: "anthropic",
      base_url: "https://api.anthropic.com",
      api_key: "${ANTHROPIC_API_KEY}",
      retries: 2,
      first_byte_timeout: "5m",
    },
  });
  assertEquals(rest, {
    auth: { token: "${PROXY_TOKEN}", limits: { budget_month_usd: 25 } },
    management: { token: "${MANAGEMENT_TOKEN}" },
    routes: [
      { model: "local", endpoint: "local" },
      { model: "chat", endpoint: "chat" },
      { model: "fast", endpoint: "openai", to: "gpt-4o-mini" },
      { model: "gpt-4o", endpoint: "openai" },
      { model: "claude", endpoint: "anthropic", to: "claude-sonnet-5" },
    ],
    aliases: { cheap: "fast" },
  });
  assertEquals(config.endpoints.map(({ dialect }) => dialect), [
    "openai",
    "openai",
    "openai",
    "anthropic",
  ]);
  assertEquals(variables.toSorted(), [
    "ANTHROPIC_API_KEY",
    "AZURE_KEY",
    "GROQ_API_KEY",
    "LOCAL_API_KEY",
    "MANAGEMENT_TOKEN",
    "OPENAI_API_KEY",
    "PROXY_TOKEN",
  ]);
});

Deno.test("import litellm: what is left out is listed with its line, in the file too", async () => {
  const { notes, text } = await converted("litellm", LITELLM);
  assertEquals(notes, [
    "other.yaml:7: model_list[0].litellm_params.rpm: is not carried over: llm-proxy limits the tokens of clients, not single upstreams",
    "other.yaml:11: model_list[1].litellm_params.temperature: has no counterpart",
    "other.yaml:16: model_list[2].litellm_params.api_key: is a key in clear: it was not copied. Set LOCAL_API_KEY to it",
    'other.yaml:21: model_list[4]: the budget rejects the model "my-gpt", which has no published price: set its price in the endpoint (prices)',
    "other.yaml:25: model_list[4].litellm_params.api_version: is not needed: the address ends in /openai/v1, Azure's API without versions",
    "other.yaml:31: model_list[6]: is not carried over: LiteLLM translates the API of bedrock, and llm-proxy translates no API",
    "other.yaml:33: model_list[7]: is not carried over: its provider is unknown",
    "other.yaml:41: router_settings.fallbacks[0].local[2]: is not carried over: the file has no such model, or it was left out",
    "other.yaml:41: router_settings.fallbacks[0].local[1]: is not carried over: local speaks openai, and this model speaks anthropic",
    "other.yaml:42: router_settings.redis_password: has no counterpart",
    "other.yaml:44: litellm_settings.drop_params: is not needed: llm-proxy does not change requests",
    "other.yaml:47: litellm_settings.callbacks: has no counterpart",
    "other.yaml:49: general_settings.master_key: is a key in clear: it was not copied. Set PROXY_TOKEN to it, or to a new token",
    "other.yaml:50: general_settings.database_url: is not read: create keys, teams and budgets of the database again, with llm-proxy token and llm-proxy project",
    "other.yaml:52: environment_variables: is not copied: set these variables yourself where you need them",
  ]);
  for (const note of notes) assertStringIncludes(text, `#   ${note}\n`);
  assertStringIncludes(text, "#   claude  /v1/messages\n#   cheap   /v1\n");
});

Deno.test("import litellm: deployments in their order, servers without keys, and clients of OpenAI's API", async () => {
  const deployment = (model: string, more: string) =>
    `  - model_name: chat\n    litellm_params: { model: ${model}, api_base: "http://10.0.0.9:8000/v1", ${more} }\n`;
  const { endpoints, notes, variables, text } = await converted(
    "litellm",
    `model_list:
${deployment("openai/last", "api_key: EMPTY")}${deployment("openai/second", "api_key: none, order: 2")}${
      deployment("hosted_vllm/first", "api_key: sk-no-key-required, order: 1")
    }  - model_name: claude
    litellm_params: { model: anthropic/claude-sonnet-5 }
    model_info: { id: one, mode: chat }
router_settings: { num_retries: 1 }
litellm_settings: { num_retries: 3 }
`,
  );
  const chat = endpoints["chat"];
  assertEquals([chat?.["strategy"], chat?.["retries"]], ["failover", 1]);
  assert(Array.isArray(chat?.["backends"]));
  assertEquals(chat["backends"].map(({ models, api_key }) => [models.chat, api_key]), [
    ["first", "none"],
    ["second", "none"],
    ["last", "none"],
  ]);
  assertEquals(notes, [
    "other.yaml:12: litellm_settings.num_retries: is not carried over: router_settings.num_retries counts",
  ]);
  assertEquals(variables, ["ANTHROPIC_API_KEY", "PROXY_TOKEN"]);
  assertStringIncludes(
    text,
    "# Clients of OpenAI's API do not reach anthropic: llm-proxy translates no API.",
  );
});

Deno.test("import litellm: names with *, credentials by name, anchors, and keys of one provider in clear", async () => {
  const { endpoints, rest, notes, variables } = await converted(
    "litellm",
    `
defaults: &defaults
  timeout: 60
  extra_headers: { x-team: lab, x-auth: canary-of-header }
credential_list:
  - credential_name: lab
    credential_values: { api_key: os.environ/LAB_KEY, api_base: os.environ/UPSTREAM_URL }
model_list:
  - model_name: "*"
    litellm_params: { model: "openai/*" }
  - model_name: first
    litellm_params: { <<: *defaults, model: openai/gpt-4o, api_key: canary-one }
  - model_name: second
    litellm_params: { model: openai/gpt-4o, api_key: canary-two }
  - model_name: third
    litellm_params: { model: openai/gpt-4o, api_key: canary-two }
  - model_name: lab-model
    litellm_params: { model: hosted_vllm/qwen, litellm_credential_name: lab }
  - model_name: "\${odd}"
    litellm_params: { model: "ollama/\${name}" }
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
`,
  );
  assertEquals(Object.keys(endpoints).toSorted(), [
    "api.openai.com",
    "api.openai.com-2",
    "ollama",
    "openai",
    "vllm",
  ]);
  assertEquals(endpoints["api.openai.com"], {
    provider: "openai",
    base_url: "https://api.openai.com/v1",
    api_key: "${OPENAI_API_KEY_2}",
    first_byte_timeout: "1m",
    headers: { "x-team": "lab", "x-auth": "${OPENAI_X_AUTH}" },
  });
  assertEquals(endpoints["vllm"], {
    provider: "vllm",
    base_url: "${UPSTREAM_URL}",
    api_key: "${LAB_KEY}",
  });
  assertEquals(endpoints["ollama"], {
    provider: "ollama",
    base_url: "http://127.0.0.1:11434",
    api_key: "none",
  });
  assertEquals(rest["routes"], [
    { model: "first", endpoint: "api.openai.com", to: "gpt-4o" },
    { model: "second", endpoint: "api.openai.com-2", to: "gpt-4o" },
    { model: "third", endpoint: "api.openai.com-2", to: "gpt-4o" },
    { model: "lab-model", endpoint: "vllm", to: "qwen" },
    { model: "$${odd}", endpoint: "ollama", to: "$${name}" },
    { model: "*", endpoint: "openai" },
  ]);
  assert(variables.includes("LITELLM_MASTER_KEY"));
  assertEquals(notes.filter((note) => note.includes("has a *")), []);
});

Deno.test("import litellm: a name with a * becomes a route, or an endpoint with the name of its prefix", async () => {
  const { rest, notes } = await converted("litellm", LITELLM_PATTERNS);
  assertEquals(rest["server"], { default_endpoint: "openai" });
  assertEquals(rest["routes"], [
    { model: "any-one", endpoint: "openai", to: "gpt-4o" },
    { model: "$${odd}", endpoint: "groq", to: "$${name}" },
    { model: "llama-3-*", endpoint: "127.0.0.1-9002" },
    { model: "llama-*", endpoint: "groq" },
    { model: "team-*", endpoint: "openai", to: "gpt-*" },
    { model: "any-*", endpoint: "groq", to: "gemma-4" },
  ]);
  assertEquals(rest["aliases"], { cheap: "any-one", quick: "groq/gemma-4" });
  const removes = (line: number, index: number, prefix: string) =>
    `other.yaml:${line}: model_list[${index}].model_name: has a *: llm-proxy removes ${prefix}/ from a name, ` +
    "unless the list of an endpoint has the whole name";
  assertEquals(notes, [
    removes(4, 1, "openai"),
    removes(5, 2, "groq"),
    removes(6, 3, "local"),
  ]);
});

Deno.test("import litellm: several deployments of openai/* get another name, and a note says which", async () => {
  const { endpoints, notes } = await converted("litellm", LITELLM_PREFIXES);
  assertEquals(Object.keys(endpoints).toSorted(), ["groq", "lab", "openai-2"]);
  assertEquals(
    notes[0],
    "other.yaml:3: model_list[0].model_name: has a *, and no route can change its names: " +
      "clients write openai-2/ and the name at the provider",
  );
});

Deno.test("import litellm: an alias of a model that the file does not have is left out", async () => {
  const { rest, notes } = await converted(
    "litellm",
    LITELLM_ONE.replace(/ +- \{ model_name: "\*".*\n/, ""),
  );
  assertEquals(rest["aliases"], undefined);
  assertEquals(notes, [
    "other.yaml:5: router_settings.model_group_alias.gone: is not carried over: the file has no such model, or it was left out",
  ]);
});

Deno.test("import litellm: a model with the same name at its provider needs no change of bodies", async () => {
  const { endpoints } = await converted(
    "litellm",
    `
model_list:
  - { model_name: gpt-4o, litellm_params: { model: gpt-4o, api_key: canary-one } }
  - { model_name: gpt-4o, litellm_params: { model: gpt-4o, api_key: canary-two } }
`,
  );
  const base_url = "https://api.openai.com/v1";
  assertEquals(endpoints["gpt-4o"], {
    provider: "openai",
    strategy: "round_robin",
    backends: [
      { name: "openai-1", base_url, api_key: "${OPENAI_API_KEY}" },
      { name: "openai-2", base_url, api_key: "${OPENAI_API_KEY_2}" },
    ],
  });
});

Deno.test("import olla: servers of one type share an endpoint, by priority", async () => {
  const { endpoints, rest, notes } = await converted("olla", OLLA);
  const timeouts = { connect_timeout: "500ms", total_timeout: "none" };
  assertEquals(rest, {
    server: {
      host: "0.0.0.0",
      port: 40114,
      cors_origins: ["https://chat.example.com"],
      drain_seconds: 90,
      default_endpoint: "ollama",
    },
    auth: { token: "${PROXY_TOKEN}" },
    aliases: { small: "llama3.2:3b" },
  });
  assertEquals(endpoints["ollama"], {
    provider: "ollama",
    strategy: "failover",
    retries: 2,
    retry_statuses: [404, 429, 500, 502, 503, 529],
    backends: [
      { name: "desk", base_url: "http://10.0.0.1:11434", api_key: "none", ...timeouts },
      { name: "attic", base_url: "http://10.0.0.2:11434", api_key: "none", ...timeouts },
    ],
  });
  assertEquals(endpoints["vllm"], {
    provider: "vllm",
    base_url: "http://10.0.0.3:8000",
    api_key: "${LAB_API_KEY}",
    key_header: "authorization",
    ...timeouts,
  });
  assertEquals(endpoints["sglang"], {
    provider: "openai",
    base_url: "http://10.0.0.4:9000",
    api_key: "${OTHER_KEY}",
    key_header: "x-key",
    headers: { "x-team": "lab" },
    ...timeouts,
  });
  assertEquals(notes, [
    "other.yaml:7: server.rate_limits: is not carried over: llm-proxy limits tokens, with requests_per_minute",
    "other.yaml:20: discovery.static.endpoints[2].url: has a user and a password, which are not copied: put them into headers",
    "other.yaml:23: discovery.static.endpoints[2].auth.token: is a key in clear: it was not copied. Set LAB_API_KEY to it",
    "other.yaml:32: discovery.static.endpoints[4].auth: is not carried over: set the header authorization in headers of the backend basic",
    "other.yaml:34: model_aliases.small: has several names: the alias stands for the first",
  ]);
});

Deno.test("import llama-swap: an endpoint for each address, with the ports that llama-swap would choose", async () => {
  const { endpoints, rest, notes } = await convertedLlamaSwap();
  assertEquals(rest, {
    auth: { token: "${PROXY_TOKEN}" },
    log: { level: "warn" },
    routes: [
      { model: "alpha", endpoint: "alpha", to: "org/alpha" },
      { model: "remote-a", endpoint: "llama-swap" },
      { model: "remote-b", endpoint: "llama-swap" },
      { model: "zeta", endpoint: "zeta" },
      { model: "big/model", endpoint: "cloud" },
    ],
    aliases: { "second-b": "remote-b", "gpt-4o-mini": "zeta" },
  });
  assertEquals(endpoints, {
    "alpha": {
      provider: "llamacpp",
      base_url: "http://127.0.0.1:9000",
      api_key: "none",
      connect_timeout: "5s",
      first_byte_timeout: "none",
    },
    "zeta": {
      provider: "llamacpp",
      base_url: "http://localhost:9001",
      api_key: "none",
    },
    "llama-swap": { provider: "llamacpp", base_url: "http://10.0.0.9:8080", api_key: "none" },
    "cloud": { provider: "openai", base_url: "https://llm.example.com/api", api_key: "${CLOUD_KEY}" },
    "lab": { provider: "openai", base_url: "http://${LAB_HOST}:8080", api_key: "${LAB_API_KEY}" },
  });
  assertEquals(notes.slice(0, 4), [
    "other.yaml:7: apiKeys[0]: is a key in clear: it was not copied. Set PROXY_TOKEN to it",
    "other.yaml:10: models.zeta.cmd: is not carried over: start the server yourself, at port 9001",
    "other.yaml:11: models.zeta.ttl: is not carried over: llm-proxy stops no programs",
    "other.yaml:14: models.alpha.cmd: is not carried over: start the server yourself, at port 9000",
  ]);
  assertEquals(notes.at(-1), "other.yaml:23: hooks: is not carried over: llm-proxy starts no programs");
});

async function convertedLlamaSwap() {
  return await converted("llama-swap", LLAMA_SWAP);
}

for (const { program, name, file, models } of IMPORT_CASES) {
  Deno.test(`import ${program}: each model keeps its name at one address: ${name}`, async () => {
    const { config } = await converted(program, file);
    const { byModel, ...table } = buildRoutingTable(config.endpoints, config.defaultEndpoint, config.routing);
    assert(byModel !== undefined);
    for (const { model, endpoint, upstream, path = "/v1/chat/completions" } of models) {
      const api = match({ ...table, byModel }, path)?.byModel;
      assert(api !== undefined);
      assert(dependsOnModel(byModel, api), "the proxy reads no model");
      const choice = chooseEndpoint({ ...table, byModel }, { api, model, mayUse: () => true }, {
        has: () => false,
        isKnown: () => false,
      });
      const sent = choice?.model ?? "";
      assertEquals(
        [
          choice?.endpoint.name,
          new Set(choice?.endpoint.backends.map(({ model }) => model?.byName.get(sent) ?? sent)),
        ],
        [endpoint, new Set(upstream)],
        model,
      );
    }
  });
}

Deno.test("import olla: the list of a server decides where an alias leads", async () => {
  const { config } = await converted("olla", OLLA);
  const { byModel, ...table } = buildRoutingTable(config.endpoints, config.defaultEndpoint, config.routing);
  assert(byModel !== undefined);
  const choice = chooseEndpoint(
    { ...table, byModel },
    { api: "openai", model: "small", mayUse: () => true },
    {
      has: (endpoint, model) => endpoint === "vllm" && model === "llama3.2:3b",
      isKnown: (endpoint) => endpoint === "vllm",
    },
  );
  assertEquals([choice?.endpoint.name, choice?.model], ["vllm", "llama3.2:3b"]);
});

/** Files that cannot be imported, and the message of the error. */
const UNUSABLE: readonly (readonly [ImportedProgram, string, string])[] = [
  ["litellm", "model_list: [", "other.yaml:1: this is not valid YAML"],
  ["litellm", "key: canary-x\n key: : canary-y", "this is not valid YAML"],
  ["litellm", "", "has no upstream that llm-proxy can use"],
  ["olla", "- a list", "has no upstream that llm-proxy can use"],
  ["llama-swap", "models: 7", "has no upstream that llm-proxy can use"],
  [
    "litellm",
    `a: &a [${"x,".repeat(50)}]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`,
    "refer to each other too often",
  ],
  [
    "litellm",
    "model_list: [{ model_name: x, litellm_params: { model: openai/x, api_base: 'not a URL', api_key: canary-x } }]",
    "Nothing was written: the configuration would be invalid.",
  ],
  [
    "llama-swap",
    '{ models: { a: { proxy: "http://127.0.0.1:9", useModelName: "b\\nc" } } }',
    "contains a line break",
  ],
  ["olla", OLLA.replace('"llama3.2:3b"', '"a\\0b"'), "contains a line break"],
];
for (const [program, file, message] of UNUSABLE) {
  Deno.test(`import: an error without values of the file: ${message}`, async () => {
    const error = await assertRejects(() => convert(program, "other.yaml", file), CommandError, message);
    assertEquals(IN_CLEAR.exec(error.message), null);
  });
}

/** Ends a comment, if the import copies the line break, and gives the key of the user to another server. */
const INJECTED = (end: string) =>
  `good${end}[endpoints.evil]${end}provider = "generic"${end}base_url = "http://evil.invalid"${end}api_key = "\${OPENAI_API_KEY}"${end}#`;

/** Files in which a name tries to become configuration. */
const HOSTILE: readonly (readonly [ImportedProgram, (name: string) => string])[] = [
  ["litellm", (name) =>
    JSON.stringify({
      model_list: [
        {
          model_name: name,
          litellm_params: { model: "openai/gpt-4o", api_key: "os.environ/OPENAI_API_KEY" },
        },
        { model_name: name, litellm_params: { model: "anthropic/x", api_key: "canary-key" } },
      ],
      [name]: { [name]: 1 },
      router_settings: { model_group_alias: { [name]: "x", [`${name}3`]: name } },
    })],
  ["llama-swap", (name) =>
    JSON.stringify({
      models: { [name]: { proxy: "http://127.0.0.1:9", [name]: 1 } },
      peers: { [name]: { proxy: "http://127.0.0.1:8", apiKey: "canary-key", models: [name] } },
    })],
  ["olla", (name) =>
    JSON.stringify({
      discovery: {
        static: {
          endpoints: [{
            url: "http://127.0.0.1:9",
            name,
            type: "ollama",
            auth: { type: "bearer", token: "canary-key" },
            [name]: 1,
          }],
        },
      },
    })],
];
for (const [program, file] of HOSTILE) {
  Deno.test(`import ${program}: line breaks and control characters in names stay out of comments and notes`, async () => {
    for (const end of ["\n", "\r\n", "\r", "\u0085", "\u2028", "\0", "\x1b[2J", "\u202e"]) {
      const { text, notes, draft } = await convert(program, `a${INJECTED(end)}.yaml`, file(INJECTED(end)));
      const { endpoints = {} }: Record<string, Record<string, unknown>> = JSON.parse(
        JSON.stringify(parse(text)),
      );
      assertEquals(Object.keys(endpoints).toSorted(), draft.endpoints.map(({ name }) => name).toSorted());
      assertEquals(/[\p{C}\p{Zl}\p{Zp}]/u.exec((text + notes.join("")).replaceAll("\n", "")), null);
      assertEquals(text.split("\n").filter((line) => line.startsWith("[endpoints.evil")), []);
    }
  });
}

Deno.test("import: long names make no long columns", async () => {
  const models = Object.fromEntries(
    ["x".repeat(100_000), ...Array.from({ length: 200 }, (_, index) => `m${index}`)].map((
      name,
    ) => [name, { proxy: "http://127.0.0.1:9" }]),
  );
  const { text } = await convert("llama-swap", "other.yaml", JSON.stringify({ models }));
  assert(text.length < 300_000, `${text.length} characters`);
});

Deno.test("import: the result must have the endpoints, addresses and keys of the draft", async () => {
  const draft = new Draft();
  const api_key = draft.variable("KEY_A", "the key of a");
  draft.endpoints.push({
    name: "a",
    provider: "generic",
    backends: [{ base_url: "http://a.test/v1/", api_key }],
    served: [],
  });
  const values: Readonly<Record<string, string>> = { KEY_A: "the-key-of-a-here", KEY_B: "the-key-of-b-here" };
  const get = (name: string) => values[name];
  const difference = async (lines: string): Promise<string | undefined> => {
    const { config } = await loadConfig({
      get,
      readTextFile(path) {
        if (path === "config.toml") return `[auth]\ntoken = "token-of-the-clients"\n${lines}`;
        throw new Deno.errors.NotFound(path);
      },
    });
    return endpointDifference(draft, config.endpoints, get);
  };
  const table = (name: string, url: string, key: string) =>
    `[endpoints.${name}]\nprovider = "generic"\nbase_url = "${url}"\napi_key = "${key}"\n`;
  const right = table("a", "http://a.test/v1", "${KEY_A}");
  assertEquals(await difference(right), undefined);
  assertEquals(
    await difference(right + table("evil", "http://evil.test", "${KEY_A}")),
    "its endpoints would be a, evil in place of a",
  );
  const changed = "the endpoint a would have other addresses or keys";
  assertEquals(await difference(table("a", "http://evil.test/v1", "${KEY_A}")), changed);
  assertEquals(await difference(table("a", "http://a.test/v2", "${KEY_A}")), changed);
  assertEquals(await difference(table("a", "http://a.test/v1", "${KEY_B}")), changed);
  assertEquals(await difference(table("a", "http://a.test/v1", "none")), changed);
});

Deno.test("import llama-swap: macros that grow without end are an error", async () => {
  const macros = Object.fromEntries(
    Array.from({ length: 10 }, (_, index) => [
      `m${index}`,
      index === 9 ? "AAAAAAAAAA" : `\${m${index + 1}}`.repeat(12),
    ]),
  );
  const long = "x".repeat(50_000);
  const cases = [
    { macros, models: { m: { cmd: "${m0}", proxy: "http://127.0.0.1:9" } } },
    { models: { m: { macros, cmd: "${m0}", proxy: "http://127.0.0.1:9" } } },
    { models: { [long]: { proxy: "http://127.0.0.1:9/${MODEL_ID}${MODEL_ID}" } } },
    {
      macros: { long },
      models: Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`m${index}`, { cmd: "${long}" }]),
      ),
    },
  ];
  for (const file of cases) {
    await assertRejects(
      () => convert("llama-swap", "other.yaml", JSON.stringify(file)),
      CommandError,
      "Nothing was written: the macros of the file expand to more than ",
    );
  }
});

Deno.test("import: the notes of a wide file take less time than the parser", () => {
  const file = JSON.stringify(Array.from({ length: 10_000 }, () => ({ name: "n", more: { x: 1 } })));
  const sources = Array.from({ length: 5 }, () => new Source("other.yaml", file));
  const parsing = shortestRun(() => new Source("other.yaml", file));
  const noting = shortestRun(() => {
    const source = sources.pop();
    for (const item of source?.root.items() ?? []) {
      item.key("name").text();
      item.key("more").key("x").text();
    }
    assertEquals(source?.notes(), []);
  });
  assert(noting < parsing, `${noting} ms, and ${parsing} ms for the parser`);
});

Deno.test("import: each of many endpoints gets a free name in the same time", () => {
  let draft = new Draft();
  const took = shortestRun(() => {
    draft = new Draft();
    for (let index = 0; index < 8_000; index++) {
      const name = draft.freeName(index % 2 === 0 ? "same" : `other${index}`);
      draft.endpoints.push({ name, provider: "generic", backends: [], served: [] });
    }
  });
  assertEquals(draft.endpoints.slice(0, 4).map(({ name }) => name), ["same", "other1", "same-2", "other3"]);
  assertEquals(new Set(draft.endpoints.map(({ name }) => name)).size, 8_000);
  assertEquals([draft.freeName("SAME"), draft.freeName("openai")], ["SAME-4001", "openai-2"]);
  assertEquals(draft.freeName("openai", { isUsual: true }), "openai");
  assert(took < 500, `${took} ms`);
});
