import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { toJsonSchema } from "@valibot/to-json-schema";
import { fileSchema } from "../../src/config/sources/file_schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { secretsOf } from "../../src/config/redact.ts";
import type { Config } from "../../src/config/config.ts";
import { configSources } from "../support/proxies/config_sources.ts";

async function load(toml: string, env: Record<string, string> = {}): Promise<Config> {
  return (await loadConfig(configSources(env, { "config.toml": toml }))).config;
}

async function problemsOf(toml: string, env: Record<string, string> = {}): Promise<string[]> {
  const error = await assertRejects(() => load(toml, env), ConfigError);
  return error.problems.map(({ origin, message }) => `${origin} ${message}`);
}

const KEYED = '[auth]\ntoken = "a-token-of-some-length"\n[endpoints.openai]\napi_key = "sk-1"\n';

Deno.test("config.example.toml: is valid, and its values are the defaults", async () => {
  const text = await Deno.readTextFile(new URL("../../config.example.toml", import.meta.url));
  const env = { PROXY_TOKEN: "a-token-of-some-length", OPENAI_API_KEY: "sk-o", ANTHROPIC_API_KEY: "sk-a" };
  const example = await load(text, env);
  const [openai, anthropic, chat] = example.endpoints;
  assertEquals(example.endpoints.map(({ name }) => name), ["openai", "anthropic", "chat"]);
  const bare = await load(
    '[endpoints.openai]\nprovider = "openai"\napi_key = "sk-o"\n[endpoints.anthropic]\napi_key = "sk-a"\n' +
      '[endpoints.chat]\nprovider = "openai"\n' +
      '[[endpoints.chat.backends]]\nname = "desk"\nbase_url = "http://192.168.1.20:11434/v1"\napi_key = "none"\nmodel = "llama3.3"\n' +
      '[[endpoints.chat.backends]]\nname = "cloud"\napi_key = "sk-o"\nmodels = { "llama3.3" = "gpt-4o-mini" }\n',
    { PROXY_TOKEN: "a-token-of-some-length" },
  );
  assertEquals([openai, anthropic, chat], [...bare.endpoints], "the written values are the defaults");
  assertEquals([example.server, example.log, example.auth], [bare.server, bare.log, bare.auth]);
});

