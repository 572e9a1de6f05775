/** `ADMIN_PORT`: what each port serves, on real sockets, over HTTP/1.1, HTTPS and HTTP/2. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createAuthority, issueCertificate } from "../../../src/tls/authority.ts";
import { outputUntil, textReader } from "../../support/processes/child_output.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutUnix } from "../../support/runner/left_out.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";
import { within } from "../../support/time/deadline.ts";

const MANAGEMENT = { authorization: `Bearer ${SECRETS.managementToken}` };
const CLIENT = { authorization: `Bearer ${SECRETS.proxyToken}` };
const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
const PLANE = ["/admin", "/admin/session", "/manage/openapi.json", "/manage/tokens", "/metrics"];

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(
  url: string,
  { client, ...init }: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<Asked> {
  // HTTP/2 comes with TLS alone.
  const response = await fetch(url, client && url.startsWith("https:") ? { ...init, client } : init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/**
 * `/admin`, `/manage` and `/metrics` are at one address alone, endpoints at the others; health is everywhere.
 */
async function assertApart(
  { admin, clients, client }: { admin: string; clients: readonly string[]; client?: Deno.HttpClient },
): Promise<void> {
  const by = client === undefined ? {} : { client };
  const { port } = new URL(admin);
  for (const path of PLANE) {
    assertEquals((await ask(admin + path, { headers: MANAGEMENT, ...by })).status, 200, `${admin}${path}`);
  }
  for (const url of clients) {
    for (const path of PLANE) {
      const { status, text } = await ask(url + path, { headers: MANAGEMENT, ...by });
      assertEquals(status, 404, url + path);
      assertStringIncludes(text, `are on port ${port} (ADMIN_PORT)`);
    }
    assertEquals((await ask(`${url}/openai/v1/models`, { headers: CLIENT, ...by })).status, 200, url);
  }
  const clientPort = new URL(clients[0] ?? "").port;
  for (const path of ["/openai/v1/models", "/v1/models", "/nothing", "/%5cadmin"]) {
    const { status, text, headers } = await ask(admin + path, { headers: CLIENT, ...by });
    assertEquals([status, headers.get("x-llm-proxy-error")], [404, "not_found"], path);
    assertStringIncludes(JSON.parse(text).error.message, `The endpoints are on port ${clientPort} (PORT).`);
  }
  const anthropic = await ask(`${admin}/anthropic/v1/messages`, { method: "POST", body: "{}", ...by });
  assertEquals([anthropic.status, JSON.parse(anthropic.text).type], [404, "error"], "in its own dialect");
  for (const url of [admin, ...clients]) {
    for (const path of ["/", "/healthz", "/readyz", "/health"]) {
      assertEquals((await ask(url + path, by)).status, 200, url + path);
    }
  }
}

Deno.test("ADMIN_PORT: the plane at its own port, endpoints at the other, and health at both", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, { server: { adminPort: 0 } });
  assert(proxy.adminUrl !== proxy.url);
  await assertApart({ admin: proxy.adminUrl, clients: [proxy.url] });
  const reached = upstream.requests.map(({ target }) => target);
  assertEquals(reached, ["/openai/v1/models"], "nothing else went to the upstream");
});

Deno.test("ADMIN_PORT: over HTTPS wherever there is a certificate, also beside a plain port; HTTP/1.1 and HTTP/2", async () => {
  await using upstream = new FakeUpstream();
  for (const httpsPort of [undefined, 0]) {
    await using proxy = await ManagedProxy.start(upstream, {
      server: { adminPort: 0, tls: TLS, ...(httpsPort !== undefined && { httpsPort }) },
    });
    const secure = (port: string | number | undefined) => `https://localhost:${port}`;
    const { port } = new URL(proxy.url);
    const clients = httpsPort === undefined ? [secure(port)] : [proxy.url, secure(proxy.proxy.httpsPort)];
    const admin = secure(proxy.proxy.adminPort);
    for (const protocol of ["http1", "http2"] as const) {
      using client = Deno.createHttpClient({
        caCerts: [pem("ca.pem")],
        http1: protocol === "http1",
        http2: protocol === "http2",
      });
      await assertApart({ admin, clients, client });
      const signedIn = await ask(`${admin}/admin/session`, {
        client,
        method: "POST",
        headers: { "sec-fetch-site": "same-origin", "content-type": "application/json" },
        body: JSON.stringify({ token: SECRETS.managementToken }),
      });
      const cookie = signedIn.headers.get("set-cookie") ?? "";
      assert(cookie.startsWith(`llm_proxy_session_${proxy.proxy.adminPort}=`), cookie);
      assertStringIncludes(cookie, "Secure");
    }
    // No plain HTTP there.
    await assertRejects(() => fetch(`${proxy.adminUrl}/healthz`), TypeError);
  }
});

