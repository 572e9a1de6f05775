/**
 * `check --permissions`: under exactly the flags that it prints, the proxy does all that it is configured
 * for.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../../deno.json" with { type: "json" };
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ForwardProxy } from "../../support/upstreams/forward_proxy.ts";
import { unless } from "../../support/runner/left_out.ts";
import {
  askForFlags,
  flagIn,
  narrowLine,
  type Place,
  shellCommand,
  withoutNarrowFlags,
} from "../../support/processes/narrow_command.ts";
import { proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem, withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";

const reason = withoutNarrowFlags();
const TOKEN = { authorization: `Bearer ${SECRETS.proxyToken}` };
const MANAGEMENT = { authorization: `Bearer ${SECRETS.managementToken}` };
const ENV = { CHAT_KEY: SECRETS.openaiKey, PROXY_TOKEN: SECRETS.proxyToken };

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  // What a command line has to quote.
  const folder = `${parent}/it's a folder`;
  await Deno.mkdir(folder);
  await test(folder);
  await Deno.remove(parent, { recursive: true });
}

async function startNarrow(place: Place, args: readonly string[] = []): Promise<ProxyProcess> {
  const { line } = await narrowLine(place, args);
  return await ProxyProcess.startCommand(shellCommand(line, place));
}

function configText(endpoint: string, server = ""): string {
  return `[server]\nhost = "127.0.0.1"\nport = 0\n${server}
[log]\nformat = "json"\nlevel = "debug"
[endpoints.chat]\n${endpoint}api_key = "\${CHAT_KEY}"\n`;
}

/** Plain and streamed. */
async function assertServes(url: string, prefix: string, client?: Deno.HttpClient): Promise<void> {
  const more = client === undefined ? {} : { client };
  const plain = await fetch(`${url}${prefix}/models`, { headers: TOKEN, ...more });
  assertEquals((await plain.json()).object, "list");
  const streamed = await fetch(`${url}${prefix}/chat/completions`, {
    method: "POST",
    headers: { ...TOKEN, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-small", stream: true, messages: [{ role: "user", content: "hi" }] }),
    ...more,
  });
  assertEquals(streamed.headers.get("content-type")?.split(";")[0], "text/event-stream");
  assertMatch(await streamed.text(), /data: \[DONE\]\s*$/);
}

/** How often a reload has happened. */
function reloads(proxy: ProxyProcess): number {
  return proxy.output.split('"event":"reloaded"').length - 1;
}

async function reload(proxy: ProxyProcess): Promise<void> {
  const before = reloads(proxy);
  proxy.kill("SIGHUP");
  await proxy.logged(() => reloads(proxy) > before);
}

Deno.test({
  ...unless(reason, "check --permissions: by the environment alone, without the plane, and after a SIGHUP"),
  async fn() {
    await using upstream = new FakeUpstream();
    const place = { env: proxyEnv({ upstream: upstream.origin }) };
    const { line, notes } = await narrowLine(place);
    const { host } = new URL(upstream.origin);
    assertEquals(flagIn(line, "allow-net"), ["127.0.0.1:0", host]);
    assertEquals(flagIn(line, "allow-read"), [".env", "config.toml"]);
    assertEquals(flagIn(line, "allow-sys"), ["networkInterfaces"]);
    assert(!line.includes("--allow-write") && !line.includes("-A"), line);
    assertEquals(notes, "");
    await using proxy = await ProxyProcess.startCommand(shellCommand(line, place));
    await assertServes(proxy.url, "/openai/v1");
    await reload(proxy);
    await assertServes(proxy.url, "/openai/v1");
  },
});

Deno.test({
  ...unless(
    reason,
    "check --permissions: where no token is asked for, the machine's own name may be read, and is taken",
  ),
  async fn() {
    await using upstream = new FakeUpstream();
    await inFolder(async (folder) => {
      const text = configText(`provider = "openai"\nbase_url = "${upstream.origin}/openai/v1"\n`);
      await Deno.writeTextFile(`${folder}/config.toml`, `[auth]\nmode = "none"\n${text}`);
      const place = { cwd: folder, env: { CHAT_KEY: SECRETS.openaiKey } };
      const { line } = await narrowLine(place);
      assertEquals(flagIn(line, "allow-sys"), ["networkInterfaces", "hostname"]);
      await using proxy = await ProxyProcess.startCommand(shellCommand(line, place));
      await assertServes(proxy.url, "/chat/v1");
    });
  },
});

Deno.test({
  ...unless(reason, "check --permissions: a file that is watched, TLS, and the whole management plane"),
  async fn() {
    await using upstream = new FakeUpstream();
    await inFolder(async (folder) => {
      for (const name of ["cert.pem", "key.pem"]) await Deno.writeTextFile(`${folder}/${name}`, pem(name));
      const tls = 'https_port = 0\ntls_cert_file = "cert.pem"\ntls_key_file = "key.pem"\n';
      const text = configText(`provider = "openai"\nbase_url = "${upstream.origin}/openai/v1"\n`, tls);
      await Deno.writeTextFile(`${folder}/the config.toml`, text);
      await Deno.writeTextFile(`${folder}/.env`, `MANAGEMENT_TOKEN=${SECRETS.managementToken}\n`);
      const place = { env: ENV, cwd: folder };
      await using proxy = await startNarrow(place, ["--config", `${folder}/the config.toml`, "--watch"]);
      const [url = "", https = ""] = proxy.url.split(" ");
      using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
      await assertServes(url, "/chat");
      await assertServes(https.replace("127.0.0.1", "localhost"), "/chat", client);
      await assertManages(url);
      await Deno.writeTextFile(`${folder}/new`, text.replaceAll("chat", "talk"));
      await Deno.rename(`${folder}/new`, `${folder}/the config.toml`);
      await proxy.logged(() => reloads(proxy) === 1);
      await reload(proxy);
      await assertServes(url, "/talk");
    });
  },
});

Deno.test({
  ...unless(reason, "check --permissions: a port for the management plane alone, over HTTPS and HTTP/2 too"),
  async fn() {
    await using upstream = new FakeUpstream();
    await inFolder(async (folder) => {
      const place = {
        cwd: folder,
        env: {
          ...proxyEnv({ upstream: upstream.origin }),
          MANAGEMENT_TOKEN: SECRETS.managementToken,
          TLS_CERT: pem("cert.pem"),
          TLS_KEY: pem("key.pem"),
          HTTPS_PORT: "0",
          ADMIN_PORT: "0",
        },
      };
      const named = await narrowLine({ ...place, env: { ...place.env, ADMIN_PORT: "33001" } });
      assertEquals(flagIn(named.line, "allow-net")?.slice(0, 2), ["127.0.0.1:0", "127.0.0.1:33001"]);
      await using proxy = await startNarrow(place);
      const { admin } = await proxy.logged(({ event }) => event === "started");
      using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
      const url = String(admin).replace("127.0.0.1", "localhost");
      assertStringIncludes(await (await fetch(url, { client })).text(), "/admin/assets/");
      const base = url.replace(/\/admin$/, "");
      const answer = await fetch(`${base}/manage/projects`, { client, headers: MANAGEMENT });
      assertEquals((await answer.json()).data, []);
      await assertServes(proxy.url.split(" ")[0] ?? "", "/openai/v1");
    });
  },
});

/**
 * The database, the key file beside it, a backup, metrics, and the admin page with all its files and the
 * manual.
 */
async function assertManages(url: string): Promise<void> {
  const post = (path: string, body: unknown) =>
    fetch(`${url}/manage${path}`, {
      method: "POST",
      headers: { ...MANAGEMENT, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const project = await post("/projects", { name: "home" });
  assertEquals(project.status, 201);
  const token = await post("/tokens", { project_id: (await project.json()).id, name: "anna" });
  const authorization = `Bearer ${(await token.json()).token}`;
  assertEquals(
    (await (await fetch(`${url}/chat/models`, { headers: { authorization } })).json()).object,
    "list",
  );
  const backup = await fetch(`${url}/manage/backup`, { headers: MANAGEMENT });
  assertStringIncludes((await backup.text()).slice(0, 20), "SQLite format 3");
  for (const path of ["/metrics", "/manage/audit", "/manage/usage"]) {
    const { status, body } = await fetch(`${url}${path}`, { headers: MANAGEMENT });
    await body?.cancel();
    assertEquals(status, 200, path);
  }
  const page = await (await fetch(`${url}/admin`)).text();
  const assets = [...page.matchAll(/\/admin\/assets\/[\w.-]+/g)];
  assertEquals(assets.length, 3);
  for (const [path] of assets) {
    const { status, body } = await fetch(`${url}${path}`);
    await body?.cancel();
    assertEquals(status, 200, path);
  }
  const session = await fetch(`${url}/admin/session`, {
    method: "POST",
    headers: { origin: url, "content-type": "application/json" },
    body: JSON.stringify({ token: SECRETS.managementToken }),
  });
  await session.body?.cancel();
  const cookie = session.headers.get("set-cookie")?.split(";")[0] ?? "";
  assertStringIncludes(
    await (await fetch(`${url}/admin/docs/install`, { headers: { cookie } })).text(),
    "<h1 id=",
  );
}

for (
  const [scheme, showsCert] of [["http", false], ["https", false], ["socks5", false], ["http", true]] as const
) {
  Deno.test({
    ...unless(
      reason,
      `check --permissions: behind an outbound proxy of ${scheme} only that proxy may be reached${
        showsCert ? ", with a client certificate" : ""
      }`,
    ),
    fn: () =>
      withTlsUpstream(async (origin) => {
        await using outbound = new ForwardProxy({ scheme });
        await inFolder(async (folder) => {
          const host = scheme === "https" ? "localhost" : "127.0.0.1";
          for (const name of ["ca.pem", "cert.pem", "key.pem"]) {
            await Deno.writeTextFile(`${folder}/${name}`, pem(name));
          }
          const cert = showsCert ? 'client_cert_file = "cert.pem"\nclient_key_file = "key.pem"\n' : "";
          await Deno.writeTextFile(
            `${folder}/config.toml`,
            configText(
              `base_url = "${origin}"\nca_file = "ca.pem"\nproxy_url = "${scheme}://${host}:${outbound.port}"\n${cert}`,
            ),
          );
          const place = { env: ENV, cwd: folder };
          const { line, notes } = await narrowLine(place);
          const hop = scheme === "https" || showsCert ? ["127.0.0.1"] : [];
          assertEquals(flagIn(line, "allow-net"), ["127.0.0.1:0", `${host}:${outbound.port}`, ...hop]);
          assertEquals(notes.includes("TLS within TLS"), scheme === "https", notes);
          assertEquals(notes.includes("the client certificate through"), showsCert, notes);
          await using proxy = await ProxyProcess.startCommand(shellCommand(line, place));
          const answer = await fetch(`${proxy.url}/chat/x`, { headers: TOKEN });
          assertEquals(await answer.text(), "http/1.1");
          assertEquals(outbound.asked, [new URL(origin).host]);
        });
      }),
  });
}

Deno.test({
  ...unless(
    reason,
    "check --permissions: values and certificates behind links, as container secrets and certbot have them",
  ),
  async fn() {
    await using upstream = new FakeUpstream();
    await inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/archive`);
      await Deno.mkdir(`${folder}/live`);
      const files = { "cert.pem": pem("cert.pem"), "key.pem": pem("key.pem"), token: SECRETS.proxyToken };
      for (const [name, text] of Object.entries(files)) {
        await Deno.writeTextFile(`${folder}/archive/${name}`, text);
        await Deno.symlink(`../archive/${name}`, `${folder}/live/${name}`);
      }
      const { PROXY_TOKEN: _, ...env } = proxyEnv({ upstream: upstream.origin });
      const live = `${folder}/live`;
      const named = {
        PROXY_TOKEN_FILE: `${live}/token`,
        TLS_CERT_FILE: `${live}/cert.pem`,
        TLS_KEY_FILE: `${live}/key.pem`,
      };
      await using proxy = await startNarrow({ env: { ...env, ...named }, cwd: folder });
      using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")] });
      await assertServes(proxy.url.replace("127.0.0.1", "localhost"), "/openai/v1", client);
      await reload(proxy);
      await assertServes(proxy.url.replace("127.0.0.1", "localhost"), "/openai/v1", client);
    });
  },
});

Deno.test({
  ...unless(
    reason,
    "check --permissions: a reload that asks for more than the flags is refused or fails, and ends nothing",
  ),
  async fn() {
    await using one = new FakeUpstream();
    await using other = new FakeUpstream();
    await inFolder(async (folder) => {
      const file = `${folder}/config.toml`;
      const text = configText(`provider = "openai"\nbase_url = "${one.origin}/openai/v1"\n`);
      await Deno.writeTextFile(file, text);
      await using proxy = await startNarrow({ env: { ...ENV, NEW_KEY: "new-key" }, cwd: folder });
      await Deno.writeTextFile(file, text.replace("CHAT_KEY", "NEW_KEY"));
      proxy.kill("SIGHUP");
      const { problem } = await proxy.logged(({ event }) => event === "reload_refused");
      assertStringIncludes(String(problem), "NEW_KEY");
      await assertServes(proxy.url, "/chat");
      await Deno.writeTextFile(file, text.replace(one.origin, other.origin));
      await reload(proxy);
      const refused = await fetch(`${proxy.url}/chat/models`, { headers: TOKEN });
      assertEquals(refused.status, 502, await refused.text());
      assertEquals(other.requests.length, 0);
      await Deno.writeTextFile(file, text);
      await reload(proxy);
      await assertServes(proxy.url, "/chat");
    });
  },
});

Deno.test({
  ...unless(
    reason,
    "check --permissions: a note warns about a database in the working folder",
  ),
  fn: () =>
    inFolder(async (folder) => {
      const env = {
        ...proxyEnv({ upstream: "http://127.0.0.1:9" }),
        MANAGEMENT_TOKEN: SECRETS.managementToken,
        DATABASE_URL: "sqlite:proxy.db",
      };
      const { line, notes } = await narrowLine({ env, cwd: folder });
      assertEquals(flagIn(line, "allow-write"), ["."]);
      assertStringIncludes(notes, "because the database is in it");
    }),
});

Deno.test({
  ...unless(reason, "check --permissions: a path with a comma is an error, because flags cannot name it"),
  async fn() {
    const { PROXY_TOKEN: _, ...env } = proxyEnv({ upstream: "http://127.0.0.1:9" });
    await inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/a,b`, SECRETS.proxyToken);
      const place = { env: { ...env, PROXY_TOKEN_FILE: "./a,b" }, cwd: folder };
      const { code, err } = await askForFlags(place);
      assertEquals(code, 1);
      assertStringIncludes(err, 'Cannot write "./a,b" in a permission flag, because it contains a comma');
    });
  },
});

Deno.test({
  ...unless(reason, "check --permissions: the runtime's other flags are those of the tasks"),
  async fn() {
    const { line } = await narrowLine({ env: proxyEnv({ upstream: "http://127.0.0.1:9" }) });
    const flags = flagIn(line, "v8-flags")?.join(",") ?? "";
    assertStringIncludes(manifest.tasks.start.command, ` --v8-flags=${flags} src/main.ts`);
    assertStringIncludes(line, "--no-prompt --no-remote ");
  },
});
