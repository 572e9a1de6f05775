import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { VARIABLES } from "../../src/config/sources/variables.ts";
import { loadAddress, loadConfig as load, loadManagement, loadOutboundProxy } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { secretsOf } from "../../src/config/redact.ts";
import type { Config } from "../../src/config/config.ts";

/** Loads a configuration without its origins. */
async function loadConfig(...parameters: Parameters<typeof load>): Promise<Config> {
  return (await load(...parameters)).config;
}

const inject = (value: string) => ({ mode: "inject", value }) as const;

const GOOD: Record<string, string> = {
  OPENAI_BASE_URL: "https://api.openai.test/v1/",
  OPENAI_API_KEY: "sk-openai",
  ANTHROPIC_BASE_URL: "https://api.anthropic.test",
  ANTHROPIC_API_KEY: "sk-anthropic",
  PROXY_TOKEN: "a-token-of-some-length",
};

function sources(env: Record<string, string | undefined>, files: Record<string, string> = {}) {
  return {
    get: (name: string) => env[name],
    readTextFile(path: string): string {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  };
}

async function problemsOf(
  env: Record<string, string | undefined>,
  files?: Record<string, string>,
): Promise<string[]> {
  const error = await assertRejects(() => load(sources(env, files)), ConfigError);
  return error.problems.map(({ origin, message }) => `${origin} ${message}`);
}

Deno.test("loadConfig: the five required variables are enough", async () => {
  const config = await loadConfig(sources(GOOD));
  assertEquals(config.server, { host: "::", port: 33_000, ...DEFAULT_SERVER_SETTINGS });
  assertEquals(config.log, { level: "info", format: "pretty", access: false });
  assertEquals(
    config.endpoints.map(({ name, dialect, backends: [backend] }) => [
      name,
      dialect,
      backend?.baseUrl,
      backend?.key,
      backend?.keyField,
    ]),
    [
      [
        "openai",
        "openai",
        { origin: "https://api.openai.test", path: "/v1" },
        inject("sk-openai"),
        "authorization",
      ],
      [
        "anthropic",
        "anthropic",
        { origin: "https://api.anthropic.test", path: "" },
        inject("sk-anthropic"),
        "x-api-key",
      ],
    ],
  );
  assertEquals(secretsOf(config), ["a-token-of-some-length", "sk-openai", "sk-anthropic"]);
});

Deno.test("loadConfig: optional variables, flags over environment over .env", async () => {
  const files = { ".env": "PORT=1\nHOST='127.0.0.1'\nLOG_LEVEL=debug # why not\nexport ACCESS_LOG=on\n" };
  const env = { ...GOOD, PORT: "2", ANTHROPIC_VERSION: "2023-06-01", LOG_FORMAT: "json", DRAIN_SECONDS: "5" };
  const config = await loadConfig(sources(env, files), { PORT: { value: "3", origin: "--port" } });
  assertEquals(config.server, { host: "127.0.0.1", port: 3, ...DEFAULT_SERVER_SETTINGS, drainMs: 5_000 });
  assertEquals(config.log, { level: "debug", format: "json", access: true });
  assertEquals(config.endpoints[1]?.anthropicVersion, "2023-06-01");
});

Deno.test("loadConfig: with ENDPOINTS, only the variables of those endpoints are required", async () => {
  const { OPENAI_BASE_URL, OPENAI_API_KEY, PROXY_TOKEN } = GOOD;
  const config = await loadConfig(
    sources({ OPENAI_BASE_URL, OPENAI_API_KEY, PROXY_TOKEN, ENDPOINTS: " openai,openai".trim() }),
  );
  assertEquals(config.endpoints.map(({ name }) => name), ["openai"]);
});

/** A variable, an invalid value, and the only problem that it causes. */
const BAD: readonly (readonly [string, string, string])[] = [
  ["OPENAI_API_KEY", "", "is empty"],
  ["OPENAI_API_KEY", " sk", "starts or ends with a space"],
  ["OPENAI_API_KEY", "sk\nsk", "contains a line break"],
  ["OPENAI_API_KEY", '"sk"', "is in quotes: remove them"],
  ["OPENAI_API_KEY", "schlüssel", "contains characters that are not printable ASCII"],
  ["OPENAI_API_KEY", "two words", "contains a space: a key or token is one word"],
  ["PROXY_TOKEN", "a token of several words", "contains a space: a key or token is one word"],
  ["OPENAI_BASE_URL", "api.openai.com", "is not a URL like https://api.example.com/v1"],
  ["OPENAI_BASE_URL", "ftp://api.test", "is not an http or https URL"],
  ["OPENAI_BASE_URL", "https://me@api.test", "contains a user name or password"],
  ["OPENAI_BASE_URL", "https://api.test/?", "contains a query (?…): a base URL has none"],
  ["OPENAI_BASE_URL", "https://api.test/#", "contains a fragment (#…): a base URL has none"],
  ["PORT", "70000", '"70000" is not a port (0 to 65535)'],
  ["PORT", "8080a", '"8080a" is not a port (0 to 65535)'],
  ["PORT", "-1", '"-1" is not a port (0 to 65535)'],
  ["HOST", "a/b", '"a/b" is not an address to listen on'],
  [
    "ALLOWED_IPS",
    "10.0.0.0/8,10.1",
    '"10.1" is not an IP address or a range like 192.168.1.0/24 or fd00::/8',
  ],
  [
    "ALLOWED_HOSTS",
    "nas,llm.test:33000",
    '"llm.test:33000" is not a host name: write it without scheme and port, like llm.example.com',
  ],
  ["TRUSTED_PROXIES", "nginx", '"nginx" is not an IP address or a range like 192.168.1.0/24 or fd00::/8'],
  ["MANAGEMENT_ALLOWED_IPS", "*", '"*" is not an IP address or a range like 192.168.1.0/24 or fd00::/8'],
  ["HTTPS_PORT", "https", '"https" is not a port (0 to 65535)'],
  ["ADMIN_PORT", "admin", '"admin" is not a port (0 to 65535)'],
  ["ADMIN_PORT", "33001", "needs the management plane: set MANAGEMENT_TOKEN, at least 16 characters"],
  ["MAX_CONNECTIONS", "0", '"0" is not a whole number from 1 to 1000000'],
  ["MAX_CONCURRENT_REQUESTS", "many", '"many" is not a whole number from 1 to 1000000, or "none"'],
  ["MAX_CONCURRENT_PER_TOKEN", "-1", '"-1" is not a whole number from 1 to 1000000, or "none"'],
  [
    "DRAIN_SECONDS",
    "soon",
    '"soon" is not a duration: write "30s", "5m" or a number of seconds, at most a day',
  ],
  [
    "RETENTION_DAYS",
    "36h",
    '"36h" is not a duration: write whole days, "90d" or a number of days, from 1 to 36500',
  ],
  [
    "ADMIN_IDLE_MINUTES",
    "30s",
    '"30s" is not a duration: write "15m", "8h" or a number of minutes, from a minute to a week',
  ],
  ["ANTHROPIC_VERSION", "latest", '"latest" is not a date like 2023-06-01'],
  ["ACCESS_LOG", "maybe", '"maybe" is not a boolean (1 or 0)'],
  ["LOG_FORMAT", "xml", '"xml" is not one of pretty, json'],
  ["ENDPOINTS", "openai,gemini", '"gemini" is not one of openai, anthropic'],
  ["PROXY_TOKEN", "sk-openai", "is the same as the key of openai: clients would hold the provider's key"],
];
for (const [name, value, message] of BAD) {
  Deno.test(`loadConfig: ${name}=${JSON.stringify(value)} ${message}`, async () => {
    assertEquals(await problemsOf({ ...GOOD, [name]: value }), [`env ${name} ${message}`]);
  });
}

Deno.test("loadConfig: rejects a variable together with its …_FILE form; a missing file is one problem", async () => {
  assertEquals(await problemsOf({ ...GOOD, PROXY_TOKEN_FILE: "/run/token" }), [
    "env PROXY_TOKEN_FILE is set together with PROXY_TOKEN: keep one of the two",
  ]);
  assertEquals(await problemsOf({ ...GOOD, PROXY_TOKEN: undefined, PROXY_TOKEN_FILE: "/run/token" }), [
    'env PROXY_TOKEN_FILE names "/run/token", which cannot be read: there is no such file',
  ]);
  const config = await loadConfig(
    sources({ ...GOOD, PROXY_TOKEN: undefined, PROXY_TOKEN_FILE: "/run/token" }, {
      "/run/token": "of-the-file\r\n",
    }),
  );
  assertEquals(config.auth, { mode: "token", tokens: [{ name: "shared", token: "of-the-file" }] });
});

Deno.test("loadConfig: an empty variable beside its …_FILE form counts as not set, so that a container can use the file", async () => {
  const files = { "/run/token": "of-the-file\n" };
  const env = { ...GOOD, PROXY_TOKEN: "", PROXY_TOKEN_FILE: "/run/token" };
  const { auth } = await loadConfig(sources(env, files));
  assertEquals(auth, { mode: "token", tokens: [{ name: "shared", token: "of-the-file" }] });
});

Deno.test("loadConfig: ${NAME} in the file reads NAME_FILE; a missing file is a problem", async () => {
  const config = `[auth]\ntoken = "a-token-of-some-length"\n[endpoints.groq]\nprovider = "openai"
base_url = "https://groq.test"\napi_key = "\${GROQ_KEY}"\n`;
  const env = { GROQ_KEY_FILE: "/run/secrets/groq", CONFIG_PATH: "/c.toml" };
  const { endpoints } = await loadConfig(
    sources(env, { "/c.toml": config, "/run/secrets/groq": "gsk-of-the-file\n" }),
  );
  assertEquals(endpoints[0]?.backends[0]?.key, { mode: "inject", value: "gsk-of-the-file" });
  const wins = await loadConfig(
    sources({ ...env, GROQ_KEY: "gsk-of-env" }, { "/c.toml": config, "/run/secrets/groq": "other" }),
  );
  assertEquals(wins.endpoints[0]?.backends[0]?.key, { mode: "inject", value: "gsk-of-env" });
  assertEquals(await problemsOf(env, { "/c.toml": config }), [
    'env GROQ_KEY_FILE names "/run/secrets/groq", which cannot be read: there is no such file',
    "/c.toml:6: endpoints.groq.api_key names ${GROQ_KEY}, which is not set in the environment",
  ]);
});

Deno.test("loadConfig: ignores the byte order mark of .env and of …_FILE files", async () => {
  const { PROXY_TOKEN: _token, ...rest } = GOOD;
  const files = {
    ".env": "\ufeffPROXY_TOKEN_FILE=/token\r\nPORT=4000\r\n",
    "/token": "\ufeffof-the-file\r\n",
  };
  const { config, warnings } = await loadWithWarnings(rest, { files });
  assertEquals([config.auth, config.server.port, warnings], [
    { mode: "token", tokens: [{ name: "shared", token: "of-the-file" }] },
    4000,
    [],
  ]);
});

Deno.test("loadConfig: warns about a world-readable .env only if it contains a secret", async () => {
  const warned = async (text: string, isWorldReadable: boolean) =>
    (await loadWithWarnings(GOOD, { files: { ".env": text }, isWorldReadable })).warnings;
  const words = "contains secrets and can be read by every user of this machine: chmod 600 .env";
  assertEquals(await warned("OPENAI_API_KEY=sk-x\n", true), [{
    origin: ".env",
    message: words,
    kind: "secrets_readable",
  }]);
  assertEquals(await warned("COMPANY_TOKEN=x\n", true), [{
    origin: ".env",
    message: words,
    kind: "secrets_readable",
  }]);
  assertEquals(await warned("OPENAI_API_KEY=sk-x\n", false), []);
  assertEquals(await warned("PORT=4000\nPROXY_TOKEN=\nDATABASE_URL=sqlite:/data/proxy.db\n", true), []);
  assertEquals((await warned("LIMITS_URL=redis://:pw@db:6379\n", true)).map(({ kind }) => kind), [
    "secrets_readable",
  ]);
});

async function loadWithWarnings(
  env: Record<string, string | undefined>,
  { files, isWorldReadable = false }: { files: Record<string, string>; isWorldReadable?: boolean },
) {
  const { config, warnings } = await load({ ...sources(env, files), isWorldReadable: () => isWorldReadable });
  return { config, warnings };
}

Deno.test("loadConfig: TLS needs both PEM files", async () => {
  const files = {
    "/cert": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    "/key": "not a key",
  };
  assertEquals(await problemsOf({ ...GOOD, TLS_CERT_FILE: "/cert" }, files), [
    "env TLS_KEY is missing, but TLS_CERT is set: TLS needs both",
  ]);
  assertEquals(await problemsOf({ ...GOOD, TLS_CERT_FILE: "/cert", TLS_KEY_FILE: "/key" }, files), [
    "env TLS_KEY_FILE contains no private key in PEM format",
  ]);
});

Deno.test("loadConfig: if one provider is complete, the problem of the other suggests ENDPOINTS", async () => {
  const one = { OPENAI_BASE_URL: "https://api.openai.com/v1", OPENAI_API_KEY: "key-of-openai" };
  const error = await assertRejects(
    () => load(sources({ ...one, PROXY_TOKEN: "a-token-of-clients" })),
    ConfigError,
  );
  assertEquals(error.problems.map(({ message }) => message.includes("set ENDPOINTS=openai")), [true, true]);
  const none = await assertRejects(() => load(sources({})), ConfigError);
  assertEquals(none.problems.some(({ message }) => message.includes("ENDPOINTS=")), false);
});

Deno.test("loadAddress: ignores missing variables of other settings", async () => {
  const { host, port, tls, adminPort } = await loadAddress(sources({ PORT: "1234", ADMIN_PORT: "1235" }));
  assertEquals([host, port, tls, adminPort], ["::", 1234, false, 1235]);
  await assertRejects(() => loadAddress(sources({ PORT: "x" })), ConfigError);
});

/** The problems that a partial load reports. */
async function problemsOfPart(load: () => Promise<unknown>): Promise<string[]> {
  const error = await assertRejects(load, ConfigError);
  return error.problems.map(({ origin }) => origin);
}

/** Values that are wrong in every part of the configuration. */
const WRONG_PARTS = {
  "config.toml":
    '[server]\nport = "x"\nadmin_port = "x"\n[management]\nretention_days = "x"\n[log]\nlevel = "x"\n',
};

Deno.test("loadAddress: reports a wrong host or port and nothing else", async () => {
  const problems = await problemsOfPart(() =>
    loadAddress(sources({ HOST: "a b", LOG_LEVEL: "x" }, WRONG_PARTS))
  );
  assertEquals(problems, ["env HOST", "config.toml:2: server.port"]);
});

Deno.test("loadAddress: reports a PORT_FILE that cannot be read", async () => {
  assertEquals(await problemsOfPart(() => loadAddress(sources({ PORT_FILE: "/none" }))), ["env PORT_FILE"]);
});

Deno.test("loadManagement: reports the table [management] and its variables, and nothing else", async () => {
  const env = { METRICS_PUBLIC: "x", LOG_LEVEL: "x", MANAGEMENT_TOKEN_FILE: "/none" };
  const problems = await problemsOfPart(() => loadManagement(sources(env, WRONG_PARTS)));
  assertEquals(problems.sort(), [
    "config.toml:5: management.retention_days",
    "env MANAGEMENT_TOKEN_FILE",
    "env METRICS_PUBLIC",
  ]);
});

Deno.test("loadOutboundProxy: reports the variables of forward proxies and nothing else", async () => {
  const load = (env: Record<string, string>) =>
    loadOutboundProxy(sources({ PORT: "x", ...env }), "https://a.test");
  assertEquals(await problemsOfPart(() => load({ https_proxy: "ftp://a" })), ["env HTTPS_PROXY"]);
  assertEquals(await problemsOfPart(() => load({ HTTPS_PROXY_FILE: "/none" })), ["env HTTPS_PROXY_FILE"]);
  assertEquals(await load({ LOG_LEVEL: "x" }), undefined);
});

Deno.test(".env.example: is a complete configuration once it is filled in; untouched, its problems name the empty values", async () => {
  const example = await Deno.readTextFile(new URL("../../.env.example", import.meta.url));
  assertEquals(await problemsOf({}, { ".env": example }), [
    ".env: PROXY_TOKEN is empty",
    ".env: OPENAI_API_KEY is empty",
    ".env: ANTHROPIC_API_KEY is empty",
  ]);
  const filled = example.replace(/^(\w+)=$/gm, "$1=some-value-for-$1");
  assertEquals((await loadConfig(sources({}, { ".env": filled }))).endpoints.length, 2);
  const uncommented = filled.replace(/^# (\w+=)/gm, "$1").replace(/^(TLS_|HTTPS_PORT|CONFIG_PATH).*$/gm, "");
  const { endpoints } = await loadConfig(sources({}, { ".env": uncommented }));
  assertEquals(endpoints.map(({ name }) => name), ["openai"]);
  const openaiAlone = example.replace("# ENDPOINTS=", "ENDPOINTS=").replace(
    /^(OPENAI_API_KEY|PROXY_TOKEN)=$/gm,
    "$1=of-$1",
  );
  assertEquals((await loadConfig(sources({}, { ".env": openaiAlone }))).endpoints.length, 1);
  const named = new Set(
    [...example.matchAll(/^(?:# )?(\w+)=/gm)].map(([, name]) => name?.replace(/^(TLS_.*)_FILE$/, "$1")),
  );
  assertEquals(VARIABLES.filter((name) => !named.has(name)), [], "variables without a line in .env.example");
});

Deno.test("loadConfig: limits, addresses and timeouts of the server, from the environment and from a file", async () => {
  const env = {
    ...GOOD,
    ALLOWED_IPS: "192.168.1.0/24, fd00::/8",
    MAX_CONCURRENT_REQUESTS: "none",
    MAX_CONCURRENT_PER_TOKEN: "4",
    QUEUE_TIMEOUT: "500ms",
    MAX_MESSAGE_BYTES: "1M",
  };
  const file = `[server]
max_connections = 7
header_timeout = "5s"
send_timeout = "none"
max_header_bytes = "8K"
trusted_proxies = ["10.0.0.1"]
`;
  const { server } = await loadConfig(sources(env, { "config.toml": file }));
  assertEquals(server.allowedIps, ["192.168.1.0/24", "fd00::/8"]);
  assertEquals(server.trustedProxies, ["10.0.0.1"]);
  assertEquals(server.concurrency, { maxExchanges: Infinity, maxPerPrincipal: 4, queueMs: 500 });
  assertEquals(server.maxMessageBytes, 1024 * 1024);
  const { maxConnections, headMs, sendMs, maxHeadBytes } = server.connections;
  assertEquals([maxConnections, headMs, sendMs, maxHeadBytes], [7, 5_000, Infinity, 8 * 1024]);
});

Deno.test("loadConfig: warns about a misspelled name in .env, unless the file refers to it", async () => {
  const warnings = async (dotenv: string, file = "") => {
    const env = Object.entries(GOOD).map(([name, value]) => `${name}=${value}\n`).join("");
    const files = { ".env": env + dotenv, ...(file !== "" && { "config.toml": file }) };
    return (await load(sources({}, files))).warnings.map(({ origin, message }) => `${origin} ${message}`);
  };
  assertEquals(await warnings("ALOWED_IPS=10.0.0.1\n"), [
    ".env: ALOWED_IPS is not a known variable; did you mean ALLOWED_IPS?",
  ]);
  assertEquals(await warnings("TLS_CERTFILE=x\n"), [
    ".env: TLS_CERTFILE is not a known variable; did you mean TLS_CERT_FILE?",
  ]);
  assertEquals(await warnings("GROQ_API_KEY=x\nSOMETHING_ELSE=1\n"), []);
  const file = '[endpoints.openai]\napi_key = "${OPENAI_API_KEY2}"\n';
  assertEquals(await warnings("OPENAI_API_KEY2=some-key\n", file), []);
});

Deno.test("ADMIN_PORT: has to differ from the other ports and needs a management token", async () => {
  const env = { ...GOOD, MANAGEMENT_TOKEN: "a-management-token" };
  assertEquals((await loadConfig(sources({ ...env, ADMIN_PORT: "33001" }))).server.adminPort, 33_001);
  assertEquals((await loadConfig(sources({ ...env, PORT: "0", ADMIN_PORT: "0" }))).server.adminPort, 0);
  const file = (server: string) => ({ "config.toml": `[server]\n${server}` });
  assertEquals((await loadConfig(sources(env, file("admin_port = 4001")))).server.adminPort, 4001);
  assertEquals((await loadConfig(sources(env))).server.adminPort, undefined);
  assertEquals(await problemsOf({ ...env, PORT: "4000", ADMIN_PORT: "4000" }), [
    "env ADMIN_PORT is the same as port",
  ]);
  const tls = { TLS_CERT: "x", TLS_KEY: "x" };
  const same = await problemsOf({ ...env, ...tls, HTTPS_PORT: "4001", ADMIN_PORT: "4001" });
  assertEquals(same.filter((problem) => problem.includes("ADMIN_PORT")), [
    "env ADMIN_PORT is the same as https_port",
  ]);
  assertEquals(await problemsOf(GOOD, file("admin_port = 4001")), [
    "config.toml:2: server.admin_port needs the management plane: set MANAGEMENT_TOKEN, at least 16 characters",
  ]);
  const short = await problemsOf({ ...GOOD, MANAGEMENT_TOKEN: "short", ADMIN_PORT: "4001" });
  assertEquals([short.length, short[0]?.startsWith("env MANAGEMENT_TOKEN")], [1, true], "reported once");
});

Deno.test("SERVER_ENGINE: deno rejects each setting that Deno.serve cannot keep, from the environment and from a file", async () => {
  const file = (server: string) => ({ "config.toml": `[server]\n${server}` });
  assertEquals((await loadConfig(sources(GOOD))).server.engine, "own");
  assertEquals((await loadConfig(sources({ ...GOOD, SERVER_ENGINE: "deno" }))).server.engine, "deno");
  assertEquals((await loadConfig(sources(GOOD, file('engine = "deno"')))).server.engine, "deno");
  assertEquals(await problemsOf({ ...GOOD, SERVER_ENGINE: "node" }), [
    'env SERVER_ENGINE "node" is not one of own, deno',
  ]);
  assertEquals(await problemsOf({ ...GOOD, SERVER_ENGINE: "deno", MAX_CONNECTIONS: "5" }), [
    'env MAX_CONNECTIONS cannot be kept with engine = "deno": remove it, or use engine = "own"',
  ]);
  const problems = await problemsOf(
    GOOD,
    file('engine = "deno"\nheader_timeout = "1s"\nkeep_alive_timeout = "1s"\nmax_connections = 5'),
  );
  assertEquals(problems.map((problem) => problem.slice(0, problem.indexOf(" cannot"))), [
    "config.toml:3: server.header_timeout",
    "config.toml:4: server.keep_alive_timeout",
    "config.toml:5: server.max_connections",
  ]);
});

Deno.test("workers is 1 unless a number or auto is set, and only Linux with the own engine has several", async () => {
  const file = (setting: string) => ({ "config.toml": `[server]\n${setting}\n` });
  const workersOf = async (env: Record<string, string>) => (await loadConfig(sources(env))).server.workers;
  assertEquals(await workersOf(GOOD), 1);
  assertEquals(await workersOf({ ...GOOD, WORKERS: "1", SERVER_ENGINE: "deno" }), 1);
  assertEquals(await workersOf({ ...GOOD, WORKERS: "auto", SERVER_ENGINE: "deno" }), 1);
  for (const wrong of ["0", "65", "many", "1.5"]) {
    assertEquals(await problemsOf({ ...GOOD, WORKERS: wrong }), [
      `env WORKERS "${wrong}" is not a whole number from 1 to 64, or "auto"`,
    ]);
  }
  if (Deno.build.os !== "linux") {
    assertEquals(await workersOf({ ...GOOD, WORKERS: "auto" }), 1);
    assertEquals(await problemsOf({ ...GOOD, WORKERS: "2" }), [
      "env WORKERS needs Linux: other systems do not spread connections over threads; use 1 or auto",
    ]);
    return;
  }
  assertEquals(await workersOf({ ...GOOD, WORKERS: "auto" }), Math.min(navigator.hardwareConcurrency, 64));
  assertEquals(await workersOf({ ...GOOD, WORKERS: "3" }), 3);
  assertEquals((await loadConfig(sources(GOOD, file("workers = 3")))).server.workers, 3);
  assertEquals((await loadConfig(sources(GOOD, file('workers = "auto"')))).server.workers > 0, true);
  assertEquals(await problemsOf({ ...GOOD, WORKERS: "2", SERVER_ENGINE: "deno" }), [
    'env WORKERS needs engine = "own": use 1, or remove engine = "deno"',
  ]);
});
