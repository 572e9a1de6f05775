/**
 * The management plane as its users meet it: a process, its command line, both SDKs, and a database that is
 * not well.
 */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import OpenAI, { AuthenticationError, RateLimitError } from "openai";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { freePort } from "../../support/processes/port.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

interface Place {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly upstream: FakeUpstream;
  /** Runs a command in the folder. */
  readonly run: (...args: string[]) => Promise<{ code: number; out: string; err: string }>;
}

async function inPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await using upstream = new FakeUpstream();
  const env = proxyEnv({
    upstream: upstream.origin,
    env: {
      MANAGEMENT_TOKEN: SECRETS.managementToken,
      DATABASE_URL: `sqlite:${folder}/data/x.db`,
      // A project with a budget uses only models with a price.
      OPENAI_PRICE_PROVIDER: "openai",
      ANTHROPIC_PRICE_PROVIDER: "anthropic",
    },
  });
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await proxyCommand(args, env, folder).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertNoSecrets(`${out}${err}`, args.join(" "));
    return { code, out: out ?? "", err: err ?? "" };
  };
  try {
    await test({ folder, env, upstream, run });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the tour: project and token by command line, both SDKs, usage, a limit, revocation", () =>
  inPlace(async ({ env, run }) => {
    await using proxy = await ProxyProcess.startWith(env);
    assertStringIncludes(
      (await run("project", "create", "home", "--budget-month", "20")).out,
      "Created the project home (prj_",
    );
    const made = await run("token", "create", "anna", "--project", "home", "--expires", "30d");
    const token = /^llmp_\w+$/m.exec(made.out)?.[0] ?? "";
    const openai = new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey: token, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: `Hello ${SECRETS.prompt}` }];
    const answer = await openai.chat.completions.create({ model: "gpt-4o-mini", messages });
    assertStringIncludes(answer.choices[0]?.message.content ?? "", "You said");
    const anthropic = new Anthropic({ baseURL: `${proxy.url}/anthropic`, apiKey: token, maxRetries: 0 });
    const message = await anthropic.messages.create({ model: "claude-sonnet-5", max_tokens: 50, messages });
    assertEquals(message.type, "message");

    const listed = JSON.parse((await run("token", "list", "--json", "--url", proxy.url)).out).data[0];
    assertEquals([listed.name, listed.request_count], ["anna", 2]);
    const usage = await run("usage", "--group", "model", "--url", proxy.url);
    assertStringIncludes(usage.out, "gpt-4o-mini");
    assertStringIncludes(usage.out, "claude-sonnet-5");

    // Directly on the database, which the running proxy sees with its next request.
    assertEquals((await run("token", "update", listed.id, "--max-requests", "3")).code, 0);
    await openai.models.list();
    await assertRejects(
      () => openai.models.list(),
      RateLimitError,
      "has made the 3 requests that it may make",
    );
    assertStringIncludes((await run("token", "revoke", "anna")).out, "is revoked");
    await assertRejects(() => openai.models.list(), AuthenticationError, "has been revoked");
    assert(!proxy.output.includes(token), "the log holds the token");
  }));

Deno.test("SIGTERM: the last exchange before it is recorded", () =>
  inPlace(async ({ env, run }) => {
    {
      await using proxy = await ProxyProcess.startWith(env);
      const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
      await (await fetch(`${proxy.url}/openai/v1/models`, { headers })).text();
      assertEquals(await proxy.stop(), 0);
    }
    assertEquals(JSON.parse((await run("usage", "--group", "token", "--json")).out).data[0].requests, 1);
  }));

