import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };
import { outputUntil, restOfOutput, textReader } from "../../support/processes/child_output.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { freePort } from "../../support/processes/port.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

const NOWHERE = "http://127.0.0.1:9";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command that ends by itself. */
async function run(args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Ended> {
  const { code, stdout, stderr } = await proxyCommand(args, env, cwd).output();
  const decoder = new TextDecoder();
  const ended = { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  assertNoSecrets(ended.out + ended.err, "the output");
  assertNotMatch(ended.out + ended.err, /^\s+at .*:\d+:\d+/m, "a stack trace");
  return ended;
}

async function inFolder(
  files: Record<string, string>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a start without a configuration names all missing variables and exits with 2", async () => {
  const { code, out, err } = await run([]);
  assertEquals([code, out], [2, ""]);
  for (
    const name of [
      "OPENAI_BASE_URL",
      "OPENAI_API_KEY",
      "ANTHROPIC_BASE_URL",
      "ANTHROPIC_API_KEY",
      "PROXY_TOKEN",
    ]
  ) {
    assertMatch(err, new RegExp(`^  env ${name} +is missing`, "m"));
  }
  assertStringIncludes(err, "5 problems");
});

Deno.test("a start reports all problems at once, each with its origin and without secrets", async () => {
  await inFolder({ ".env": 'PORT=99999\nANTHROPIC_API_KEY="two\nlines"\n' }, async (folder) => {
    const { code, err } = await run([], {
      OPENAI_BASE_URL: `https://user:${SECRETS.openaiKey}@api.test/v1`,
      OPENAI_API_KEY: ` ${SECRETS.openaiKey}`,
      ANTHROPIC_BASE_URL: "https://api.test/?x=1",
      PROXY_TOKEN_FILE: "/no/such/file",
      LOG_LEVEL: "loud",
    }, folder);
    assertEquals(code, 2);
    assertMatch(err, /env OPENAI_BASE_URL +contains a user name or password/);
    assertMatch(err, /env OPENAI_API_KEY +starts or ends with a space/);
    assertMatch(err, /env ANTHROPIC_BASE_URL +contains a query/);
    assertMatch(err, /\.env: ANTHROPIC_API_KEY +contains a line break/);
    assertMatch(
      err,
      /env PROXY_TOKEN_FILE +names "\/no\/such\/file", which cannot be read: there is no such file/,
    );
    assertMatch(err, /\.env: PORT +"99999" is not a port/);
    assertMatch(err, /env LOG_LEVEL +"loud" is not one of debug, info, warn, error/);
    assertStringIncludes(err, "7 problems");
  });
});

Deno.test({
  // Another account could put a file there first, and the program must not run code from it.
  ...unless(withoutUnix(), "a start reads and leaves nothing in the folder for temporary files"),
  async fn() {
    const temporary = await Deno.makeTempDir();
    try {
      for (const args of [["version"], ["help"]]) {
        const { code, err } = await run(args, { TMPDIR: temporary });
        assertEquals(code, 0, err);
      }
      assertEquals([...Deno.readDirSync(temporary)].map(({ name }) => name), []);
    } finally {
      await Deno.remove(temporary, { recursive: true });
    }
  },
});

Deno.test("ENDPOINTS limits the endpoints, and so the required variables", async () => {
  await using proxy = await ProxyProcess.start({
    upstream: NOWHERE,
    env: { ENDPOINTS: "anthropic", OPENAI_BASE_URL: "", OPENAI_API_KEY: "" },
  });
  const ask = (path: string) => fetch(proxy.url + path, { headers: { "x-api-key": SECRETS.proxyToken } });
  const unserved = await ask("/openai/v1/models");
  assertEquals(unserved.status, 404);
  assertStringIncludes((await unserved.json()).error.message, "This proxy serves /anthropic/");
});

Deno.test("a port in use is one clear line and exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr; // a listener on TCP has a NetAddr
  const { code, err } = await run([], proxyEnv({ upstream: NOWHERE, env: { PORT: String(port) } }));
  assertEquals(code, 1);
  assertEquals(
    err,
    `Cannot listen on 127.0.0.1:${port}: another program or an outgoing connection uses the port. Choose another port with PORT or --port.\n`,
  );
});

Deno.test("an address that this machine does not have is one clear line and exit code 1", async () => {
  const { code, err } = await run([], proxyEnv({ upstream: NOWHERE, env: { HOST: "192.0.2.1" } }));
  assertEquals(code, 1);
  assertMatch(err, /^Cannot listen on 192\.0\.2\.1:0: this machine has no such address\..*\n$/);
});