Deno.test("ADMIN_PORT: metrics that are public are at both ports", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, {
    server: { adminPort: 0 },
    management: { metricsPublic: true },
  });
  for (const url of [proxy.url, proxy.adminUrl]) {
    const { status, text } = await ask(`${url}/metrics`);
    assertEquals(status, 200, url);
    assertStringIncludes(text, "# HELP");
  }
});

Deno.test("ADMIN_PORT: MANAGEMENT_ALLOWED_IPS and the wait for wrong tokens hold as before", async () => {
  await using upstream = new FakeUpstream();
  {
    await using proxy = await ManagedProxy.start(upstream, {
      server: { adminPort: 0 },
      management: { allowedIps: ["192.0.2.1"] },
    });
    for (const path of [...PLANE, "/openai/v1/models"]) {
      const { status, text } = await ask(proxy.adminUrl + path, { headers: MANAGEMENT });
      assertEquals(status, 403, path);
      assert(!text.includes(" port "), text);
    }
    assertEquals((await ask(`${proxy.url}/manage/tokens`, { headers: MANAGEMENT })).status, 403);
    assertEquals((await ask(`${proxy.url}/openai/v1/models`, { headers: CLIENT })).status, 200);
  }
  await using proxy = await ManagedProxy.start(upstream, { server: { adminPort: 0 } });
  const guess = (url: string, round: number) =>
    ask(`${url}/manage/tokens`, { headers: { authorization: `Bearer guess-${round}` } });
  for (let round = 0; round < 10; round++) assertEquals((await guess(proxy.url, round)).status, 404);
  for (let round = 0; round < 5; round++) assertEquals((await guess(proxy.adminUrl, round)).status, 401);
  const { status } = await ask(`${proxy.adminUrl}/manage/tokens`, { headers: MANAGEMENT });
  assertEquals(status, 429);
});

Deno.test("ADMIN_PORT: pages of CORS_ORIGINS may use the endpoints and not the plane", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, {
    server: { adminPort: 0, corsOrigins: ["https://chat.example.com"] },
  });
  const allowed = async (url: string, headers: Record<string, string>) => {
    const answer = await ask(url, { headers: { ...headers, origin: "https://chat.example.com" } });
    return answer.headers.get("access-control-allow-origin");
  };
  assertEquals(await allowed(`${proxy.url}/openai/v1/models`, CLIENT), "https://chat.example.com");
  assertEquals(await allowed(`${proxy.adminUrl}/manage/tokens`, MANAGEMENT), null);
  assertEquals(await allowed(`${proxy.adminUrl}/admin/session`, {}), null);
});

Deno.test("ADMIN_PORT: clients are given the other port's address", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, { server: { adminPort: 0 } });
  const { body } = await proxy.api("GET", "/connect");
  assertEquals([body.urls, body.has_admin_port], [[proxy.url], true]);
  const settings = await proxy.api("POST", "/connect", { client: "curl" });
  assertEquals(settings.body.endpoint_url, `${proxy.url}/openai`);
});

Deno.test("ADMIN_PORT: draining closes it", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, { server: { adminPort: 0 } });
  const idle = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(proxy.adminUrl).port) });
  assertEquals((await ask(`${proxy.adminUrl}/healthz`)).status, 200);
  await proxy.proxy.drain();
  assertEquals(await within(idle.read(new Uint8Array(1)), "more bytes or the end"), null);
  idle.close();
  await assertRejects(() => fetch(`${proxy.adminUrl}/healthz`), TypeError);
});

/** Signs in as the page does; gives what a browser then sends. */
async function session(url: string): Promise<Record<string, string>> {
  const { headers } = await ask(`${url}/admin/session`, {
    method: "POST",
    headers: { origin: url, "content-type": "application/json" },
    body: JSON.stringify({ token: SECRETS.managementToken }),
  });
  return { cookie: headers.get("set-cookie")?.split(";")[0] ?? "", origin: url };
}