Deno.test("command line: the output of each command, and its stream", () =>
  inPlace(async ({ folder, run }) => {
    assertStringIncludes((await run("project", "list")).err, "There is no database at sqlite:");
    assertEquals([...Deno.readDirSync(folder)], [], "a command that only reads makes none");
    await run("project", "create", "lab one", "--requests-per-minute", "60", "--models", "gpt-*, claude-*");
    assertEquals((await run("project", "create", "lab one")).err, "The name is in use.\n");
    Deno.writeTextFileSync(`${folder}/key`, `${SECRETS.projectKey}\n`);
    await run("project", "update", "lab one", "--key-file", `openai=${folder}/key`, "--budget-day", "1.5");
    const shown = (await run("project", "show", "lab one")).out;
    assertStringIncludes(shown, "provider_keys.openai        …cc0e");
    assertStringIncludes(shown, "allowed_models              gpt-*, claude-*");
    const made = JSON.parse((await run("token", "create", "ben", "--project", "lab one", "--json")).out);
    const narrow = await run("token", "update", made.id, "--paths", "/v1/chat/completions,!/v1/files*");
    assertStringIncludes(narrow.out, "/v1/chat/completions, !/v1/files*");
    assertStringIncludes((await run("token", "list")).out, "paths /v1/chat/completions,!/v1/files*");
    assertEquals(
      JSON.parse((await run("token", "update", made.id, "--paths", "none", "--json")).out).allowed_paths,
      null,
    );
    const rotated = JSON.parse((await run("token", "rotate", made.id, "--overlap", "0", "--json")).out);
    assert(rotated.token !== made.token && rotated.id === made.id);
    assertStringIncludes(
      (await run("token", "update", made.id, "--deactivate", "--expires", "none")).out,
      "inactive",
    );
    assertStringIncludes(
      (await run("project", "revoke-tokens", "lab one")).out,
      "Revoked: 1; already revoked: 0; total: 1.",
    );
    assertStringIncludes((await run("project", "deactivate", "lab one")).out, "is deactivated");
    assertEquals((await run("usage")).out, "There is no usage.\n");
    assertEquals((await run("backup", `${folder}/copy.db`)).code, 0);
    assertStringIncludes((await run("backup", `${folder}/copy.db`)).err, "exists. Name a new file");
    const copy = new DatabaseSync(`${folder}/copy.db`);
    assertEquals(
      copy.prepare("SELECT count(*) AS n FROM tokens").get(),
      Object.assign(Object.create(null), { n: 1 }),
    );
    copy.close();
    for (
      const [args, code, words] of [
        [
          ["token", "create", "x", "--project", "none"],
          1,
          'There is no project "none". The projects are lab one.',
        ],
        [["token", "create", "x"], 2, "--project"],
        [["token", "update", "tok_none", "--activate", "--deactivate"], 2, "not both"],
        [["token", "show", "tok_none"], 1, "There is no token"],
        [["token", "create", "x", "--project", "lab one", "--expires", "soon"], 2, "like 30d, 12h or 45m"],
        [["project", "create", "y", "--max-requests", "many"], 2, '"many" is not a number'],
        [["project", "create", "y", "--max-requests", "0"], 2, "is below 1"],
        [["project", "create", "y", "--paths", "filez"], 2, "did you mean files?"],
        [["usage", "--group", "colour"], 2, "group"],
        [["usage", "--url", "http://127.0.0.1:1"], 1, "No proxy answers"],
        [["project"], 2, "Usage"],
      ] as const
    ) {
      const result = await run(...args);
      assertEquals(result.code, code, `${args.join(" ")}: ${result.err}`);
      assertStringIncludes(result.err, words);
    }
  }));

Deno.test("without MANAGEMENT_TOKEN: no file, no /manage, and the commands say what is missing", () =>
  inPlace(async ({ folder, env }) => {
    const { MANAGEMENT_TOKEN: _, ...rest } = env;
    {
      await using proxy = await ProxyProcess.startWith(rest);
      for (const path of ["/manage/projects", "/metrics"]) {
        const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
        const response = await fetch(proxy.url + path, { headers });
        await response.body?.cancel();
        assertEquals(response.status, 404, path);
      }
      assertEquals("storage" in await (await fetch(`${proxy.url}/health`)).json(), false);
    }
    assertEquals([...Deno.readDirSync(folder)], []);
    const { code, stderr } = await proxyCommand(["token", "list"], rest, folder).output();
    assertEquals(code, 2);
    assertStringIncludes(new TextDecoder().decode(stderr), "set MANAGEMENT_TOKEN");
  }));