Deno.test("the start prints the version, addresses, endpoints with their hosts, and what is on, and nothing else", async () => {
  await using upstream = new FakeUpstream();
  const child = proxyCommand([], {
    ...proxyEnv({ upstream: upstream.origin }),
    LOG_FORMAT: "pretty",
    HOST: "0.0.0.0",
    ACCESS_LOG: "1",
  }).spawn();
  const reader = textReader(child);
  let text = await outputUntil(reader, /on:/);
  child.kill("SIGTERM");
  text += await restOfOutput(reader);
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
  assertNoSecrets(text, "the banner");
  const host = new URL(upstream.origin).host;
  assertMatch(text, new RegExp(`^llm-proxy ${manifest.version.replaceAll(".", "\\.")}\n`));
  assertMatch(text, /^ {2}http:\/\/localhost:\d+$/m);
  assertMatch(text, new RegExp(`^ {2}/openai +→ ${host}$`, "m"));
  assertMatch(text, new RegExp(`^ {2}/anthropic +→ ${host}$`, "m"));
  assertMatch(text, /^ {2}on: access log$/m);
});

Deno.test("the environment wins over .env, and a flag over both", async () => {
  await inFolder(
    { ".env": "LOG_LEVEL=nonsense-of-dotenv\nLOG_FORMAT=nonsense-of-dotenv\nHOST=a b\n" },
    async (folder) => {
      const { err } = await run(
        ["--log-format", "nonsense-of-flag"],
        { LOG_LEVEL: "nonsense-of-env" },
        folder,
      );
      assertMatch(err, /env LOG_LEVEL +"nonsense-of-env"/);
      assertMatch(err, /--log-format +"nonsense-of-flag"/);
      assertMatch(err, /\.env: HOST +"a b"/);
    },
  );
});

Deno.test("…_FILE names a file with the value, without its last line break", async () => {
  await inFolder({ token: `${SECRETS.proxyToken}\n` }, async (folder) => {
    await using upstream = new FakeUpstream();
    const { PROXY_TOKEN: _, ...env } = proxyEnv({ upstream: upstream.origin });
    await using proxy = await ProxyProcess.startWith({ ...env, PROXY_TOKEN_FILE: `${folder}/token` });
    const response = await fetch(`${proxy.url}/openai/v1/models`, {
      headers: { "api-key": SECRETS.proxyToken },
    });
    assertEquals((await response.json()).object, "list");
  });
});

Deno.test("healthcheck: 0 if the proxy of this environment answers, else 1 with a reason", async () => {
  await using proxy = await ProxyProcess.start({ upstream: NOWHERE });
  const { port } = new URL(proxy.url);
  const well = await run(["healthcheck"], { PORT: port });
  assertEquals([well.code, well.err], [0, ""]);
  assertEquals((await run(["healthcheck", "--url", proxy.url])).code, 0);
  const ill = await run(["healthcheck"], { PORT: "9" });
  assertEquals(ill.code, 1);
  assertMatch(ill.err, /^No response from 127\.0\.0\.1:9: .+\n$/);
});

Deno.test("with a certificate and its key the proxy speaks HTTPS, and healthcheck still works", async () => {
  const folder = new URL("../../support/tls/", import.meta.url).pathname;
  const tls = { TLS_CERT_FILE: `${folder}cert.pem`, TLS_KEY_FILE: `${folder}key.pem` };
  await using upstream = new FakeUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin, env: tls });
  const { port, protocol } = new URL(proxy.url);
  assertEquals(protocol, "https:");
  // HTTP/2 has tests of its own, for which the runtime of a compiled stand-in may be too old.
  using client = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(`${folder}ca.pem`)],
    http2: false,
  });
  const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
  const response = await fetch(`https://localhost:${port}/openai/v1/models`, { client, headers });
  assertEquals((await response.json()).object, "list");
  assertEquals((await run(["healthcheck"], { ...tls, PORT: port })).code, 0);
});

Deno.test("version prints the version of the program and of Deno, and the target", async () => {
  const { code, out } = await run(["version"]);
  assertEquals(code, 0);
  assertMatch(
    out,
    new RegExp(`^llm-proxy ${manifest.version} \\(deno \\d+\\.\\d+\\.\\d+, \\S+-\\S+-\\S+\\)\n$`),
  );
});

