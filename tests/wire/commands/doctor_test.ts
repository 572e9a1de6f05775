/**
 * `llm-proxy doctor` through the real program: what it finds, and that it shows no secret and asks nobody
 * unasked.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { unless, without, withoutUnix } from "../../support/runner/left_out.ts";
import { startNginx } from "../../support/processes/nginx.ts";
import { freePort } from "../../support/processes/port.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

interface Line {
  readonly check: string;
  readonly status: "ok" | "warning" | "problem";
  readonly message: string;
  readonly advice?: string;
}

interface Report {
  readonly code: number;
  readonly findings: readonly Line[];
  readonly notLookedAt: readonly string[];
  /** Of one check, as `status: message`. */
  of(check: string): string[];
}

interface Ward {
  readonly folder: string;
  /** Writes `.env`, for its owner alone. */
  readonly write: (variables: Readonly<Record<string, string>>) => Promise<void>;
  readonly doctor: (args?: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Report>;
}

const listsModels: Script = (exchange) => exchange.write(plainAnswer('{"data":[{"id":"a"}]}'));

async function inFolder(test: (ward: Ward) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await test({
      folder,
      async write(variables) {
        const text = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`).join("");
        await Deno.writeTextFile(`${folder}/.env`, text, { mode: 0o600 });
      },
      async doctor(args = [], env = {}) {
        const { code, stdout, stderr } = await proxyCommand(["doctor", "--json", ...args], env, folder)
          .output();
        const [out, err] = [new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
        assertNoSecrets(out + err, "the output of doctor");
        assert(out !== "", err);
        const { ok, findings, not_looked_at } = JSON.parse(out);
        assertEquals(code, ok ? 0 : 1, err);
        const all: Line[] = findings;
        return {
          code,
          findings: all,
          notLookedAt: not_looked_at,
          of: (check) =>
            all.filter((line) => line.check === check).map(({ status, message }) => `${status}: ${message}`),
        };
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** One provider on this machine, and everything else in order. */
function wellVariables(upstream: string, port = freePort()): Record<string, string> {
  return {
    ENDPOINTS: "openai",
    OPENAI_BASE_URL: `${upstream}/openai/v1`,
    OPENAI_API_KEY: SECRETS.openaiKey,
    PROXY_TOKEN: SECRETS.proxyToken,
    HOST: "127.0.0.1",
    PORT: String(port),
  };
}

Deno.test("doctor: no problems, and no request to a provider without --online", () =>
  inFolder(async ({ write, doctor }) => {
    await using upstream = new FakeUpstream();
    await write(wellVariables(upstream.origin));
    const report = await doctor();
    assertEquals([report.code, report.findings.filter(({ status }) => status !== "ok")], [0, []]);
    assertEquals(upstream.requests.length, 0);
    const online = await doctor(["--online"]);
    assertEquals([online.code, upstream.requests.map(({ target }) => target)], [0, ["/openai/v1/models"]]);
    assertStringIncludes(online.of("providers").join(), "accepts the key, 2 models");
  }));

Deno.test("doctor: the text for people, with its exit code", () =>
  inFolder(async ({ folder, write }) => {
    await using upstream = new FakeUpstream();
    await write(wellVariables(upstream.origin));
    const { code, stdout } = await proxyCommand(["doctor"], {}, folder).output();
    const text = new TextDecoder().decode(stdout);
    assertNoSecrets(text, "the output of doctor");
    assertEquals(code, 0);
    assertStringIncludes(text, "ok       configuration  the configuration is valid and serves openai\n");
    assertStringIncludes(text, "No problems.\n");
    await write({ ...wellVariables(upstream.origin), PORT: "x" });
    const broken = await proxyCommand(["doctor"], {}, folder).output();
    assertEquals([broken.code, new TextDecoder().decode(broken.stderr)], [
      1,
      "The doctor found one problem.\n",
    ]);
    assertStringIncludes(new TextDecoder().decode(broken.stdout), "PROBLEM  configuration  .env: PORT");
  }));

Deno.test("doctor: an invalid configuration is one finding for each problem, and other checks still run", () =>
  inFolder(async ({ write, doctor }) => {
    await write({ OPENAI_API_KEY: `${SECRETS.openaiKey} `, ENDPOINTS: "openai", PROXY_TOKEN: "two words" });
    const report = await doctor();
    assertEquals(report.of("configuration").length, 2);
    assert(report.of("configuration").every((line) => line.startsWith("problem: ")));
    assertEquals([report.of("time").length, report.notLookedAt], [1, [
      "everything that needs a valid configuration",
    ]]);
  }));

Deno.test("doctor: a dead provider on this machine, and a rejected key", () =>
  inFolder(async ({ write, doctor }) => {
    await write(wellVariables(`http://127.0.0.1:${freePort()}`));
    assertStringIncludes((await doctor()).of("providers").join(), "refuses the connection");
    await using upstream = new FakeUpstream();
    await write({ ...wellVariables(upstream.origin), OPENAI_API_KEY: SECRETS.clientKey });
    assertEquals((await doctor()).code, 0);
    const report = await doctor(["--online"]);
    assertStringIncludes(report.of("providers").join(), "problem: openai");
    assertStringIncludes(report.of("providers").join(), "rejects the key (it answered 401)");
  }));

Deno.test({
  ...unless(withoutUnix(), "doctor: files that other users can read or change"),
  fn: () =>
    inFolder(async ({ folder, write, doctor }) => {
      await using upstream = new FakeUpstream();
      const { OPENAI_API_KEY, ...variables } = wellVariables(upstream.origin);
      await Deno.writeTextFile(`${folder}/openai.key`, OPENAI_API_KEY ?? "");
      await write({ ...variables, OPENAI_API_KEY_FILE: "openai.key" });
      await Deno.chmod(`${folder}/.env`, 0o644);
      await Deno.chmod(`${folder}/openai.key`, 0o644);
      const readable = await doctor();
      assertEquals([readable.code, readable.of("files")], [0, [
        "warning: every user of this machine can read .env",
        "warning: every user of this machine can read openai.key",
      ]]);
      assertEquals(readable.findings.find(({ check }) => check === "files")?.advice, "chmod o-rwx .env");
      const repeated = readable.of("configuration").filter((text) => text.includes(".env"));
      assertEquals(repeated, [], "the check of files reports it alone");
      await Deno.chmod(`${folder}/openai.key`, 0o600);
      await Deno.chmod(`${folder}/.env`, 0o602);
      assertEquals((await doctor()).of("files"), ["problem: every user of this machine can change .env"]);
    }),
});

Deno.test("doctor: a port of another program, and a port of a running llm-proxy", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream();
    const taken = Number(new URL(upstream.origin).port);
    await write(wellVariables(upstream.origin, taken));
    assertEquals((await doctor()).of("ports"), [`problem: PORT ${taken} is in use by another program`]);
    const port = freePort();
    await write({ ...wellVariables(upstream.origin, port), LOG_FORMAT: "json" });
    await using _proxy = await ProxyProcess.startCommand(proxyCommand([], {}, folder));
    // A proxy that the environment names is not for this machine.
    const report = await doctor([], { HTTP_PROXY: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" });
    assertEquals([report.code, report.of("ports").length], [0, 1]);
    assertStringIncludes(report.of("ports").join(), `ok: PORT ${port} is served by a running llm-proxy`);
  }));

Deno.test("doctor: HTTPS of a running proxy, with a certificate of tls init", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream();
    assertEquals((await proxyCommand(["tls", "init"], {}, folder).output()).code, 0);
    const port = freePort();
    await write({
      ...wellVariables(upstream.origin, port),
      TLS_CERT_FILE: "data/tls/cert.pem",
      TLS_KEY_FILE: "data/tls/key.pem",
      LOG_FORMAT: "json",
    });
    await using _proxy = await ProxyProcess.startCommand(proxyCommand([], {}, folder));
    const report = await doctor(["--url", `https://127.0.0.1:${port}`]);
    assertEquals([report.code, report.of("buffering")], [0, [
      `ok: https://127.0.0.1:${port} passes streams on without buffering`,
    ]], JSON.stringify(report.findings));
    assertStringIncludes(report.of("ports").join(), "is served by a running llm-proxy");
    assertStringIncludes(report.of("certificates").join(), "ok: it is valid for 127.0.0.1");
  }));