Deno.test("config.example.toml: contains every key of the schema", async () => {
  const text = await Deno.readTextFile(new URL("../../config.example.toml", import.meta.url));
  const written = new Set([...text.matchAll(/(?:^|\n|[{,] )(?:# )?(\w+) = /g)].map(([, key]) => key));
  const missing = new Set<string>();
  const visit = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties = {}, ...rest } = schema as { properties?: Record<string, unknown> }; // a JSON Schema
    for (const [key, value] of Object.entries(properties)) {
      const isTable = JSON.stringify(value).includes('"properties"');
      if (!isTable && !written.has(key) && key !== "target_base") missing.add(key);
      visit(value);
    }
    Object.values(rest).forEach(visit);
  };
  visit(toJsonSchema(fileSchema, { typeMode: "input", errorMode: "ignore" }));
  assertEquals([...missing], []);
});

Deno.test("config.schema.json: is up to date with the validation schema (deno task schema writes it)", async () => {
  const path = new URL("../../src/config/config.schema.json", import.meta.url);
  assertEquals(
    JSON.parse(await Deno.readTextFile(path)),
    JSON.parse(JSON.stringify(toJsonSchema(fileSchema, { typeMode: "input", errorMode: "ignore" }))),
  );
});

Deno.test("a file: reports all problems at once, with file, line, key path and a suggestion", async () => {
  const problems = await problemsOf(`
[server]
prot = 1
port = 70000
drain_seconds = true
max_body_bytes = "lots"

[auth]
token = 5

[log]
level = "loud"

[endpoints.v1]
base_url = "https://one.test"

[endpoints.chat]
stratgy = "failover"
connect_timeout = "soon"
api_key = "\${NO_SUCH_KEY}"
headers = { "bad name" = "x", host = "y" }
[[endpoints.chat.backends]]
name = "same"
base_url = "ftp://two.test"
[[endpoints.chat.backends]]
name = "same"
proxy_url = "ftp://me:secret@proxy.test"
nme = 1
`);
  assertEquals(problems, [
    "config.toml:3: server.prot is not a known key; did you mean port?",
    'config.toml:4: server.port "70000" is not a port (0 to 65535)',
    "config.toml:5: server.drain_seconds must be a number, not a boolean",
    'config.toml:6: server.max_body_bytes "lots" is not a size: write a number of bytes, "500K", "32M", "1G" or "none"',
    "config.toml:9: auth.token must be a string, not a number",
    'config.toml:12: log.level "loud" is not one of debug, info, warn, error',
    'config.toml:14: endpoints.v1 "v1" is a path of the proxy itself: choose another name',
    "config.toml:18: endpoints.chat.stratgy is not a known key; did you mean strategy?",
    'config.toml:19: endpoints.chat.connect_timeout "soon" is not a duration: write "30s", "5m" or a number of seconds above 0, or "none"',
    "config.toml:20: endpoints.chat.api_key names ${NO_SUCH_KEY}, which is not set in the environment",
    "config.toml:21: endpoints.chat.headers has a key that is not a header name",
    'config.toml:21: endpoints.chat.headers has a key that is "host", which the proxy sets itself',
    "config.toml:24: endpoints.chat.backends.0.base_url is not an http or https URL",
    "config.toml:25: endpoints.chat.backends.1.base_url is missing: the address of the API, like https://api.example.com/v1",
    'config.toml:26: endpoints.chat.backends.1.name "same" appears twice',
    'config.toml:27: endpoints.chat.backends.1.proxy_url is not a proxy URL: write http://, https:// or socks5:// with a host, or "direct"',
    "config.toml:28: endpoints.chat.backends.1.nme is not a known key; did you mean name?",
  ]);
});

Deno.test("a file: the problem of invalid TOML has a position and does not quote the line", async () => {
  assertEquals(await problemsOf('[auth]\ntoken = "sk-secret\n'), [
    "config.toml:2 is not TOML: control characters are not allowed in strings (column 19)",
  ]);
});

/** A name, a file, and the problem of the file. */
const WRONG: readonly (readonly [string, string, string])[] = [
  [
    "a key without a token",
    '[endpoints.openai]\napi_key = "sk-1"',
    'env PROXY_TOKEN is missing: the token that clients send to this proxy; without it, anyone could use the key of openai (auth.mode = "none" allows that)',
  ],
  [
    "token mode without a token",
    '[auth]\nmode = "token"\n[endpoints.a]\nbase_url = "http://a.test"',
    "env PROXY_TOKEN is missing: the token that clients send to this proxy",
  ],
  [
    "mode none with a token",
    `${KEYED.replace("[auth]", '[auth]\nmode = "none"')}`,
    'config.toml:2: auth.mode is "none", but a token is set: keep one of the two',
  ],
  [
    "the token is a key",
    KEYED.replace("sk-1", "a-token-of-some-length"),
    "config.toml:2: auth.token is the same as the key of openai: clients would hold the provider's key",
  ],
  [
    "an unknown default",
    `[server]\ndefault_endpoint = "opnai"\n${KEYED}`,
    'config.toml:2: server.default_endpoint "opnai" is not an endpoint; did you mean openai?',
  ],
  [
    "names that differ in capitals",
    `${KEYED}[endpoints.OpenAI]\nbase_url = "http://a.test"`,
    'config.toml:5: endpoints.OpenAI differs from "openai" only in capitals',
  ],
  [
    "two base URLs",
    `${KEYED}base_url = "http://a.test"\ntarget_base = "http://b.test"`,
    "config.toml:6: endpoints.openai.target_base means the same as base_url, which is set too: keep one of the two",
  ],
  [
    "all origins with a key",
    `[server]\ncors_origins = ["*"]\n${KEYED}`,
    'config.toml:2: server.cors_origins "*" lets every web page use the key of openai: name the origins',
  ],
  [
    "an invalid origin",
    `[server]\ncors_origins = ["https://a.test/"]\n${KEYED}`,
    'config.toml:2: server.cors_origins.0 "https://a.test/" is not an origin: write scheme and host, like https://chat.example.com',
  ],
  [
    "a host name with a port",
    `[server]\nallowed_hosts = ["https://llm.test"]\n${KEYED}`,
    'config.toml:2: server.allowed_hosts.0 "https://llm.test" is not a host name: write it without scheme and port, like llm.example.com',
  ],
  [
    "azure without a base URL",
    `${KEYED}[endpoints.az]\nprovider = "azure"`,
    "config.toml:5: endpoints.az.base_url is missing: the address of the API, like https://api.example.com/v1",
  ],
  [
    "a missing CA",
    `${KEYED}ca_file = "ca.pem"`,
    'config.toml:5: endpoints.openai.ca_file names "ca.pem", which cannot be read: there is no such file',
  ],
  ["no backends", `${KEYED}backends = []`, "config.toml:5: endpoints.openai.backends is empty"],
  [
    "two equal backends",
    `${KEYED}[[endpoints.openai.backends]]\n[[endpoints.openai.backends]]`,
    "config.toml:6: endpoints.openai.backends.1 is the same as the backend api.openai.com",
  ],
  [
    "a key beside several keys",
    `${KEYED}api_keys = ["a", "b"]`,
    "config.toml:5: endpoints.openai.api_keys is set beside api_key: keep one of the two",
  ],
  [
    "several keys that are the same",
    `[auth]\ntoken = "T"\n[endpoints.openai]\napi_keys = ["a", "a"]`,
    "config.toml:4: endpoints.openai.api_keys has the same key twice",
  ],
  [
    "a list of keys without a key",
    `[auth]\ntoken = "T"\n[endpoints.openai]\napi_keys = []`,
    "config.toml:4: endpoints.openai.api_keys is empty",
  ],
  [
    "an incomplete MAC address",
    `${KEYED}wake = "aa:bb"`,
    'config.toml:5: endpoints.openai.wake "aa:bb" is not a MAC address: write it like aa:bb:cc:dd:ee:ff',
  ],
  [
    "a port of UDP that is too high",
    `${KEYED}wake_broadcast = "1.2.3.4:99999"`,
    'config.toml:5: endpoints.openai.wake_broadcast "1.2.3.4:99999" is not an IPv4 address with a UDP port, like 192.168.1.255:9',
  ],
  [
    "checks without a pause",
    `${KEYED}check_every = "1ms"`,
    'config.toml:5: endpoints.openai.check_every "1ms" is not a duration: write "30s" or "5m", from a second to a day, or "none"',
  ],
  [
    "two equal tokens",
    `[auth]\ntokens = [{ name = "a", token = "x" }, { name = "a", token = "x" }]\n[endpoints.openai]`,
    'config.toml:2: auth.tokens.1.name "a" appears twice',
  ],
  [
    "a token with the name of a managed token's id",
    `[auth]\ntokens = [{ name = "tok_9f3b", token = "x" }]\n[endpoints.openai]`,
    'config.toml:2: auth.tokens.0.name "tok_9f3b" begins like an id of a managed token (tok_) or an account (jwt_)',
  ],
];
for (const [what, toml, problem] of WRONG) {
  Deno.test(`a file: ${what}`, async () => assertEquals((await problemsOf(toml))[0], problem));
}

Deno.test("a file: a preset follows from provider, name or host; a key is injected", async () => {
  const { endpoints } = await load(`${KEYED}
[endpoints.fast]
provider = "groq"
api_key = "gsk"
[endpoints.gem]
base_url = "https://generativelanguage.googleapis.com"
api_key = "AIza"
[endpoints.az]
provider = "azure"
base_url = "https://x.openai.azure.com/openai/v1/"
api_key = "az"
[endpoints.ollama]
[endpoints.other]
base_url = "https://llm.test"
key_header = "X-Token"
api_key = "t"
`);
  assertEquals(
    endpoints.map(({ name, preset }) => [name, preset]),
    [
      ["openai", undefined],
      ["fast", "groq"],
      ["gem", undefined],
      ["az", "azure"],
      ["ollama", undefined],
      ["other", undefined],
    ],
    "only a provider that the file names",
  );
  assertEquals(
    endpoints.map(({ name, dialect, backends: [backend] }) => [
      name,
      dialect,
      `${backend?.baseUrl.origin}${backend?.baseUrl.path}`,
      backend?.keyField,
      backend?.key.mode,
    ]),
    [
      ["openai", "openai", "https://api.openai.com/v1", "authorization", "inject"],
      ["fast", "openai", "https://api.groq.com/openai/v1", "authorization", "inject"],
      ["gem", "gemini", "https://generativelanguage.googleapis.com", "x-goog-api-key", "inject"],
      ["az", "openai", "https://x.openai.azure.com/openai/v1", "api-key", "inject"],
      ["ollama", "openai", "http://127.0.0.1:11434", "authorization", "none"],
      ["other", "generic", "https://llm.test", "x-token", "inject"],
    ],
  );
});

Deno.test("a file: a backend inherits the keys of its endpoint, and the environment wins over the file", async () => {
  const { endpoints: [openai, chat] } = await load(
    `${KEYED}
[endpoints.chat]
base_url = "https://a.test/v1"
api_key = "of-the-endpoint"
idle_timeout = "5m"
first_byte_timeout = 2.5
total_timeout = "none"
[[endpoints.chat.backends]]
name = "one"
[[endpoints.chat.backends]]
base_url = "https://b.test"
api_key = "of-the-backend"
idle_timeout = "1m"
weight = 3
`,
    { OPENAI_API_KEY: "of-the-environment", OPENAI_BASE_URL: "https://env.test" },
  );
  assertEquals(openai?.backends.map(({ baseUrl, key }) => [baseUrl.origin, key]), [
    ["https://env.test", { mode: "inject", value: "of-the-environment" }],
  ]);
  assertEquals(
    chat?.backends.map((
      { name, key, timeouts, weight },
    ) => [name, key.mode === "inject" && key.value, timeouts, weight]),
    [
      ["one", "of-the-endpoint", {
        connectMs: 10_000,
        firstByteMs: 2_500,
        idleMs: 300_000,
        totalMs: undefined,
      }, 1],
      ["b.test", "of-the-backend", {
        connectMs: 10_000,
        firstByteMs: 2_500,
        idleMs: 60_000,
        totalMs: undefined,
      }, 3],
    ],
  );
  assertEquals(chat?.retry.retries, 1);
});

Deno.test("a file: several keys are several backends of one pool, and a key of a backend wins over them", async () => {
  const { endpoints: [openai, chat] } = await load(
    `[auth]
token = "T"
[endpoints.openai]
api_keys = ["\${K1}", "\${K2}", "three", "four"]
[endpoints.chat]
base_url = "https://a.test/v1"
api_keys = ["one", "two"]
[[endpoints.chat.backends]]
name = "pool"
[[endpoints.chat.backends]]
api_key = "alone"
`,
    { K1: "one", K2: "two" },
  );
  const shown = (endpoint: typeof openai) =>
    endpoint?.backends.map(({ name, key, pool }) => [name, key.mode === "inject" && key.value, pool]);
  assertEquals(shown(openai), [
    ["api.openai.com#1", "one", 0],
    ["api.openai.com#2", "two", 0],
    ["api.openai.com#3", "three", 0],
    ["api.openai.com#4", "four", 0],
  ]);
  assertEquals(openai?.retry.retries, 2, "three keys are tried");
  assertEquals(shown(chat), [["pool#1", "one", 0], ["pool#2", "two", 0], ["a.test", "alone", undefined]]);
});

Deno.test("a file: affinity is on with several backends, off, or the name of a header", async () => {
  const two = `[[endpoints.openai.backends]]\n[[endpoints.openai.backends]]\nbase_url = "https://b.test"`;
  const affinityOf = async (lines: string) => (await load(`${KEYED}${lines}`)).endpoints[0]?.affinity;
  assertEquals(await affinityOf(""), undefined);
  assertEquals(await affinityOf(two), {});
  assertEquals(await affinityOf(`affinity = "off"\n${two}`), undefined);
  assertEquals(await affinityOf(`affinity = "X-Team"\n${two}`), { header: "x-team" });
});

Deno.test("a file: ${NAME} is a variable of the environment or .env, also in numbers; $${ is a literal ${", async () => {
  const config = await load(
    '[server]\nport = "${MY_PORT}"\n[auth]\ntoken = "t-${PART}-of-some-length"\n[endpoints.openai]\napi_key = "$${x}"',
    { MY_PORT: "8080", PART: "1" },
  );
  assertEquals(config.server.port, 8080);
  assertEquals(secretsOf(config), ["t-1-of-some-length"]);
});

Deno.test("a file: a forward proxy from the endpoint, from the environment, or a direct connection", async () => {
  const proxies = async (line: string, env: Record<string, string>) => {
    const { endpoints: [endpoint] } = await load(`${KEYED}${line}`, env);
    const proxy = endpoint?.backends[0]?.connection.proxy;
    return proxy &&
      `${proxy.scheme} ${proxy.login?.user}:${proxy.login?.password} ${proxy.hostname}:${proxy.port}`;
  };
  const env = { HTTPS_PROXY: "proxy.test:3128", HTTP_PROXY: "http://plain.test" };
  assertEquals(await proxies('proxy_url = "socks5h://me:p%40ss@[::1]"', env), "socks5 me:p@ss ::1:1080");
  const loaded = await load(`${KEYED}proxy_url = "http://me:p%40ss-word@p.test"`);
  assertEquals(secretsOf(loaded).includes("p@ss-word"), true);
  assertEquals(secretsOf(loaded).includes(btoa("me:p@ss-word")), true, "as it is sent");
  assertEquals(await proxies("", env), "http undefined:undefined proxy.test:3128");
  assertEquals(
    await proxies("", { https_proxy: "https://small.test" }),
    "https undefined:undefined small.test:443",
  );
  assertEquals(await proxies("", { ...env, NO_PROXY: ".openai.com" }), undefined);
  assertEquals(await proxies('proxy_url = "direct"', env), undefined);
  assertEquals(await proxies('base_url = "http://a.test"', env), "http undefined:undefined plain.test:80");
  assertEquals(await proxies('base_url = "http://127.0.0.1:1"', env), undefined);
});

Deno.test("a file: proxy_tunnel of the endpoint or the backend, whose connections are then not shared with others", async () => {
  const { endpoints: [endpoint] } = await load(
    `${KEYED}proxy_url = "http://p.test"\nproxy_tunnel = true\n[[endpoints.openai.backends]]\nname = "a"\n` +
      `[[endpoints.openai.backends]]\nname = "b"\nproxy_tunnel = false\n`,
  );
  const connections = endpoint?.backends.map(({ connection }) => connection) ?? [];
  assertEquals(connections.map(({ proxyTunnel }) => proxyTunnel), [true, undefined]);
  assertNotEquals(connections[0]?.key, connections[1]?.key);
});

Deno.test("a file of the earlier program with named endpoints loads: open, without keys", async () => {
  const loaded = await loadConfig(configSources({}, {
    "config.toml": `
[server]
port = 8080
target_base = "https://api.openai.com"

[endpoints.direct]

[endpoints.through_tokyo]
proxy_url = "http://user:password@tokyo.test:8080"
target_base = "https://api.anthropic.com"
`,
  }));
  assertEquals(loaded.config.auth, { mode: "none" });
  assertEquals(
    loaded.config.endpoints.map(({ name, dialect, backends: [backend] }) => [
      name,
      dialect,
      backend?.baseUrl.origin,
      backend?.key.mode,
      backend?.connection.proxy?.hostname,
    ]),
    [
      ["direct", "openai", "https://api.openai.com", "passthrough", undefined],
      ["through_tokyo", "anthropic", "https://api.anthropic.com", "passthrough", "tokyo.test"],
    ],
  );
});

Deno.test("a JSON file of the earlier program with backends loads; unused keys cause warnings", async () => {
  const text = JSON.stringify(
    {
      primary_backends: [
        { name: "one", url: "http://one.test/v1", model: "llama" },
        { name: "empty", url: "", model: "x" },
        { name: "two", url: "http://two.test/v1", model: "", api_style: "chat" },
      ],
      settings: { timeout: 30, retries: 5 },
    },
    null,
    1,
  );
  const sources = configSources({ CONFIG_PATH: "/etc/backends.json" }, { "/etc/backends.json": text });
  const { config, warnings } = await loadConfig(sources);
  const [endpoint] = config.endpoints;
  assertEquals([config.auth, config.defaultEndpoint, endpoint?.retry.retries], [
    { mode: "none" },
    "primary",
    1,
  ]);
  assertEquals(
    endpoint?.backends.map(({ name, baseUrl, key, model, timeouts }) => [
      name,
      baseUrl.origin,
      key.mode,
      model?.otherwise,
      timeouts.firstByteMs,
    ]),
    [
      ["one", "http://one.test", "passthrough", "llama", 30_000],
      ["two", "http://two.test", "passthrough", undefined, 30_000],
    ],
  );
  assertEquals(warnings.map(({ origin, message }) => `${origin} ${message}`), [
    "/etc/backends.json:22: settings.retries is not used",
    "/etc/backends.json:8: primary_backends.1 has no url and is not used",
    "/etc/backends.json:17: primary_backends.2.api_style is not used",
  ]);
  const broken = text.replace("http://two.test/v1", "two.test");
  const error = await assertRejects(
    () => loadConfig(configSources({ CONFIG_PATH: "/c.json" }, { "/c.json": broken })),
    ConfigError,
  );
  assertEquals(error.problems.map(({ origin }) => origin), ["/c.json:15: primary_backends.2.url"]);
});

Deno.test("a named file that cannot be read is a problem; the default file is optional", async () => {
  const error = await assertRejects(
    () => loadConfig(configSources({ CONFIG_PATH: "/nowhere.toml", PROXY_TOKEN: "t" })),
    ConfigError,
  );
  assertEquals(
    `${error.problems[0]?.origin} ${error.problems[0]?.message}`,
    'env CONFIG_PATH names "/nowhere.toml", which cannot be read: there is no such file',
  );
});

Deno.test("settings: show each value with its origin, and redact secrets", async () => {
  const { settings } = await loadConfig(
    configSources({ PORT: "1", OPENAI_KEY: "sk-secret" }, {
      "config.toml":
        '[auth]\ntoken = "tok-secret"\n[endpoints.openai]\napi_key = "${OPENAI_KEY}"\nheaders = { x-a = "v-secret" }\nproxy_url = "http://u:pw-secret@p.test"',
    }),
  );
  const lines = (await settings()).map(({ key, shown, origin }) => `${key}|${shown}|${origin}`);
  assertEquals(lines.join("\n").match(/secret/), null);
  for (
    const line of [
      "server.port|1|env PORT",
      "server.host|::|default",
      "auth.token|[redacted]|config.toml:2",
      "endpoints.openai.api_key|[redacted]|config.toml:4 (${OPENAI_KEY})",
      "endpoints.openai.base_url|https://api.openai.com/v1|preset openai",
      'endpoints.openai.headers|{"x-a":"[redacted]"}|config.toml:5',
      "endpoints.openai.proxy_url|http://[redacted]@p.test:80|config.toml:6",
      "endpoints.openai.first_byte_timeout|10m|default",
    ]
  ) assertEquals(lines.filter((found) => found === line), [line]);
});

Deno.test("a file: a problem has a name even if only one of the two TOML parsers accepts the file", async () => {
  assertEquals(await problemsOf(`${KEYED}[x]\nwhen = 2024-02-30`), ["config.toml: x is not a known key"]);
});

Deno.test("a file: messages do not repeat a secret in the wrong place", async () => {
  const problems = await problemsOf(
    `[auth]\ntoken = "\${TOKEN:-sk-secret}"\n[endpoints.openai]\napi_key = "\${sk-secret}"\nkey_header = "sk-secret key"\n` +
      'remove_headers = ["Authorization: Bearer sk-secret"]\nheaders = { "Authorization: Bearer sk-secret" = "x" }\n' +
      'proxy_url = "http//u:sk-secret@p"\nbase_url = "https://u:sk-secret@h.test"\n',
    { ANTHROPIC_API_KEY_FILE: "sk-secret" },
  );
  assertEquals(problems.length, 8, problems.join("\n"));
  assertEquals(problems.filter((problem) => problem.includes("secret")), []);
});

Deno.test("a file: a key in headers counts as a key: it requires a token, and rules out cors_origins *", async () => {
  const azure =
    '[endpoints.az]\nprovider = "azure"\nbase_url = "https://az.test"\napi_key = "none"\nheaders = { Api-Key = "k" }\n';
  assertEquals((await problemsOf(azure))[0]?.startsWith("env PROXY_TOKEN is missing"), true);
  const open = `[server]\ncors_origins = ["*"]\n[auth]\nmode = "none"\n${azure}`;
  assertEquals(await problemsOf(open), [
    'config.toml:2: server.cors_origins "*" lets every web page use the key of az: name the origins',
  ]);
  assertEquals(await problemsOf(`${KEYED}headers = { Authorization = "x", x-a = "1", X-A = "2" }`), [
    "config.toml:5: endpoints.openai.headers.Authorization is the header of api_key: keep one of the two",
    "config.toml:5: endpoints.openai.headers.X-A appears twice, with different capitals",
  ]);
});

Deno.test("literalSecrets: lists secrets in plain text, used or not", async () => {
  const written = async (text: string, env: Record<string, string> = {}) => {
    const { literalSecrets } = await loadConfig(configSources(env, { "config.toml": text }));
    return literalSecrets.map((path) => path.join("."));
  };
  const openai = '[auth]\ntoken = "${T}"\n[endpoints.openai]\n';
  const env = { T: "a-token-of-some-length", K: "sk-1", OPENAI_API_KEY: "sk-2" };
  assertEquals(
    await written(`${openai}api_key = "\${K}"\nheaders = { x-key = "\${K}", x-team = "a" }`, env),
    [],
  );
  assertEquals(
    await written(`${openai}api_key = "sk-written"`, env),
    ["endpoints.openai.api_key"],
    "shadowed",
  );
  assertEquals(await written(`${openai}api_key = "\${K}-and-more"`, env), ["endpoints.openai.api_key"]);
  assertEquals(
    await written(`${openai}[endpoints.b]\nprovider = "groq"\napi_key = "k"`, {
      ...env,
      ENDPOINTS: "openai",
    }),
    [
      "endpoints.b.api_key",
    ],
  );
  assertEquals(await written(`${openai}headers = { X-Token = "t" }\nproxy_url = "http://u:p@h.test"`, env), [
    "endpoints.openai.headers.X-Token",
    "endpoints.openai.proxy_url",
  ]);
  assertEquals(await written(`${openai}proxy_url = "http://u:\${K}@h.test"`, env), []);
});

Deno.test("proxies of the environment: an empty variable counts as unset; NO_PROXY in all its spellings", async () => {
  const goesDirectly = async (env: Record<string, string>, base = "https://h.test") => {
    const { endpoints: [endpoint] } = await load(`${KEYED}base_url = "${base}"`, env);
    return endpoint?.backends[0]?.connection.proxy === undefined;
  };
  assertEquals(await goesDirectly({ HTTPS_PROXY: "", https_proxy: "" }), true);
  const HTTPS_PROXY = "http://p.test";
  assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY: "" }), false);
  for (const NO_PROXY of ["h.test ", "a, h.test", ".test", "*.test", "*", "test", "h.test:443"]) {
    assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY }), true, NO_PROXY);
  }
  for (const NO_PROXY of ["h.test:80", "x.h.test", "est"]) {
    assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY }), false, NO_PROXY);
  }
  assertEquals(
    await goesDirectly({ HTTPS_PROXY, NO_PROXY: "[fd00::1]:8443" }, "https://[fd00::1]:8443"),
    true,
  );
  assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY: "fd00::1" }, "https://[fd00::1]:8443"), true);
  assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY: "10.0.0.0/8" }, "https://10.1.2.3"), true);
  assertEquals(await goesDirectly({ HTTPS_PROXY, NO_PROXY: "10.0.0.0/8" }, "https://11.1.2.3"), false);
});

