/** The commands as a person runs them, and the files of the earlier programs, end to end. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

const CA = new URL("../../support/tls/ca.pem", import.meta.url).pathname;
const ENV = { OPENAI_KEY: SECRETS.openaiKey, PROXY_TOKEN: SECRETS.proxyToken, NO_COLOR: "1" };

async function run(config: string, args: readonly string[], env: Record<string, string> = ENV) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config.toml`, config);
  const { code, stdout, stderr } = await proxyCommand(args, env, folder).output();
  await Deno.remove(folder, { recursive: true });
  const text = { out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  assertNoSecrets(text.out + text.err, `the output of ${args.join(" ")}`);
  return { code, ...text };
}

/** Serves with a file and without anything in the environment. */
async function serving(
  { name, text, args = [] }: { name: string; text: string; args?: string[] },
  test: (proxy: ProxyProcess) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/${name}`, text);
  const env = {
    CONFIG_PATH: `${folder}/${name}`,
    HOST: "127.0.0.1",
    PORT: "0",
    LOG_FORMAT: "json",
    ACCESS_LOG: "1",
  };
  {
    await using proxy = await ProxyProcess.startWith(env, args);
    await test(proxy);
  }
  await Deno.remove(folder, { recursive: true });
}

const models: Script = async (exchange) => {
  const right = exchange.request.header("authorization") === `Bearer ${SECRETS.openaiKey}`;
  const status = right ? "200 OK" : "401 Unauthorized";
  await exchange.write(plainAnswer(right ? '{"data":[{"id":"a"},{"id":"b"}]}' : "{}", { status }));
};

Deno.test("check: a valid configuration, redacted, with origins", async () => {
  const { code, out } = await run('[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n', ["check"]);
  assertEquals(code, 0);
  const words = out.split("\n").map((line) => line.split(/ {2,}/).join("|"));
  for (
    const line of [
      "endpoints.openai.api_key|[redacted]|config.toml:2 (${OPENAI_KEY})",
      "auth.token|[redacted]|env PROXY_TOKEN",
      "server.port|33000|default",
      "The configuration is valid (config.toml).",
    ]
  ) assert(words.includes(line), `${line} is not in\n${words.join("\n")}`);
});

Deno.test("check: every problem of an invalid configuration, exit code 2; the schema for editors", async () => {
  const { code, err } = await run('[server]\nport = "x"\n[endpoints.healthz]\nprovidr = "openai"\n', [
    "check",
  ]);
  assertEquals(code, 2);
  for (
    const place of [
      "config.toml:2: server.port",
      "config.toml:3: endpoints.healthz",
      "did you mean provider?",
    ]
  ) {
    assert(err.includes(place), err);
  }
  const schema = await run("", ["check", "--schema"]);
  assertEquals(Object.keys(JSON.parse(schema.out).properties), [
    "server",
    "auth",
    "management",
    "log",
    "routes",
    "aliases",
    "endpoints",
  ]);
});

const ONE_DOOR = `[[routes]]
model = "embed"
endpoint = "ollama"
to = "nomic"
[[routes]]
model = "claude-*"
endpoint = "groq"
to = "anthropic/claude-*"
[aliases]
fast = "groq/llama-3.3-70b"
typo = "grok/llama"
[auth]
token = "a-token-of-some-length"
[endpoints.openai]
api_key = "sk-1"
[endpoints.groq]
api_key = "sk-2"
[endpoints.anthropic]
api_key = "sk-3"
[endpoints.ollama]
`;

/** Arguments after `--route`, and the first line of the output. */
const ROUTES: readonly (readonly [args: string[], line: string])[] = [
  [
    ["gpt-5.1"],
    '"gpt-5.1" at /v1/chat/completions goes to openai: the provider of the endpoint makes the model.',
  ],
  [
    ["fast"],
    '"fast" at /v1/chat/completions goes to groq as "llama-3.3-70b": it is an alias, and the name begins with the ' +
    "name of the endpoint.",
  ],
  [["embed"], '"embed" at /v1/chat/completions goes to ollama as "nomic": the route "embed" matches.'],
  [
    ["claude-5", "--path", "/v1/messages"],
    '"claude-5" at /v1/messages goes to anthropic: the provider of the endpoint makes the model.',
  ],
  [
    ["qwen3", "--path", "/api/chat"],
    '"qwen3" at /api/chat goes to ollama: it is the default endpoint, and no other one is known to serve the model.',
  ],
  [
    ["claude-5"],
    '"claude-5" at /v1/chat/completions goes to groq as "anthropic/claude-5": the route "claude-*" matches.',
  ],
  [
    ["fast", "--path", "/groq/v1/responses"],
    '"fast" at /groq/v1/responses goes to groq as "llama-3.3-70b": it is an alias, and the path names the endpoint.',
  ],
  [
    ["qwen3", "--path", "/groq/v1/responses"],
    '"qwen3" at /groq/v1/responses goes to groq: the path names the endpoint.',
  ],
];

for (const [args, line] of ROUTES) {
  Deno.test(`check --route ${args.join(" ")}: where a request goes, and why`, async () => {
    const { code, out, err } = await run(ONE_DOOR, ["check", "--route", ...args]);
    assertEquals([code, out.split("\n")[0]], [0, line], err);
  });
}

Deno.test("check: which endpoints get paths without an endpoint, and an alias that is probably a typo", async () => {
  const { code, out } = await run(ONE_DOOR, ["check"]);
  assertEquals(code, 0);
  const words = out.split("\n").map((line) => line.trim().split(/ {2,}/).join("|"));
  for (
    const line of [
      "paths without an endpoint|the model chooses|other models",
      "/v1/…, /chat/completions|openai, groq, ollama|openai",
      "/v1/messages…|anthropic, ollama|anthropic",
      "/api/…|ollama|ollama",
      "routes|embed → ollama/nomic, claude-* → groq/anthropic/claude-*|config.toml:1",
      'warning: config.toml:11: aliases.typo names no endpoint "grok"; did you mean groq?',
    ]
  ) assert(words.includes(line), `${line} is not in\n${words.join("\n")}`);
});

Deno.test("check --route: an alias with the name of an endpoint, and a name that another endpoint lists", async () => {
  const list = (ids: readonly string[]) => plainAnswer(JSON.stringify({ data: ids.map((id) => ({ id })) }));
  await using first = new FakeUpstream({ script: ({ write }) => write(list(["big"])) });
  await using second = new FakeUpstream({ script: ({ write }) => write(list(["first/big", "first/small"])) });
  const file = `aliases = { fast = "first/big" }
[endpoints.first]
base_url = "${first.origin}"
api_key = "\${OPENAI_KEY}"
[endpoints.second]
base_url = "${second.origin}"
api_key = "\${OPENAI_KEY}"
`;
  const goesTo = async (model: string) => {
    const { out, err } = await run(file, ["check", "--route", model, "--online", "--json"]);
    assertEquals(err, "");
    const { endpoint, sends } = JSON.parse(out);
    return `${endpoint} ${sends}`;
  };
  assertEquals(await goesTo("fast"), "first big");
  assertEquals(await goesTo("first/big"), "first big");
  assertEquals(await goesTo("first/small"), "second first/small");
  const { out } = await run(file, ["check", "--online"]);
  assertStringIncludes(out, "warning: second: the names of 2 models begin with the name of another endpoint");
});

Deno.test("check --route --online: the lists of the endpoints; no endpoint for a path is a failure", async () => {
  await using upstream = new FakeUpstream({ script: models });
  const file = `[endpoints.first]
base_url = "${upstream.origin}"
api_key = "\${OPENAI_KEY}"
[endpoints.second]
base_url = "${upstream.origin}"
api_key = "\${OPENAI_KEY}"
`;
  const listed = await run(file, ["check", "--route", "a", "--online", "--json"]);
  assertEquals([listed.code, JSON.parse(listed.out)], [0, {
    model: "a",
    path: "/v1/chat/completions",
    endpoint: "first",
    sends: "a",
    why: "the endpoint lists the model before second, by the order of the file",
  }]);
  const unknown = await run(file, ["check", "--route", "unheard", "--online"]);
  assertEquals([unknown.code, unknown.err.split(".")[0]], [
    1,
    'No endpoint of this proxy serves the model "unheard" here',
  ]);
  const path = await run(file, ["check", "--route", "a", "--path", "/elsewhere"]);
  assertEquals([path.code, path.err.trim()], [1, "No endpoint has the path /elsewhere."]);
});

Deno.test("check --online: reachability, key and models of each backend, through its outbound proxy; exit code 1 if one fails", async () => {
  await using upstream = new FakeUpstream({ script: models });
  const port = Number(new URL(upstream.origin).port);
  await using proxy = new ForwardProxy({ scheme: "socks5", hosts: { "inside.test": port } });
  const good = `[endpoints.direct]
base_url = "${upstream.origin}"
api_key = "\${OPENAI_KEY}"
[endpoints.inside]
base_url = "http://inside.test/v1"
api_key = "\${OPENAI_KEY}"
proxy_url = "socks5://127.0.0.1:${proxy.port}"
`;
  const well = await run(good, ["check", "--online"]);
  assertEquals(well.code, 0, well.out + well.err);
  const rows = (out: string) =>
    out.split("\n").filter((line) => / (yes|no) /.test(line)).map((line) =>
      line.replace(/\d+ ms/, "n ms").split(/ {2,}/).filter((cell) => cell !== "")
    );
  assertEquals(rows(well.out), [
    ["direct", new URL(upstream.origin).host, "yes", "accepted", "2", "n ms"],
    ["inside", "inside.test", "yes", "accepted", "2", "n ms"],
  ]);
  assertEquals(proxy.asked, ["inside.test:80"]);
  const bad = `${good}[endpoints.wrong]
base_url = "${upstream.origin}"
api_key = "another"
[endpoints.dead]
base_url = "http://127.0.0.1:1"
api_key = "none"
`;
  const failed = await run(bad, ["check", "--online"]);
  assertEquals([failed.code, failed.err.trim()], [1, "2 of 4 backends failed."]);
  assertEquals(rows(failed.out).slice(2).map((row) => row.slice(2)), [
    ["yes", "refused", "-", "n ms", "it answered 401"],
    ["no", "not told", "-", "-", "it refused the connection"],
  ]);
});

Deno.test("connect: the settings of a client; a suggestion for an unknown client", async () => {
  const config = '[server]\nhost = "10.0.0.7"\n[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n';
  const { code, out } = await run(config, ["connect", "openai-sdk", "--token", "mine"]);
  assertEquals([code, out], [
    0,
    "# OpenAI SDKs: in the shell or its startup file\n" +
    "export OPENAI_BASE_URL=http://10.0.0.7:33000/openai/v1\nexport OPENAI_API_KEY=mine\n",
  ]);
  const unknown = await run(config, ["connect", "openai-sdkk"]);
  assertEquals([unknown.code, unknown.err.includes("Did you mean openai-sdk?")], [2, true]);
  const unspoken = await run(config, ["connect", "claude-code"]);
  assertEquals([unspoken.code, unspoken.err.includes("speaks anthropic, and no endpoint does")], [1, true]);
});

Deno.test("service print: the whole service without a key; a configuration file with a key is rejected", async () => {
  for (const platform of ["systemd", "launchd", "windows"]) {
    const { code, out } = await run('[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n', [
      "service",
      "print",
      "--platform",
      platform,
    ]);
    assertEquals(code, 0);
    assert(out.includes("OPENAI_KEY=…") && out.includes("Then run:"), out);
  }
  const written = await run(`[endpoints.openai]\napi_key = "sk-written-out"\n`, ["service", "print"]);
  assertEquals([written.code, written.err.includes("endpoints.openai.api_key")], [2, true]);
});

Deno.test("service print: a value that an environment file cannot hold is rejected", async () => {
  const { code, err } = await run('[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n', ["service", "print"], {
    ...ENV,
    PROXY_TOKEN: `a-'token'-with-"both"-quotes`,
  });
  assertEquals([
    code,
    err.startsWith("PROXY_TOKEN: an environment file cannot hold a value with both kinds of quotes"),
  ], [1, true]);
});

Deno.test("service print: Kubernetes and Docker Compose: one file without a secret", async () => {
  const config = '[server]\nport = 33333\n[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n';
  for (const platform of ["kubernetes", "compose"]) {
    const { code, out, err } = await run(config, ["service", "print", "--platform", platform]);
    assertEquals([code, err], [0, ""], platform);
    assert(out.startsWith("# llm-proxy ") && out.includes("OPENAI_KEY") && out.includes("33333"), out);
    const written = `[endpoints.openai]\napi_key = "sk-written-out"\n`;
    const refused = await run(written, ["service", "print", "--platform", platform]);
    assertEquals([refused.code, refused.out], [2, ""], platform);
    assert(refused.err.includes("endpoints.openai.api_key") && !refused.err.includes("sk-written-out"));
  }
});

Deno.test("service print: Kubernetes: pods may connect to the servers of the database and of the limits", async () => {
  const config = '[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n';
  const portsFor = async (env: Record<string, string>) => {
    const { code, out, err } = await run(config, ["service", "print", "--platform", "kubernetes"], {
      ...ENV,
      MANAGEMENT_TOKEN: "a-management-token-of-some-length",
      ENCRYPTION_KEY: btoa("k".repeat(32)),
      ...env,
    });
    assertEquals([code, err], [0, ""]);
    return [...out.matchAll(/protocol: TCP, port: (\d+)/g)].map(([, port]) => Number(port));
  };
  const database = { DATABASE_URL: "postgres://u@db.lan:6543/p" };
  assertEquals(await portsFor({ ...database, LIMITS_URL: "redis://r.lan:7777" }), [53, 443, 6543, 7777]);
  assertEquals(await portsFor({ ...database, LIMITS_URL: "rediss://r.lan" }), [53, 443, 6379, 6543]);
  assertEquals(await portsFor({ ...database, LIMITS_URL: "postgres://u@l.lan:6544/p" }), [
    53,
    443,
    6543,
    6544,
  ]);
  assertEquals(await portsFor({ DATABASE_URL: "postgres://u@db.lan:1/p?port=6545", LIMITS_URL: "none" }), [
    53,
    443,
    6545,
  ]);
  assertEquals(await portsFor({ DATABASE_URL: "postgres:///p?host=/run/pg&user=u", LIMITS_URL: "none" }), [
    53,
    443,
  ]);
});

Deno.test("service print: Kubernetes: pods may connect to the providers of people and of client tokens", async () => {
  const config = `[endpoints.openai]
api_key = "\${OPENAI_KEY}"
[[auth.jwt]]
name = "ci"
issuer = "https://ci.lan:8444"
audience = "llm-proxy"
default_project = "ci"
[management]
public_url = "https://llm.lan"
[[management.sign_in]]
name = "sso"
issuer = "https://sso.lan:8443"
client_id = "llm-proxy"
client_secret = "\${SSO_SECRET}"
default_role = "viewer"
[management.sign_in.allow]
domains = ["lan"]
`;
  const { code, out, err } = await run(config, ["service", "print", "--platform", "kubernetes"], {
    ...ENV,
    SSO_SECRET: SECRETS.openaiKey,
    MANAGEMENT_TOKEN: "a-management-token-of-some-length",
  });
  assertEquals([code, err], [0, ""]);
  const ports = [...out.matchAll(/protocol: TCP, port: (\d+)/g)].map(([, port]) => Number(port));
  assertEquals(ports, [53, 443, 8443, 8444]);
});

Deno.test("service print: files and addresses of this machine in the URLs of the servers are noted", async () => {
  const config = `[endpoints.openai]
api_key = "\${OPENAI_KEY}"
[management]
database_url = "postgres://u@127.0.0.1/p?sslrootcert=/etc/ca.pem&passfile=/root/.pgpass"
limits_url = 'redis://localhost:7777'
[endpoints.local]
base_url = "https://host.lan"
api_key = "none"
ca_file = '${CA}'
`;
  const { out, err, code } = await run(config, ["service", "print", "--platform", "kubernetes"], {
    ...ENV,
    MANAGEMENT_TOKEN: "a-management-token-of-some-length",
    ENCRYPTION_KEY: btoa("k".repeat(32)),
  });
  assertEquals([code, err], [0, ""]);
  const notes = out.replaceAll(/\n# /g, " ");
  assertStringIncludes(notes, `Mount them too: ${CA}, /etc/ca.pem, /root/.pgpass`);
  assertStringIncludes(notes, "127.0.0.1:5432 is the container itself: set DATABASE_URL to another address");
  assertStringIncludes(notes, "localhost:7777 is the container itself: set LIMITS_URL to another address");
});

Deno.test("service print: files beside the configuration are noted with their places, in TOML and JSON", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.copyFile(CA, `${folder}/ca.pem`);
  const openai = { api_key: "${OPENAI_KEY}", ca_file: "ca.pem" };
  const toml =
    '[endpoints]\nopenai = { api_key = "${OPENAI_KEY}", ca_file = "ca.pem" }\n  # tls_key_file = "no.pem"\n';
  for (
    const [name, text] of [["a.toml", toml], ["a.json", JSON.stringify({ endpoints: { openai } }, null, 2)]]
  ) {
    await Deno.writeTextFile(`${folder}/${name}`, text ?? "");
    const args = ["service", "print", "--platform", "kubernetes", "--config", `${name}`];
    const { success, stdout } = await proxyCommand(args, { ...ENV, SSL_CERT_FILE: "ca.pem" }, folder)
      .output();
    const out = new TextDecoder().decode(stdout);
    assert(success);
    assertStringIncludes(
      out,
      "# The configuration names other files. Mount them too: ca.pem at /etc/llm-proxy/ca.pem\n#\n",
    );
    assertStringIncludes(
      out,
      "# ca.pem has certificate authorities of upstreams. Mount it too, and set SSL_CERT_FILE.\n",
    );
    assertEquals(out.includes("SSL_CERT_DIR"), false);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("service print: Kubernetes: SQLite runs in one pod", async () => {
  const env = { ...ENV, MANAGEMENT_TOKEN: "a-management-token-of-some-length" };
  const print = (...args: string[]) =>
    run('[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n', [
      "service",
      "print",
      "--platform",
      "kubernetes",
      ...args,
    ], env);
  const one = await print("--image", "registry.test/llm-proxy:1");
  assertEquals(one.code, 0);
  assert(
    one.out.includes("replicas: 1\n") && one.out.includes("image: registry.test/llm-proxy:1\n"),
    one.out,
  );
  const two = await print("--replicas", "2");
  assertEquals([two.code, two.out, two.err.includes("2 replicas are not possible")], [2, "", true]);
});

Deno.test("service: what does not fit the platform is wrong usage", async () => {
  const config = '[endpoints.openai]\napi_key = "${OPENAI_KEY}"\n';
  for (
    const [args, message] of [
      [["install", "--platform", "compose"], "works only with `service print`"],
      [
        ["print", "--platform", "systemd", "--replicas", "2"],
        "work only with --platform kubernetes or compose",
      ],
      [["print", "--platform", "compose", "--replicas", "0"], "Not a number of replicas (1 to 100)"],
    ] as const
  ) {
    const { code, err } = await run(config, ["service", ...args]);
    assertEquals([code, err.includes(message)], [2, true], err);
  }
});

Deno.test("service status: missing files and exit code 1", async () => {
  const { code, out } = await run("[server]\nport = 1\n", ["service", "status"]);
  assertEquals(code, 1);
  assert(out.includes("llm-proxy.service: missing") && out.includes("No response from 127.0.0.1:1"), out);
});

Deno.test("the earlier program's named endpoints, end to end: each through an outbound proxy, with the client's own key", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer(exchange.request.target)),
  });
  const port = Number(new URL(upstream.origin).port);
  await using tokyo = new ForwardProxy({
    scheme: "http",
    login: "user:pass",
    hosts: { "api.inside.test": port },
  });
  const text = `[server]
port = 8080
target_base = "${upstream.origin}/v1"

[endpoints.openai_prod]

[endpoints.openai_tokyo]
proxy_url = "http://user:pass@127.0.0.1:${tokyo.port}"
target_base = "http://api.inside.test/v1"
`;
  await serving({ name: "config.toml", text }, async (proxy) => {
    const ask = (path: string) =>
      rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, "Authorization: Bearer sk-mine"]);
    assertEquals((await ask("/openai_prod/v1/chat/completions?a=1")).text, "/v1/chat/completions?a=1");
    assertEquals((await ask("/openai_tokyo/models")).text, "/v1/models");
    assertEquals(tokyo.relayed, ["api.inside.test:80"]);
    assertEquals(upstream.requests.map((request) => request.header("authorization")), [
      "Bearer sk-mine",
      "Bearer sk-mine",
    ]);
    const warning = await proxy.logged(({ event }) => event === "configuration");
    assertEquals(
      warning["detail"],
      "no token is required: every program on this machine can use this proxy",
    );
  });
});

Deno.test("the earlier program's backends, end to end: failover in order, each with its model", async () => {
  const says = (name: string, status: string): Script => async (exchange) => {
    const body = new TextDecoder().decode(await gather(exchange.body()));
    const { target } = exchange.request;
    await exchange.write(
      plainAnswer(`${name} ${target} ${exchange.request.header("authorization")} ${body}`, { status }),
    );
  };
  await using busy = new FakeUpstream({ script: says("busy", "503 Busy") });
  await using well = new FakeUpstream({ script: says("well", "200 OK") });
  const text = JSON.stringify({
    primary_backends: [
      { name: "busy", url: `${busy.origin}/v1`, model: "a" },
      { name: "off", url: "", model: "" },
      { name: "well", url: `${well.origin}/v1`, model: "b" },
    ],
    settings: { timeout: 30 },
  });
  await serving({ name: "backends.json", text }, async (proxy) => {
    const body = '{"model": "x", "messages": []}';
    for (const path of ["/chat/completions", "/v1/chat/completions"]) {
      const lines = [
        `POST ${path} HTTP/1.1`,
        "Authorization: Bearer sk-mine",
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
      ];
      const { status, text } = await rawRequest(proxy.url, lines, body);
      assertEquals([status, text], [
        200,
        `well /v1/chat/completions Bearer sk-mine ${body.replace('"x"', '"b"')}`,
      ]);
    }
    assertEquals(busy.requests.length, 2);
  });
});

Deno.test("import: a file without its program gets the names of the programs", async () => {
  const { code, err } = await run("", ["import", "litellm.yaml"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "Allowed choices are litellm, olla, llama-swap");
  const missing = await run("", ["import", "litellm"]);
  assertEquals(missing.code, 2);
  assertStringIncludes(missing.err, "missing required argument 'file'");
});

Deno.test("an unknown command: a suggestion, exit code 2", async () => {
  const { code, err } = await run("", ["chek"]);
  assertEquals([code, err.trim()], [2, 'There is no command "chek"; did you mean check?']);
});

Deno.test("help: a page, the help of a command, the list of both; exit code 2 for an unknown topic", async () => {
  const page = await run("", ["help", "limits"]);
  assertEquals([page.code, page.err], [0, ""]);
  assert(page.out.startsWith("Limits and budgets\n=================="), page.out);
  const command = await run("", ["help", "token", "create"]);
  assert(command.out.startsWith("Usage: llm-proxy token create"), command.out);
  const both = await run("", ["help", "usage"]);
  assert(both.out.includes("--group") && both.out.includes("llm-proxy help usage-and-cost"), both.out);
  const list = await run("", ["help"]);
  assert(list.out.includes("limits-and-budgets  ") && list.out.includes("healthcheck"), list.out);
  assertEquals(await run("", ["help", "limts"]), {
    code: 2,
    out: "",
    err: 'There is no page or command "limts"; did you mean limits?\n',
  });
});

Deno.test("version: as a command and as an option", async () => {
  const { out } = await run("", ["version"]);
  for (const option of ["--version", "-V"]) {
    assertEquals(await run("", [option]), { code: 0, out, err: "" });
  }
});

Deno.test("token generate: a random PROXY_TOKEN or ENCRYPTION_KEY, different each time", async () => {
  const [one, two] = [await run("", ["token", "generate"]), await run("", ["token", "generate"])];
  assert(/^[0-9a-f]{48}\n$/.test(one.out) && one.out !== two.out, one.out);
  const { out } = await run("", ["token", "generate", "--key"]);
  assertEquals(Uint8Array.fromBase64(out.trim()).length, 32);
});

Deno.test("user add: the whole link, at PUBLIC_URL or at the address of the configuration", async () => {
  const config = '[server]\nhost = "192.0.2.7"\nadmin_port = 33001\n' +
    '[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "${OPENAI_KEY}"\n';
  const first = async (env: Record<string, string> = {}) => {
    const all = { ...ENV, MANAGEMENT_TOKEN: SECRETS.managementToken, ...env };
    const { out } = await run(config, ["user", "add", "anna", "--all-projects"], all);
    return out.split("#", 1)[0];
  };
  assertEquals(await first(), "http://192.0.2.7:33001/admin");
  assertEquals(await first({ PUBLIC_URL: "https://llm.example.com" }), "https://llm.example.com/admin");
});