Deno.test("--help of every command exits with 0; an unknown command or option exits with 2", async () => {
  for (const args of [[], ["serve"], ["demo"], ["healthcheck"], ["version"]]) {
    const { code, out } = await run([...args, "--help"]);
    assertEquals(code, 0);
    assertStringIncludes(out, "Usage: llm-proxy");
  }
  for (const args of [["dance"], ["--loud"], ["demo", "--port", "x"], ["serve", "--port"]]) {
    const { code, err } = await run(args);
    assertEquals(code, 2, args.join(" "));
    assert(err.length > 0);
  }
});

Deno.test("demo needs no configuration, answers for both providers, and exits with 0", async () => {
  const child = proxyCommand(["demo", "--port", "0"], {}).spawn();
  const reader = textReader(child);
  const text = await outputUntil(reader, /Ctrl-C/);
  const lines = text.split("\n").filter((line) => line.startsWith("  curl"));
  assertEquals(lines.length, 7);
  const [list = ""] = lines.splice(4, 1);
  const models = await fetch(/http:\S+/.exec(list)?.[0] ?? "", {
    headers: { authorization: /Bearer [^']+/.exec(list)?.[0] ?? "" },
  });
  assertEquals((await models.json()).data.map(({ id }: { id: string }) => id), [
    "demo-small",
    "demo-org/demo-large",
    "demo-claude",
    "fast",
  ]);
  for (const line of lines) {
    const url = /http:\S+/.exec(line)?.[0] ?? "";
    const headers = [...line.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]): [string, string] => [
      name ?? "",
      value ?? "",
    ]);
    const response = await fetch(url, { method: "POST", headers, body: /-d '(.*)'$/.exec(line)?.[1] ?? "" });
    const answer = await response.text();
    assertEquals(response.status, 200, answer);
    assertStringIncludes(answer, "Hello");
    assertEquals(
      response.headers.get("content-type")?.startsWith("text/event-stream"),
      line.includes('"stream":true'),
    );
  }
  const elsewhere = await fetch(
    (/http:\S+/.exec(lines[0] ?? "")?.[0] ?? "").replace(/:(\d+)\/.*$/, ":$1/v1/chat/completions"),
    {
      method: "POST",
      headers: { authorization: /Bearer [^']+/.exec(list)?.[0] ?? "" },
      body: '{"model":"demo-claude","messages":[]}',
    },
  );
  assertEquals(elsewhere.status, 404);
  assertStringIncludes(await elsewhere.text(), "at /v1/messages, and not at this path");
  // Also in the compiled program, which holds its files.
  const page = /http:\S+\/admin/.exec(text)?.[0] ?? "";
  const html = await (await fetch(page)).text();
  const paths = [...html.matchAll(/\/admin\/assets\/[\w.-]+/g)].map(([path]) => path);
  assertEquals(paths.length, 3);
  for (const path of paths) {
    const { status, body } = await fetch(new URL(path, page));
    await body?.cancel();
    assertEquals(status, 200, path);
  }
  child.kill("SIGINT");
  await reader.cancel();
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});

for (const signal of ["SIGINT", "SIGHUP"] as const) {
  Deno.test({
    ...unless(
      withoutUnix(),
      `demo: listens on PORT, names its temporary folder, and removes it at ${signal}`,
    ),
    async fn() {
      const port = freePort();
      const temporary = await Deno.makeTempDir();
      const child = proxyCommand(["demo"], { PORT: String(port), TMPDIR: temporary }).spawn();
      const reader = textReader(child);
      const text = await outputUntil(reader, /What stays: .*\n/);
      assertStringIncludes(text, `the proxy listens on http://127.0.0.1:${port},`);
      const own = () => [...Deno.readDirSync(temporary)];
      assertEquals(own().length, 1);
      assertStringIncludes(text, `removes ${temporary}/${own()[0]?.name}.\n`);
      child.kill(signal);
      await reader.cancel();
      const [{ code }, said] = await Promise.all([child.status, new Response(child.stderr).text()]);
      assertEquals([code, said], [0, ""]);
      assertEquals(own(), []);
      await Deno.remove(temporary, { recursive: true });
    },
  });
}

Deno.test("demo: an invalid PORT and a port in use are one clear line each", async () => {
  const wrong = await run(["demo"], { PORT: "80000" });
  assertEquals([wrong.code, wrong.err], [2, 'env PORT "80000" is not a port (0 to 65535)\n']);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refused = await run(["demo"], { PORT: String(taken.addr.port) });
  assertEquals(refused.code, 1);
  assertMatch(
    refused.err,
    /^Cannot listen on 127\.0\.0\.1:\d+ [^\n]*another program or an outgoing connection[^\n]*\n$/,
  );
});