Deno.test("a start that cannot be: one line that says what is wrong with the database or its key", () =>
  inPlace(async ({ folder, env, run }) => {
    const start = async (more: Record<string, string> = {}) => {
      const { code, stderr } = await proxyCommand([], { ...env, ...more }, folder).output();
      const err = new TextDecoder().decode(stderr);
      assertNoSecrets(err, "an error");
      return `${code} ${err}`;
    };
    const path = `${folder}/data/x.db`;
    await run("project", "create", "home");
    Deno.writeTextFileSync(`${folder}/key`, SECRETS.projectKey);
    await run("project", "update", "home", "--key-file", `openai=${folder}/key`);
    assertStringIncludes(
      await start({ ENCRYPTION_KEY: btoa("x".repeat(32)) }),
      "ENCRYPTION_KEY is not the key that encrypted",
    );
    assertStringIncludes(await start({ ENCRYPTION_KEY: "short" }), "is not 32 bytes in base64");
    assertStringIncludes(await start({ MANAGEMENT_TOKEN: "short" }), "2 Cannot start: one problem");
    assertStringIncludes(
      await start({ MANAGEMENT_TOKEN: SECRETS.proxyToken }),
      "every client could manage the proxy",
    );
    assertStringIncludes(await start({ DATABASE_URL: "mysql://x" }), "write sqlite:FILE");
    Deno.renameSync(`${folder}/data/x.key`, `${folder}/data/y.key`);
    assertStringIncludes(await start(), "1 Cannot start: the key file");
    Deno.renameSync(`${folder}/data/y.key`, `${folder}/data/x.key`);
    const holder = new DatabaseSync(path);
    holder.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    assertStringIncludes(await start(), "is locked by another program");
    holder.exec("COMMIT");
    holder.exec("INSERT INTO schema_migrations VALUES (99, 'later', 'x', 0)");
    holder.close();
    assertStringIncludes(await start(), "is of a newer llm-proxy (schema 99");
    Deno.writeTextFileSync(path, "no database".repeat(1000));
    for (const end of ["-wal", "-shm"]) await Deno.remove(`${path}${end}`).catch(() => {});
    assertStringIncludes(await start(), "is damaged or not a database");
    assertStringIncludes(await start({ DATABASE_URL: "sqlite:/proc/nowhere/x.db" }), "cannot be created");
  }));