/** An upstream, a value of `NO_PROXY`, and whether the value exempts the upstream. */
const NO_PROXY_RANGES: readonly (readonly [base: string, noProxy: string, isDirect: boolean])[] = [
  ["https://[fd00::1]", "fd00::/8", true],
  ["https://[fd12:3456::1]:8443", "example.com, fd00::/8", true],
  ["https://[2001:db8::1]", "fd00::/8", false],
  ["https://[2001:db8::1]", "2001:0db8:0000::1", true],
  ["https://[::ffff:10.1.2.3]", "10.0.0.0/8", true],
  ["https://10.1.2.3:8443", "10.0.0.0/8:8443", true],
  ["https://10.1.2.3", "10.0.0.0/8:8443", false],
  ["https://10.1.2.3", "fd00::/8", false],
  ["https://10.1.2.3", "10.0.0.0/33", false],
  ["https://[fd00::1]", "fd00::/129", false],
];
for (const [base, noProxy, isDirect] of NO_PROXY_RANGES) {
  Deno.test(`NO_PROXY: ${noProxy} ${isDirect ? "exempts" : "does not exempt"} ${base}`, async () => {
    const env = { HTTPS_PROXY: "http://p.test", NO_PROXY: noProxy };
    const { endpoints: [endpoint] } = await load(`${KEYED}base_url = "${base}"`, env);
    assertEquals(endpoint?.backends[0]?.connection.proxy === undefined, isDirect);
  });
}