Deno.test("doctor: database and encryption key of a stopped proxy and of a running proxy", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream({ script: listsModels });
    const variables = {
      ...wellVariables(upstream.origin),
      MANAGEMENT_TOKEN: SECRETS.managementToken,
      DATABASE_URL: "sqlite:./data/x.db",
      LOG_FORMAT: "json",
    };
    await write(variables);
    assertStringIncludes(
      (await doctor()).of("database").join(),
      "ok: there is no database at ./data/x.db yet",
    );
    {
      await using _proxy = await ProxyProcess.startCommand(proxyCommand([], {}, folder));
      const running = await doctor();
      assertEquals(running.code, 0, JSON.stringify(running.findings));
      assertStringIncludes(running.of("database").join(), "a running program has it open");
      assertStringIncludes(running.of("encryption key").join(), "decrypts the provider keys");
    }
    assertStringIncludes((await doctor()).of("database").join(), "no program has it open");
    const another = { ...variables, ENCRYPTION_KEY: btoa("another key of thirty-two bytes.") };
    await write(another);
    assertEquals((await doctor()).of("encryption key"), [
      "problem: ENCRYPTION_KEY does not decrypt the provider keys in the database",
    ]);
    await write(variables);
    await Deno.rename(`${folder}/data/x.key`, `${folder}/data/y.key`);
    assertEquals((await doctor()).of("encryption key"), ["problem: the key file ./data/x.key is missing"]);
    const database = new DatabaseSync(`${folder}/data/x.db`);
    database.exec("INSERT INTO schema_migrations VALUES (9999, 'later', 'x', 0)");
    database.close();
    assertStringIncludes((await doctor()).of("database").join(), "is of a newer llm-proxy (schema 9999");
  }));

