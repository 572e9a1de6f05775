/** Proxies that share a PostgreSQL database, each in a process. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { PostgresServer, withoutPostgres } from "../../support/processes/postgres_server.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { firstOf, unless } from "../../support/runner/left_out.ts";
import {
  flagIn,
  narrowLine,
  shellCommand,
  withoutNarrowFlags,
} from "../../support/processes/narrow_command.ts";
import { until } from "../../support/time/deadline.ts";

const PASSWORD = "pw-canary-5f1d/@:%";
const KEY = new Uint8Array(32).fill(7).toBase64();

/** A server with an account that needs a password, and a folder for the files of the programs. */
class Bench implements AsyncDisposable {
  readonly server: PostgresServer;
  readonly upstream: FakeUpstream;
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly #proxies: ProxyProcess[] = [];
  /** All that programs wrote, and all that the management API answered. */
  seen = "";

  private constructor(server: PostgresServer, upstream: FakeUpstream, folder: string) {
    this.server = server;
    this.upstream = upstream;
    this.folder = folder;
    this.env = proxyEnv({
      upstream: upstream.origin,
      env: {
        DATABASE_URL: server.url("shared").replace("tester@", "proxy@"),
        PGPASSWORD: PASSWORD,
        ENCRYPTION_KEY: KEY,
        MANAGEMENT_TOKEN: SECRETS.managementToken,
      },
    });
  }

  static async start(): Promise<Bench> {
    const access = ["host all proxy 127.0.0.1/32 scram-sha-256"];
    const server = await PostgresServer.start({ access });
    await server.admin(`CREATE ROLE proxy LOGIN PASSWORD '${PASSWORD}'`);
    await server.admin("CREATE DATABASE shared OWNER proxy");
    return new Bench(server, new FakeUpstream(), await Deno.makeTempDir());
  }

  async proxy(env: Record<string, string> = {}): Promise<ProxyProcess> {
    const proxy = await ProxyProcess.startCommand(this.command([], env));
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A command of the program. An empty value of `env` removes a variable. */
  command(args: readonly string[], env: Record<string, string>): Deno.Command {
    return proxyCommand(args, this.#with(env), this.folder);
  }

  /** The environment with other values; an empty one removes a variable. */
  #with(env: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries({ ...this.env, ...env }).filter(([, value]) => value !== ""));
  }

  /** Runs a command of the program, and gives what it wrote to its output. */
  async run(args: readonly string[], { fails = false, env = {} } = {}): Promise<string> {
    const { code, stdout, stderr } = await this.command(args, env).output();
    const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    this.seen += `${output}${errors}`;
    assertEquals(code !== 0, fails, `${args.join(" ")}: ${output}${errors}`);
    return `${output}${errors}`;
  }

  /** Requests the management API of a proxy. */
  async manage(
    proxy: ProxyProcess,
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(`${proxy.url}/manage${path}`, {
      ...init,
      headers: { authorization: `Bearer ${SECRETS.managementToken}`, "content-type": "application/json" },
    });
    const text = await response.text();
    this.seen += text;
    return { status: response.status, text };
  }

  /** A token of a new project, made by the commands. */
  async token(name: string): Promise<{ id: string; value: string }> {
    await this.run(["project", "create", name]);
    const text = await this.run(["token", "create", "anna", "--project", name, "--json"]);
    const { id, token } = JSON.parse(text);
    return { id, value: token };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#proxies) {
      await proxy[Symbol.asyncDispose]();
      this.seen += proxy.output;
    }
    await this.upstream[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
    for (const form of [PASSWORD, encodeURIComponent(PASSWORD), KEY]) {
      assert(!this.seen.includes(form), `a secret is in: ${this.seen}`);
    }
  }
}

async function statusOf(proxy: ProxyProcess, token: string): Promise<number> {
  const response = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-small", messages: [{ role: "user", content: "hi" }] }),
  });
  await response.text();
  return response.status;
}