Deno.test("proxies of the environment: loopback is direct with any NO_PROXY, unless the endpoint names a proxy", async () => {
  const proxyOf = async (base: string, more = "") => {
    const env = { HTTP_PROXY: "http://p.test", HTTPS_PROXY: "http://p.test", NO_PROXY: "h.test" };
    const { endpoints: [endpoint] } = await load(`${KEYED}base_url = "${base}"\n${more}`, env);
    return endpoint?.backends[0]?.connection.proxy?.hostname;
  };
  const hosts = [
    "127.0.0.1",
    "127.8.9.1:80",
    "[::1]:11434",
    "[0:0::1]",
    "[::ffff:127.0.0.1]",
    "LOCALHOST:80",
    "localhost.",
    "a.localhost",
  ];
  for (const host of hosts) {
    assertEquals(await proxyOf(`http://${host}`), undefined, host);
    assertEquals(await proxyOf(`https://${host}/v1`), undefined, host);
    assertEquals(await proxyOf(`http://${host}`, 'proxy_url = "http://q.test"'), "q.test", host);
  }
  for (const host of ["128.0.0.1", "localhost.test", "[::2]", "[::7f00:1]", "notlocalhost"]) {
    assertEquals(await proxyOf(`http://${host}`), "p.test", host);
  }
});