Deno.test("doctor: a damaged database, and a file that is not a database", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream();
    await write({ ...wellVariables(upstream.origin), MANAGEMENT_TOKEN: SECRETS.managementToken });
    const made = await proxyCommand(["project", "create", "home"], {}, folder).output();
    assertEquals(made.code, 0);
    const path = `${folder}/data/llm-proxy.db`;
    const bytes = await Deno.readFile(path);
    // The pages behind the first hold the tables.
    await Deno.writeFile(path, bytes.map((byte, index) => index > 8_192 && index < 40_000 ? 0xff : byte));
    const damaged = await doctor();
    assert(
      damaged.of("database").every((line) => line.startsWith("problem: ")),
      damaged.of("database").join(),
    );
    await Deno.writeTextFile(
      path,
      "no database at all, but a text that is long enough to be read as one".repeat(20),
    );
    const none = await doctor();
    assertStringIncludes(none.of("database").join(), "is damaged or not a database");
    assertEquals(await Deno.readTextFile(path).then((text) => text.slice(0, 11)), "no database");
  }));

Deno.test("doctor: an outbound proxy, dead and alive; its password is not printed", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream({ script: listsModels });
    await using outbound = new ForwardProxy({
      scheme: "http",
      login: `user:${SECRETS.clientKey}`,
      hosts: { "inside.test": Number(new URL(upstream.origin).port) },
    });
    await write({ PROXY_TOKEN: SECRETS.proxyToken, HOST: "127.0.0.1", PORT: String(freePort()) });
    const config = (port: number) =>
      `[endpoints.inside]\nbase_url = "http://inside.test/v1"\napi_key = "none"\nproxy_url = "http://user:${SECRETS.clientKey}@127.0.0.1:${port}"\n`;
    await Deno.writeTextFile(`${folder}/config.toml`, config(outbound.port), { mode: 0o600 });
    const alive = await doctor(["--online"]);
    assertEquals(alive.code, 0, JSON.stringify(alive.findings));
    assertStringIncludes(alive.of("outbound proxies").join(), "[redacted]@127.0.0.1");
    await Deno.writeTextFile(`${folder}/config.toml`, config(freePort()));
    assertStringIncludes((await doctor()).of("outbound proxies").join(), "problem: ");
  }));