Deno.test("an encryption key of one's own: no key file is made, and provider keys are read again after a restart", () =>
  inPlace(async ({ folder, env, upstream, run }) => {
    env["ENCRYPTION_KEY"] = btoa("0123456789abcdef0123456789abcdef");
    await run("project", "create", "home");
    Deno.writeTextFileSync(`${folder}/key`, SECRETS.projectKey);
    await run("project", "update", "home", "--key-file", `openai=${folder}/key`);
    const { token } = JSON.parse((await run("token", "create", "a", "--project", "home", "--json")).out);
    assertEquals([...Deno.readDirSync(`${folder}/data`)].map(({ name }) => name).sort(), [
      "x.db",
      "x.db-lock",
    ]);
    await using proxy = await ProxyProcess.startWith(env);
    const response = await fetch(`${proxy.url}/openai/v1/models`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await response.body?.cancel();
    assertEquals(upstream.requests[0]?.header("authorization"), `Bearer ${SECRETS.projectKey}`);
  }));

Deno.test("backup and restore by command line: refused while the proxy runs; what was there is kept", () =>
  inPlace(async ({ folder, env, run }) => {
    const names = async () =>
      JSON.parse((await run("project", "list", "--json")).out).data.map(({ name }: { name: string }) => name)
        .sort();
    {
      await using _proxy = await ProxyProcess.startWith(env);
      await run("project", "create", "home");
      assertEquals((await run("backup", `${folder}/copy.db`)).code, 0);
      await run("project", "create", "lab");
      const refused = await run("restore", `${folder}/copy.db`);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.err, "is in use: stop the proxy");
    }
    assertEquals(await names(), ["home", "lab"]);
    const { code, out, err } = await run("restore", `${folder}/copy.db`);
    assertEquals(code, 0, err);
    assertStringIncludes(out, "Restored ");
    assertStringIncludes(out, "are lost: tokens");
    assertEquals(await names(), ["home"]);
    const [kept] = /\S+\/x\.db\.before-restore-\w+/.exec(out) ?? [];
    const before = new DatabaseSync(String(kept));
    assertEquals(before.prepare("SELECT count(*) AS n FROM projects").get()?.["n"], 2);
    before.close();
    await using proxy = await ProxyProcess.startWith(env);
    const audit = await fetch(`${proxy.url}/manage/audit`, {
      headers: { authorization: `Bearer ${SECRETS.managementToken}` },
    });
    assertEquals((await audit.json()).data[0].action, "database.restore");
  }));

Deno.test("a copy that was put over the database by hand after a crash is refused at the start", () =>
  inPlace(async ({ folder, env, run }) => {
    {
      const proxy = await ProxyProcess.startWith(env);
      await run("project", "create", "home");
      await run("backup", `${folder}/copy.db`);
      await run("project", "create", "lab");
      proxy.kill("SIGKILL");
      await proxy.exited();
    }
    await Deno.copyFile(`${folder}/copy.db`, `${folder}/data/x.db`);
    const { code, err } = await run();
    assertEquals(code, 1);
    assertStringIncludes(err, "was replaced");
    assertStringIncludes(err, "llm-proxy restore FILE");
    assertEquals((await run("restore", `${folder}/copy.db`)).code, 0);
    await using _proxy = await ProxyProcess.startWith(env);
  }));

Deno.test("reload and stop by command line: what changed, every problem, and an end without a signal", () =>
  inPlace(async ({ folder, env, upstream, run }) => {
    const port = freePort();
    const configOf = (more: string) =>
      Deno.writeTextFile(
        `${folder}/config.toml`,
        `[server]\nhost = "127.0.0.1"\nport = ${port}\n[endpoints.lab]\nbase_url = "${upstream.origin}"\n${more}`,
      );
    await configOf("");
    const { MANAGEMENT_TOKEN = "", DATABASE_URL = "" } = env;
    for (const name of Object.keys(env)) delete env[name];
    Object.assign(env, { MANAGEMENT_TOKEN, DATABASE_URL, LOG_FORMAT: "json" });
    await using proxy = await ProxyProcess.startCommand(proxyCommand([], env, folder));
    await configOf("retries = 1\n");
    const { code, out, err } = await run("reload");
    assertEquals([code, out], [0, "Changed: endpoints.lab.retries\n"], err);
    await configOf("retries = -1\nstrategy = 5\n");
    const refused = await run("reload");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.err, "endpoints.lab.retries");
    assertStringIncludes(refused.err, "endpoints.lab.strategy");
    await configOf("retries = 1\n");
    assertEquals((await run("stop")).code, 0);
    assertEquals(await proxy.exited(), 0);
    // Another user of the machine listens on the port now.
    const received: Uint8Array[] = [];
    const other = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
      received.push(await request.bytes());
      return new Response();
    });
    for (const command of ["stop", "reload"]) {
      const gone = await run(command);
      assertEquals(gone.code, 1);
      assertStringIncludes(gone.err, "No proxy runs here");
    }
    await other.shutdown();
    assertEquals(received.length, 0, "the management token goes to nothing but a running proxy");
  }));