/** Files with invalid endpoints. Variables of the environment are not reported as missing then. */
const MISSHAPEN: readonly (readonly [string, string])[] = [
  ["endpoints = 3", "config.toml:1: endpoints must be a table, not a number"],
  ['[[endpoints]]\nname = "a"', "config.toml:1: endpoints must be a table, not a list"],
  ["[endpoints]\na = [1]", "config.toml:2: endpoints.a must be a table, not a list"],
  [
    '[endpoint.a]\nbase_url = "http://a.test"\n[endpoints.b]\nbase_url = "http://b.test"',
    "config.toml:1: endpoint is not a known key; did you mean endpoints?",
  ],
  [
    '[endpoints.a]\nprovider = "opnai"\nbase_url = "http://a.test"',
    'config.toml:2: endpoints.a.provider "opnai" is not one of openai, anthropic, gemini, openrouter, groq, mistral, deepseek, xai, azure, ollama, llamacpp, vllm, lmstudio, generic; did you mean openai?',
  ],
  [
    '[auth]\ntoken = "${NOT_SET}"\n[endpoints.openai]\napi_key = "sk-1"',
    "config.toml:2: auth.token names ${NOT_SET}, which is not set in the environment",
  ],
];
for (const [toml, problem] of MISSHAPEN) {
  Deno.test(`a file: reports only the real problem of ${JSON.stringify(toml)}`, async () => {
    assertEquals(await problemsOf(toml), [problem]);
  });
}