async function requestsOf(bench: Bench, proxy: ProxyProcess): Promise<number> {
  const { text } = await bench.manage(proxy, "/usage");
  return JSON.parse(text).data?.[0]?.requests ?? 0;
}

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: two proxies share tokens and usage, and a revoked token is rejected by both within a second",
  ),
  async fn() {
    await using bench = await Bench.start();
    const [one, other] = [await bench.proxy(), await bench.proxy()];
    const { id, value } = await bench.token("home");
    assertEquals([await statusOf(one, value), await statusOf(other, value)], [200, 200]);
    await until(async () => await requestsOf(bench, one) === 2, "the usage of both proxies");
    assertEquals(await requestsOf(bench, other), 2);
    const { status } = await bench.manage(one, `/tokens/${id}`, { method: "DELETE" });
    assert(status < 300);
    const begun = performance.now();
    await until(async () => await statusOf(other, value) === 401, "the other proxy to reject the token");
    assert(performance.now() - begun < 1_000, "within a second");
    assertEquals(await statusOf(one, value), 401);
    assertStringIncludes(await bench.run(["token", "list"]), "revoked");
    for (const path of ["/health", "/audit", "/endpoints"]) await bench.manage(one, path);
    const admin = await fetch(`${one.url}/admin`);
    assertEquals(admin.status, 200);
    bench.seen += await admin.text();
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: proxies show each other the hash of their configuration, which depends on no secret",
  ),
  async fn() {
    await using bench = await Bench.start();
    const systemOf = async (proxy: ProxyProcess) => JSON.parse((await bench.manage(proxy, "/system")).text);
    const one = await bench.proxy();
    const sameButKey = await bench.proxy({ OPENAI_API_KEY: "sk-another-key-of-a-provider" });
    await until(async () => (await systemOf(sameButKey)).replicas.length === 2, "both replicas");
    const equal = await systemOf(sameButKey);
    assertEquals([equal.config_hash, equal.replicas_differ, equal.backups], [
      (await systemOf(one)).config_hash,
      false,
      false,
    ]);
    assertMatch(equal.config_hash, /^[0-9a-f]{12}$/);
    const other = await bench.proxy({ MAX_CONCURRENT_REQUESTS: "77" });
    await until(async () => (await systemOf(other)).replicas_differ, "the difference");
    const { replica, replicas, config_hash } = await systemOf(other);
    assertEquals(replicas.length, 3);
    const hashes = replicas.filter(({ id }: { id: string }) => id !== replica).map((
      { config_hash }: { config_hash: string },
    ) => config_hash);
    assertEquals(hashes, [equal.config_hash, equal.config_hash]);
    assert(config_hash !== equal.config_hash);
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: without its database a proxy goes on serving the known tokens, and writes the usage afterwards",
  ),
  async fn() {
    await using bench = await Bench.start();
    const proxy = await bench.proxy();
    const { id, value } = await bench.token("home");
    assertEquals(await statusOf(proxy, value), 200);
    await until(async () => await requestsOf(bench, proxy) === 1, "the usage");
    await bench.server.stop();
    for (let request = 0; request < 20; request++) {
      assertEquals(await statusOf(proxy, value), 200);
    }
    await proxy.logged(() => /storage_failing/.test(proxy.output));
    assertMatch(proxy.output, /known tokens stay valid/);
    await bench.server.resume();
    await until(async () => await requestsOf(bench, proxy).catch(() => 0) === 21, "all of the usage");
    await bench.run(["token", "revoke", id]);
    await until(async () => await statusOf(proxy, value) === 401, "the proxy to reject the token");
  },
});