/** A reverse proxy that hands an answer on when all of it is there. */
function holdingProxy(target: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const answer = await fetch(target + pathname, { headers: request.headers });
    return new Response(await answer.arrayBuffer(), answer);
  });
}

Deno.test("doctor --url: a server that buffers streams, a server that passes them on, and a server that is not llm-proxy", () =>
  inFolder(async ({ folder, write, doctor }) => {
    await using upstream = new FakeUpstream({ script: listsModels });
    // Each stream gives its one place back.
    const narrow = { MAX_CONCURRENT_REQUESTS: "1", QUEUE_TIMEOUT: "1s", LOG_FORMAT: "json" };
    await write({ ...wellVariables(upstream.origin), ...narrow });
    await using proxy = await ProxyProcess.startCommand(proxyCommand([], {}, folder));
    await using holding = holdingProxy(proxy.url);
    const held = await doctor(["--url", `http://127.0.0.1:${holding.addr.port}/`]);
    assertStringIncludes(
      held.of("buffering").join(),
      "buffers streams: 5 events that were sent over 800 ms",
    );
    const direct = await doctor(["--url", proxy.url], { HTTP_PROXY: "http://127.0.0.1:1" });
    assertEquals(direct.of("buffering"), [`ok: ${proxy.url} passes streams on without buffering`]);
    const refused = await doctor(["--url", proxy.url], { LLM_PROXY_TOKEN: SECRETS.clientKey });
    assertStringIncludes(refused.of("buffering").join(), "rejects the token");
    const other = await doctor(["--url", upstream.origin]);
    assertStringIncludes(other.of("buffering").join(), "but not as llm-proxy does");
    assertEquals(upstream.requests.length, 1, "the proxy asks no provider for it");
    const dead = await doctor(["--url", `http://127.0.0.1:${freePort()}`]);
    assertStringIncludes(dead.of("buffering").join(), "it refused the connection");
    const wrong = await proxyCommand(["doctor", "--url", SECRETS.clientKey], {}, folder).output();
    assertEquals(wrong.code, 2);
    assertNoSecrets(new TextDecoder().decode(wrong.stderr), "the error of a wrong --url");
  }));

Deno.test({
  ...unless(without("nginx"), "doctor --url: a real nginx, with buffers and without"),
  fn: () =>
    inFolder(async ({ folder, write, doctor }) => {
      await using upstream = new FakeUpstream();
      await write({ ...wellVariables(upstream.origin), LOG_FORMAT: "json" });
      await using proxy = await ProxyProcess.startCommand(proxyCommand([], {}, folder));
      const [buffering, passing] = [freePort(), freePort()];
      const server = (port: number, settings: string) =>
        `server { listen 127.0.0.1:${port}; location / { proxy_pass ${proxy.url}; ${settings} } }`;
      await using _nginx = await startNginx({
        port: passing,
        servers: () =>
          server(buffering, "proxy_ignore_headers X-Accel-Buffering;") +
          server(passing, "proxy_http_version 1.1; proxy_buffering off;"),
      });
      const held = await doctor(["--url", `http://127.0.0.1:${buffering}`]);
      assertStringIncludes(held.of("buffering").join(), "problem: ");
      const passed = await doctor(["--url", `http://127.0.0.1:${passing}`]);
      assertStringIncludes(passed.of("buffering").join(), "ok: ");
    }),
});