for (const adminPort of [undefined, 0]) {
  const name = adminPort === undefined ? "one port" : "ADMIN_PORT";
  Deno.test(`/admin/try, ${name}: the page alone reaches an endpoint, as a client, and gets its answer disarmed`, async () => {
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        await write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: llm_proxy_session_1=x; Path=/admin\r\n" +
            "Content-Security-Policy: default-src *\r\nClear-Site-Data: *\r\nContent-Length: 6\r\n\r\n<html>",
        );
      },
    });
    await using proxy = await ManagedProxy.start(upstream, {
      server: { ...(adminPort !== undefined && { adminPort }) },
    });
    const { adminUrl: url } = proxy;
    const signedIn = await session(url);
    const to = (path: string, headers: Record<string, string>, method = "POST") =>
      ask(`${url}/admin/try${path}`, { method, headers, ...(method === "POST" && { body: "{}" }) });
    const answer = await to("/openai/v1/x", { ...signedIn, ...CLIENT });
    assertEquals([answer.status, answer.text], [200, "<html>"]);
    assertEquals([answer.headers.get("set-cookie"), answer.headers.get("clear-site-data")], [null, null]);
    assertStringIncludes(answer.headers.get("content-security-policy") ?? "", "sandbox; default-src 'none'");
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
    assertEquals(upstream.requests.length, 1);
    const [request] = upstream.requests;
    assertEquals([request?.target, request?.header("cookie")], ["/openai/v1/x", undefined]);
    assertEquals(request?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);

    const refused: [number, string, Record<string, string>, string?][] = [
      [401, "/openai/v1/x", { ...CLIENT, origin: url }],
      [401, "/openai/v1/x", { ...signedIn, authorization: "Bearer wrong" }],
      [403, "/openai/v1/x", { ...signedIn, ...CLIENT, origin: proxy.url.replace(/\d+$/, "1") }],
      [403, "/openai/v1/x", { ...signedIn, ...CLIENT, "sec-fetch-site": "same-site" }],
      [404, "/openai/v1/x", { ...signedIn, ...CLIENT }, "GET"],
      [404, "/manage/tokens", { ...signedIn, ...MANAGEMENT }],
      [404, "/admin/try/openai/v1/x", { ...signedIn, ...CLIENT }],
      [404, "", { ...signedIn, ...CLIENT }],
    ];
    for (const [status, path, headers, method] of refused) {
      assertEquals((await to(path, headers, method)).status, status, `${method ?? "POST"} ${path}`);
    }
    assertEquals(upstream.requests.length, 1, "none of these reached the upstream");
  });
}