Deno.test("a file: warns about endpoints that ENDPOINTS leaves out", async () => {
  const { warnings, config } = await loadConfig(
    configSources({ ENDPOINTS: "openai" }, {
      "config.toml": `${KEYED}[endpoints.lab]\nbase_url = "http://a.test"`,
    }),
  );
  assertEquals(config.endpoints.map(({ name }) => name), ["openai"]);
  assertEquals(warnings, [{
    origin: "config.toml:5: endpoints.lab",
    message: "is not served: env ENDPOINTS does not name it",
  }]);
});

Deno.test("a file: a client certificate is read with its key, and all problems are reported", async () => {
  const pem = (name: string) => Deno.readTextFileSync(new URL(`../support/tls/${name}`, import.meta.url));
  const files = { "c.pem": pem("cert.pem"), "k.pem": pem("key.pem"), "other.pem": pem("other_key.pem") };
  const toml = (lines: string) =>
    `[auth]\ntoken = "tok-secret-of-some-length"\n[endpoints.lab]\napi_key = "k"\n${lines}`;
  const read = (lines: string) => loadConfig(configSources({}, { ...files, "config.toml": toml(lines) }));
  const well = 'base_url = "https://a.test"\nclient_cert_file = "c.pem"\nclient_key_file = "k.pem"\n';
  const { config } = await read(well);
  const [backend] = config.endpoints[0]?.backends ?? [];
  assertEquals(backend?.connection.clientCert, { cert: files["c.pem"], key: files["k.pem"] });
  assertEquals(secretsOf(config).includes(files["k.pem"]), true);
  const problems = async (lines: string) => {
    const error = await assertRejects(() => read(lines), ConfigError);
    return error.problems.map(({ origin, message }) => `${origin} ${message}`);
  };
  assertEquals(await problems(well.replace("k.pem", "other.pem")), [
    "config.toml:6: endpoints.lab.client_cert_file and client_key_file cannot be used together: the key does not match the certificate, or one of them is damaged",
  ]);
  assertEquals(await problems('base_url = "https://a.test"\nclient_key_file = "k.pem"\n'), [
    "config.toml:6: endpoints.lab.client_key_file needs client_cert_file too",
  ]);
  assertEquals(
    await problems(
      `${well.replace("https:", "http:").replace("k.pem", "c.pem")}proxy_url = "http://p.test"\n`,
    ),
    [
      "config.toml:6: endpoints.lab.client_cert_file needs an https:// base_url: without TLS there are no certificates",
      'config.toml:7: endpoints.lab.client_key_file names "c.pem", which contains no private key in PEM format',
    ],
  );
});