Deno.test({
  ...unless(withoutPostgres(), "postgres: commands say what they cannot do, and none shows the password"),
  async fn() {
    await using bench = await Bench.start();
    const withUrl = {
      DATABASE_URL: bench.server.url("shared").replace("tester@", `proxy:${encodeURIComponent(PASSWORD)}@`),
      PGPASSWORD: "wrong-password",
    };
    assertStringIncludes(await bench.run(["check"], { env: withUrl }), "proxy:[redacted]@127.0.0.1");
    await bench.run(["project", "create", "home"], { env: withUrl });
    assertStringIncludes(await bench.run(["backup", "x.db"], { fails: true }), "back it up with pg_dump");
    await Deno.writeTextFile(`${bench.folder}/some.db`, "");
    assertStringIncludes(
      await bench.run(["restore", "some.db"], { fails: true }),
      "restore it with pg_restore",
    );
    const scheduled = await bench.run(["check"], { fails: true, env: { BACKUP_EVERY: "1d" } });
    assertStringIncludes(scheduled, "is not possible with PostgreSQL");
    const keyless = await bench.run(["check"], { fails: true, env: { ENCRYPTION_KEY: "" } });
    assertStringIncludes(keyless, "with PostgreSQL, all instances need the same key");
    const wrong = await bench.run(["project", "list"], {
      fails: true,
      env: { PGPASSWORD: "wrong-password" },
    });
    assertStringIncludes(wrong, "rejects the user or the password");
    const otherKey = new Uint8Array(32).fill(8).toBase64();
    const mixed = await bench.run(["project", "list"], { fails: true, env: { ENCRYPTION_KEY: otherKey } });
    assertStringIncludes(mixed, "is not the key that encrypted");
    await bench.run(["check", "--permissions"]);
    assertMatch(await bench.run(["doctor"]), /database +postgres:.* is intact/);
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: a proxy moves from SQLite to PostgreSQL with `store copy`, and its tokens work there",
  ),
  async fn() {
    await using bench = await Bench.start();
    const sqlite = "sqlite:./data/llm-proxy.db";
    const env = { DATABASE_URL: sqlite, ENCRYPTION_KEY: "" };
    await bench.run(["project", "create", "home"], { env });
    const made = await bench.run(["token", "create", "anna", "--project", "home", "--json"], { env });
    const value = String(JSON.parse(made).token);
    {
      await using before = await ProxyProcess.startCommand(bench.command([], env));
      assertEquals(await statusOf(before, value), 200);
      const inUse = await bench.run(["store", "copy", sqlite, bench.env["DATABASE_URL"] ?? ""], {
        fails: true,
      });
      assertStringIncludes(inUse, "is in use: stop the proxy");
    }
    const copied = await bench.run(["store", "copy", sqlite, bench.env["DATABASE_URL"] ?? ""]);
    assertMatch(copied, /^tokens: 1 rows$/m);
    assertStringIncludes(copied, "the numbers of rows and the sums are equal");
    assertStringIncludes(copied, "Set ENCRYPTION_KEY for every proxy");
    const key = (await Deno.readTextFile(`${bench.folder}/data/llm-proxy.key`)).trim();
    const after = await bench.proxy({ ENCRYPTION_KEY: key });
    assertEquals(await statusOf(after, value), 200);
    await until(async () => await requestsOf(bench, after) === 2, "the usage before and after the move");
  },
});

for (const way of ["TCP", "a Unix socket"]) {
  Deno.test({
    ...unless(
      firstOf(withoutPostgres(), withoutNarrowFlags()),
      `postgres: under the rights of check --permissions, a proxy reaches its database by ${way}, and no other address`,
    ),
    async fn() {
      await using bench = await Bench.start();
      const env = {
        ...bench.env,
        ...way === "TCP" ? {} : { DATABASE_URL: bench.server.socketUrl("shared").replace("tester", "proxy") },
      };
      const place = { env, cwd: bench.folder };
      const { line } = await narrowLine(place);
      const address = way === "TCP"
        ? `127.0.0.1:${bench.server.port}`
        : `unix:${bench.server.folder}/.s.PGSQL.${bench.server.port}`;
      assertEquals(flagIn(line, "allow-net"), ["127.0.0.1:0", new URL(bench.upstream.origin).host, address]);
      await using proxy = await ProxyProcess.startCommand(shellCommand(line, place));
      const { status } = await bench.manage(proxy, "/projects", {
        method: "POST",
        body: JSON.stringify({ name: "home" }),
      });
      assertEquals(status, 201);
      assertEquals(JSON.parse((await bench.manage(proxy, "/health")).text).storage, "ok");
    },
  });
}