Deno.test("ADMIN_PORT: a renewed certificate is used at every port that speaks HTTPS", async () => {
  const folder = await Deno.makeTempDir();
  const subject = { names: ["localhost"], addresses: ["127.0.0.1"] };
  const [first, second] = [
    await createAuthority(subject, Date.now()),
    await createAuthority(subject, Date.now()),
  ];
  const write = async (authority: typeof first): Promise<void> => {
    const issued = await issueCertificate(authority, subject, Date.now());
    await Deno.writeTextFile(`${folder}/cert.pem`, issued.certificate);
    await Deno.writeTextFile(`${folder}/key.pem`, issued.key);
  };
  await write(first);
  {
    await using upstream = new FakeUpstream();
    await using proxy = await ProxyProcess.start({
      upstream: upstream.origin,
      env: {
        MANAGEMENT_TOKEN: SECRETS.managementToken,
        DATABASE_URL: `sqlite:${folder}/test.db`,
        TLS_CERT_FILE: `${folder}/cert.pem`,
        TLS_KEY_FILE: `${folder}/key.pem`,
        HTTPS_PORT: "0",
        ADMIN_PORT: "0",
      },
    });
    const started = await proxy.logged(({ event }) => event === "started");
    const [plain = "", https = ""] = String(started["address"]).split(" ");
    const at = (url: string) => `https://localhost:${new URL(url).port}`;
    const admin = at(String(started["admin"]));
    const asBefore = Deno.createHttpClient({ caCerts: [first.certificate] });
    await assertApart({ admin, clients: [plain, at(https)], client: asBefore });
    asBefore.close();
    await write(second);
    if (Deno.build.os !== "windows") proxy.kill("SIGHUP");
    await proxy.logged(({ event }) => event === "certificate_renewed");
    using client = Deno.createHttpClient({ caCerts: [second.certificate] });
    await assertApart({ admin, clients: [plain, at(https)], client });
    using old = Deno.createHttpClient({ caCerts: [first.certificate] });
    for (const url of [admin, at(https)]) {
      await assertRejects(() => fetch(`${url}/healthz`, { client: old }), TypeError);
    }
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  ...unless(
    withoutUnix(),
    "ADMIN_PORT: what a reload changes holds at both ports, and another port needs a restart",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    {
      await using upstream = new FakeUpstream();
      const text = (server: string, management = "") =>
        `[server]\nhost = "127.0.0.1"\nport = 0\n${server}
[management]\ntoken = "${SECRETS.managementToken}"\ndatabase_url = "sqlite:${folder}/test.db"\n${management}
[log]\nformat = "json"
[auth]\ntoken = "${SECRETS.proxyToken}"
[endpoints.openai]\nbase_url = "${upstream.origin}/openai/v1"\napi_key = "${SECRETS.openaiKey}"
[endpoints.anthropic]\nbase_url = "${upstream.origin}"\napi_key = "${SECRETS.anthropicKey}"\n`;
      const file = `${folder}/config.toml`;
      await Deno.writeTextFile(file, text("admin_port = 0\n"));
      await using proxy = await ProxyProcess.startWith({ CONFIG_PATH: file });
      const started = await proxy.logged(({ event }) => event === "started");
      const admin = String(started["admin"]).replace(/\/admin$/, "");
      await assertApart({ admin, clients: [proxy.url] });
      await Deno.writeTextFile(file, text("", "metrics_public = true\n"));
      proxy.kill("SIGHUP");
      const { detail } = await proxy.logged(({ event }) => event === "restart_needed");
      assertStringIncludes(String(detail), "server.admin_port changed");
      for (const url of [proxy.url, admin]) assertEquals((await ask(`${url}/metrics`)).status, 200, url);
      assertEquals((await ask(`${proxy.url}/manage/tokens`, { headers: MANAGEMENT })).status, 404);
      assertEquals((await ask(`${admin}/manage/tokens`, { headers: MANAGEMENT })).status, 200);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("ADMIN_PORT: a port that another program has is named, and the start ends with 1", async () => {
  const folder = await Deno.makeTempDir();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = {
    ...proxyEnv({ upstream: "http://127.0.0.1:9" }),
    MANAGEMENT_TOKEN: SECRETS.managementToken,
    DATABASE_URL: `sqlite:${folder}/test.db`,
    ADMIN_PORT: String(taken.addr.port),
  };
  const { code, stderr } = await proxyCommand([], env).output();
  assertEquals(code, 1);
  const text = new TextDecoder().decode(stderr);
  assertStringIncludes(
    text,
    `127.0.0.1:${taken.addr.port}: another program or an outgoing connection uses one of these ports`,
  );
  assertStringIncludes(text, "Choose another port with PORT or ADMIN_PORT or --port.");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ADMIN_PORT: the start names its address, and commands that take the other port hear which one it is", async () => {
  await using upstream = new FakeUpstream();
  const folder = await Deno.makeTempDir();
  const env = {
    ...proxyEnv({ upstream: upstream.origin }),
    MANAGEMENT_TOKEN: SECRETS.managementToken,
    DATABASE_URL: `sqlite:${folder}/test.db`,
    ADMIN_PORT: "0",
    LOG_FORMAT: "pretty",
  };
  const child = proxyCommand([], env).spawn();
  const reader = textReader(child);
  const text = await outputUntil(reader, / on: .*\n/);
  const [, admin = ""] = /on: access log, admin page at (http:\/\/127\.0\.0\.1:\d+)\/admin$/m.exec(text) ??
    [];
  const [main = ""] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
  assert(admin !== "" && main !== admin, text);
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await proxyCommand(args, env).output();
    return { code, text: new TextDecoder().decode(code === 0 ? stdout : stderr) };
  };
  assertEquals((await command("project", "list", "--url", admin)).code, 0);
  const wrong = await command("project", "list", "--url", main);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.text, `are on port ${new URL(admin).port} (ADMIN_PORT)`);
  for (const url of [main, admin]) assertEquals((await command("healthcheck", "--url", url)).code, 0, url);
  const clients = await command("connect", "curl");
  assert(clients.code === 0 && !clients.text.includes(new URL(admin).port), clients.text);
  child.kill("SIGTERM");
  await reader.cancel();
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
  await Deno.remove(folder, { recursive: true });
});