Deno.test("a file: warns about keepalive_comments for Gemini's API, and for no other", async () => {
  const comments = 'api_key = "k"\nkeepalive_comments = "15s"\nkeepalive_before_head = "20s"\n';
  const { warnings, config } = await loadConfig(
    configSources({}, {
      "config.toml":
        `[auth]\ntoken = "tok-secret-of-some-length"\n[endpoints.gemini]\n${comments}[endpoints.openai]\n${comments}`,
    }),
  );
  assertEquals(
    warnings.map(({ origin, message }) => `${origin} ${message}`).filter((text) => /comments/.test(text)),
    [
      "config.toml:5: endpoints.gemini.keepalive_comments does not apply to :streamGenerateContent, because Gemini CLI fails at comments",
      "config.toml:6: endpoints.gemini.keepalive_before_head does not apply to :streamGenerateContent, because Gemini CLI fails at comments",
    ],
  );
  assertEquals(config.endpoints.map(({ keepaliveMs, earlyHeadMs }) => [keepaliveMs, earlyHeadMs]), [
    [15_000, 20_000],
    [15_000, 20_000],
  ]);
});

Deno.test("docs/configuration.md: the example of a configuration file is valid", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/configuration.md", import.meta.url));
  const [, example = ""] = /```toml\n([^]*?)```/.exec(page) ?? [];
  const names = [...example.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const env = Object.fromEntries(names.map((name) => [name, `the-value-of-${name}`]));
  const files = { "config.toml": example, "company-ca.pem": "-----BEGIN CERTIFICATE-----" };
  const { config, warnings } = await loadConfig(configSources(env, files));
  assertEquals(config.endpoints.map(({ name }) => name), ["anthropic", "groq", "company", "chat"]);
  assertEquals(warnings, []);
});

Deno.test("a file: TLS needs both PEM files, relative to the configuration file; each problem is reported once", async () => {
  const files = {
    "cert.pem": "-----BEGIN CERTIFICATE-----",
    "key.pem": "-----BEGIN PRIVATE KEY-----",
    "no.pem": "x",
  };
  const tls = (cert: string, key: string) => {
    const lines = [cert && `tls_cert_file = "${cert}"`, key && `tls_key_file = "${key}"`].filter((line) =>
      line !== ""
    );
    return loadConfig(
      configSources({}, { ...files, "config.toml": `[server]\n${lines.join("\n")}\n${KEYED}` }),
    );
  };
  assertEquals((await tls("cert.pem", "key.pem")).config.server.tls, {
    cert: files["cert.pem"],
    key: files["key.pem"],
    files: ["cert.pem", "key.pem"],
  });
  for (
    const [cert, key, problem] of [
      ["cert.pem", "no.pem", "config.toml:3: server.tls_key_file contains no private key in PEM format"],
      [
        "gone.pem",
        "key.pem",
        'config.toml:2: server.tls_cert_file names "gone.pem", which cannot be read: there is no such file',
      ],
      [
        "cert.pem",
        "",
        "config.toml:1: server.tls_key_file is missing, but tls_cert_file is set: TLS needs both",
      ],
      [
        "",
        "key.pem",
        "config.toml:1: server.tls_cert_file is missing, but tls_key_file is set: TLS needs both",
      ],
    ] as const
  ) {
    const { problems } = await assertRejects(() => tls(cert, key), ConfigError);
    assertEquals(problems.map(({ origin, message }) => `${origin} ${message}`), [problem]);
  }
});

Deno.test("limits of a token: path patterns are checked", async () => {
  const management = '[management]\ntoken = "a-management-token-of-some-length"\n';
  const auth = (paths: string) =>
    `[auth]\ntokens = [{ name = "anna", token = "a-token-of-some-length", limits = { paths = [${paths}] } }]\n` +
    `${management}[endpoints.openai]\napi_key = "sk-1"\n`;
  const { auth: read } = await load(auth('"/v1/Models", "!/v1/files*"'));
  assertEquals(read.mode === "token" ? read.tokens.map(({ rules }) => rules) : undefined, [
    { paths: ["/v1/Models", "!/v1/files*"] },
  ]);
  assertEquals(await problemsOf(auth('"!files", "inferense", "!fils", "nothing-like-it", "v1/models"')), [
    'config.toml:2: auth.tokens.0.limits.paths.1 "inferense" is not a group; did you mean inference?',
    'config.toml:2: auth.tokens.0.limits.paths.2 "!fils" is not a group; did you mean !files?',
    'config.toml:2: auth.tokens.0.limits.paths.3 "nothing-like-it" is neither a path with a slash, like /v1/models or */files*, ' +
    "nor one of the groups inference, models, files, batches, stored, fine_tuning, realtime_sessions, model_management, admin, other, all",
    'config.toml:2: auth.tokens.0.limits.paths.4 "v1/models" does not start with /, * or !, like /v1/models, */models or !*/files*',
  ]);
});

Deno.test("a file: host names of the proxy, and origins of desktop apps", async () => {
  const text = `[server]\nallowed_hosts = ["LLM.example.com", "nas"]\n` +
    `cors_origins = ["https://chat.test", "app://obsidian.md", "tauri://localhost"]\n${KEYED}`;
  const { server } = await load(text);
  assertEquals(server.allowedHosts, ["llm.example.com", "nas"]);
  assertEquals(server.corsOrigins, ["https://chat.test", "app://obsidian.md", "tauri://localhost"]);
  for (const origin of ["app://a/b", "file://x", "javascript://x", "app:", "app://a?b"]) {
    const [problem] = await problemsOf(`[server]\ncors_origins = ["${origin}"]\n${KEYED}`);
    assertEquals(problem?.includes("is not an origin"), true, origin);
  }
});

Deno.test("limits of a token: limits of single models, and their problems", async () => {
  const limits = (list: string) =>
    `[auth]\ntoken = "a-token-of-some-length"\n` +
    `limits = { budget_week_usd = 7, model_limits = [${list}] }\n` +
    `[management]\ntoken = "a-management-token-of-some-length"\n[endpoints.openai]\napi_key = "sk-1"\n`;
  const { auth } = await load(
    limits(
      '{ model = "gpt-5*", tokens_per_minute = 9, budget_day_usd = 0.5 }, { model = "*", concurrent_requests = 1 }',
    ),
  );
  assertEquals(auth.mode === "token" ? auth.tokens.map(({ rules }) => rules) : undefined, [{
    weekBudgetMicros: 7_000_000,
    modelLimits: [
      { model: "gpt-5*", tokensPerMinute: 9, dayBudgetMicros: 500_000 },
      { model: "*", concurrentRequests: 1 },
    ],
  }]);
  const at = "config.toml:3: auth.limits.model_limits";
  assertEquals(await problemsOf(limits("{ budget_day_usd = 1 }")), [
    `${at}.0.model is missing: the name of the model to limit`,
  ]);
  assertEquals(await problemsOf(limits('{ model = "a" }')), [`${at}.0 has no limit`]);
  assertEquals(
    await problemsOf(limits('{ model = "a", budget_day_usd = 1 }, { model = "a", budget_week_usd = 1 }')),
    [`${at}.1.model "a" appears twice`],
  );
});

Deno.test("budgets: time zone and window come from the file and are checked", async () => {
  const management = (lines: string) =>
    `[management]\ntoken = "a-management-token-of-some-length"\n${lines}\n[endpoints.openai]\napi_key = "sk-1"\n` +
    `[auth]\ntoken = "a-token-of-some-length"\n`;
  const periods = async (lines: string) => (await load(management(lines))).management?.budgetPeriods;
  assertEquals(await periods(""), { timeZone: "UTC", window: "calendar" });
  assertEquals(await periods('budget_time_zone = "Europe/Berlin"\nbudget_window = "rolling"'), {
    timeZone: "Europe/Berlin",
    window: "rolling",
  });
  assertEquals(await problemsOf(management('budget_time_zone = "Berlin"')), [
    'config.toml:3: management.budget_time_zone "Berlin" is not a time zone, like Europe/Berlin',
  ]);
});
