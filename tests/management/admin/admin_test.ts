/** The admin page without a browser: its sessions, its files, and what it keeps secret. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { LaterClock } from "../../support/time/later_clock.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const MINUTE_MS = 60_000;

class AdminBench implements AsyncDisposable {
  readonly clock = new LaterClock();
  readonly proxy: ManagedProxy;
  readonly #upstream: FakeUpstream;

  private constructor(proxy: ManagedProxy, upstream: FakeUpstream, clock: LaterClock) {
    this.proxy = proxy;
    this.#upstream = upstream;
    this.clock = clock;
  }

  static async start(options: ManagedOptions = {}): Promise<AdminBench> {
    const upstream = new FakeUpstream();
    const clock = new LaterClock();
    return new AdminBench(await ManagedProxy.start(upstream, { ...options, clock }), upstream, clock);
  }

  /** As the page itself asks, unless the headers say otherwise. */
  async ask(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; headers: Headers; text: string }> {
    const response = await fetch(`${this.proxy.url}/admin${path}`, {
      method,
      redirect: "manual",
      headers: {
        origin: this.proxy.url,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** With no header but those that are given, as `fetch` would not; gives the whole answer. */
  async raw(
    method: string,
    path: string,
    { headers = {}, body = "", tls = false }: {
      headers?: Record<string, string>;
      body?: string;
      tls?: boolean;
    } = {},
  ): Promise<string> {
    const { hostname, port } = new URL(this.proxy.url);
    const connection = tls
      ? await Deno.connectTls({ hostname: "localhost", port: Number(port), caCerts: [pem("ca.pem")] })
      : await Deno.connect({ hostname, port: Number(port) });
    const fields = { "connection": "close", "content-length": String(body.length), ...headers };
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`));
    return await new Response(connection.readable).text();
  }

  /** Gives the `Cookie` header. */
  async signIn(
    token: string = SECRETS.managementToken,
  ): Promise<{ status: number; cookie: string; text: string }> {
    const { status, headers, text } = await this.ask("POST", "/session", { body: { token } });
    return { status, text, cookie: headers.get("set-cookie")?.split(";")[0] ?? "" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.#upstream[Symbol.asyncDispose]();
  }
}

Deno.test("/admin: signing in sets a cookie for /admin, which gives access to the management API", async () => {
  await using bench = await AdminBench.start();
  const { status, headers, text } = await bench.ask("POST", "/session", {
    body: { token: SECRETS.managementToken },
  });
  assertEquals([status, JSON.parse(text)], [200, { signed_in: true, idle_seconds: 3600 }]);
  const cookie = headers.get("set-cookie") ?? "";
  assertMatch(cookie, /^llm_proxy_session_\d+=[\w-]{43}; Path=\/admin; HttpOnly; SameSite=Strict$/);
  const headersWith = { cookie: cookie.split(";")[0] ?? "" };
  assertEquals((await bench.ask("GET", "/api/projects", { headers: headersWith })).status, 200);
  const made = await bench.ask("POST", "/api/projects", { body: { name: "home" }, headers: headersWith });
  assertEquals(made.status, 201);
  const { body: { data: [entry] } } = await bench.proxy.api("GET", "/audit");
  assertEquals([entry.action, entry.actor], ["project.create", "admin page"]);
  assertEquals((await bench.ask("GET", "/")).status, 200, "with a slash too");
  const behind = await bench.raw("POST", "/admin/session", {
    headers: {
      "host": "proxy.example",
      "origin": "https://proxy.example",
      "content-type": "application/json",
    },
    body: JSON.stringify({ token: SECRETS.managementToken }),
  });
  assertMatch(
    behind,
    /set-cookie: llm_proxy_session=[^;]+; Path=\/admin; HttpOnly; Secure; SameSite=Strict/i,
  );
  const document = await bench.ask("GET", "/api/openapi.json", { headers: headersWith });
  assertStringIncludes(document.text, '"/admin/api/projects"');
});

Deno.test("/admin/api: without a session each request is rejected, with any other credential too", async () => {
  await using bench = await AdminBench.start();
  for (
    const headers of [
      {},
      { cookie: "llm_proxy_session=guess" },
      { authorization: `Bearer ${SECRETS.managementToken}` },
    ] as Record<string, string>[]
  ) {
    for (const path of ["/api/projects", "/api/nowhere", "/api/exchanges/live", "/api/backup"]) {
      assertEquals((await bench.ask("GET", path, { headers })).status, 401, path);
    }
  }
  const { cookie } = await bench.signIn();
  const manage = await fetch(`${bench.proxy.url}/manage/projects`, { headers: { cookie } });
  assertEquals([manage.status, (await manage.json()).status], [401, 401], "the cookie is for the page alone");
});

Deno.test("/admin/session: after five wrong tokens the address must wait, at /manage too", async () => {
  await using bench = await AdminBench.start();
  for (let round = 0; round < 5; round++) {
    const { status, cookie } = await bench.signIn(`guess ${round}`);
    assertEquals([status, cookie], [401, ""]);
  }
  const { status, text } = await bench.signIn();
  assertEquals(status, 429, "the right one does not help either");
  assertMatch(JSON.parse(text).detail, /wait \d+ s/);
  assertEquals((await bench.proxy.api("GET", "/projects")).status, 429);
  bench.clock.pass(61_000);
  assertEquals((await bench.signIn()).status, 200);
});

Deno.test("/admin/session: ends after its idle time; only the user extends it, and not the polls of the page", async () => {
  await using bench = await AdminBench.start({ management: { adminIdleMs: 10 * MINUTE_MS } });
  const { cookie } = await bench.signIn();
  const projects = async (headers: Record<string, string> = {}) =>
    (await bench.ask("GET", "/api/projects", { headers: { cookie, ...headers } })).status;
  bench.clock.pass(9 * MINUTE_MS);
  assertEquals(await projects(), 200);
  bench.clock.pass(9 * MINUTE_MS);
  assertEquals(await projects({ "x-llm-proxy-unattended": "1" }), 200);
  bench.clock.pass(2 * MINUTE_MS);
  assertEquals(await projects(), 401);
  const { text } = await bench.ask("GET", "/session", { headers: { cookie } });
  assertEquals(JSON.parse(text).signed_in, false);
});

Deno.test("/admin/session: signing out ends the session in the proxy, not only in the browser", async () => {
  await using bench = await AdminBench.start();
  const [one, other] = [await bench.signIn(), await bench.signIn()];
  const out = await bench.ask("DELETE", "/session", { headers: { cookie: one.cookie } });
  assertEquals(out.status, 204);
  assertMatch(out.headers.get("set-cookie") ?? "", /^llm_proxy_session_\d+=; Max-Age=0; Path=\/admin/);
  const status = async (cookie: string) =>
    (await bench.ask("GET", "/api/projects", { headers: { cookie } })).status;
  assertEquals([await status(one.cookie), await status(other.cookie)], [401, 200]);
});

Deno.test("/admin/api/exchanges/live: sends no event after the session has ended", async () => {
  await using bench = await AdminBench.start({ management: { adminIdleMs: 10 * MINUTE_MS } });
  const { cookie } = await bench.signIn();
  const response = await fetch(`${bench.proxy.url}/admin/api/exchanges/live`, {
    headers: { cookie, accept: "text/event-stream" },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assertStringIncludes((await reader?.read())?.value ?? "", "event: running");
  bench.clock.pass(11 * MINUTE_MS);
  await (await bench.proxy.chat(SECRETS.proxyToken)).text();
  assertEquals((await reader?.read())?.done, true);
});

Deno.test("/admin: rejects requests that another site makes a browser send", async () => {
  await using bench = await AdminBench.start();
  const { cookie } = await bench.signIn();
  const host = new URL(bench.proxy.url).host;
  const otherPort = `http://127.0.0.1:${Number(new URL(bench.proxy.url).port) + 1}`;
  const post = async (headers: Record<string, string>) => {
    const fields = { host, cookie, "content-type": "application/json", ...headers };
    const answer = await bench.raw("POST", "/admin/api/projects", {
      headers: fields,
      body: '{"name":"theirs"}',
    });
    return Number(answer.split(" ")[1]);
  };
  for (
    const headers of [
      {},
      { origin: "null" },
      { origin: "https://evil.example" },
      { origin: otherPort },
      { origin: `http://${host}.evil.example` },
      { origin: bench.proxy.url, "sec-fetch-site": "cross-site" },
      { origin: bench.proxy.url, "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
    ] as Record<string, string>[]
  ) {
    assertEquals(await post(headers), 403, JSON.stringify(headers));
  }
  assertEquals(await post({ origin: bench.proxy.url, "content-type": "text/plain" }), 415);
  assertEquals((await bench.proxy.api("GET", "/projects")).body.data, []);
  assertEquals(await post({ origin: bench.proxy.url }), 201);
  assertEquals(
    await post({ "sec-fetch-site": "same-origin", origin: "https://behind.a.proxy" }),
    409,
    "let in",
  );
  const read = (headers: Record<string, string>) =>
    bench.ask("GET", "/api/projects", { headers: { cookie, ...headers } });
  assertEquals((await read({ origin: otherPort })).status, 403);
  assertEquals((await read({ "sec-fetch-site": "same-site" })).status, 403);
  for (const method of ["POST", "DELETE"]) {
    for (
      const headers of [{ origin: otherPort }, { origin: bench.proxy.url, "sec-fetch-site": "same-site" }]
    ) {
      const answer = await bench.raw(method, "/admin/session", {
        headers: { host, cookie, "content-type": "application/json", ...headers },
        body: JSON.stringify({ token: SECRETS.managementToken }),
      });
      assertEquals(answer.split(" ")[1], "403", `${method} ${JSON.stringify(headers)}`);
    }
  }
  assertEquals((await read({})).status, 200, "nobody was signed out");
});

/** The status of a sign-in with the right token, as a page at an origin sends it to a host. */
async function signInFrom(
  bench: AdminBench,
  { tls = false, ...headers }: { origin: string; host: string; "x-forwarded-proto"?: string; tls?: boolean },
): Promise<number> {
  const answer = await bench.raw("POST", "/admin/session", {
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ token: SECRETS.managementToken }),
    tls,
  });
  return Number(answer.split(" ")[1]);
}

Deno.test("/admin: over TLS a page at the same host and port with http: is another site", async () => {
  await using bench = await AdminBench.start({
    server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
  });
  const host = `localhost:${new URL(bench.proxy.url).port}`;
  assertEquals(await signInFrom(bench, { origin: `http://${host}`, host, tls: true }), 403);
  assertEquals(await signInFrom(bench, { origin: "http://nas", host: "nas", tls: true }), 403);
  assertEquals(await signInFrom(bench, { origin: `https://${host}`, host, tls: true }), 200);
  using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")], http1: false });
  for (const [origin, expected] of [[`http://${host}`, 403], [`https://${host}`, 200]] as const) {
    const response = await fetch(`https://${host}/admin/session`, {
      method: "POST",
      headers: { origin, "content-type": "application/json" },
      body: JSON.stringify({ token: SECRETS.managementToken }),
      client,
    });
    await response.body?.cancel();
    assertEquals(response.status, expected, `${origin} over HTTP/2`);
  }
});

Deno.test("/admin: behind a trusted proxy the scheme that the proxy states counts; without one both are the page's own", async () => {
  const trustedProxies = ["127.0.0.1"];
  const host = "proxy.example";
  const [plain, secure] = [{ origin: `http://${host}`, host }, { origin: `https://${host}`, host }];
  {
    await using bench = await AdminBench.start({ server: { trustedProxies } });
    assertEquals(await signInFrom(bench, { ...plain, "x-forwarded-proto": "https" }), 403);
    assertEquals(await signInFrom(bench, { ...secure, "x-forwarded-proto": "https" }), 200);
    assertEquals(await signInFrom(bench, { ...secure, "x-forwarded-proto": "http" }), 403);
    assertEquals(await signInFrom(bench, plain), 200);
    assertEquals(await signInFrom(bench, secure), 200);
  }
  await using bench = await AdminBench.start();
  assertEquals(await signInFrom(bench, { ...plain, "x-forwarded-proto": "https" }), 200, "not believed");
  assertEquals(await signInFrom(bench, secure), 200, "a proxy that is not listed may end the encryption");
});

Deno.test("/admin: each response forbids what the page does not need", async () => {
  await using bench = await AdminBench.start();
  const { cookie } = await bench.signIn();
  const { text } = await bench.ask("GET", "");
  const [script = ""] = /\/assets\/admin-\w+\.js/.exec(text) ?? [];
  for (
    const path of ["", "/", script, "/session", "/api/projects", "/api/nowhere", "/nowhere", "/assets/x.js"]
  ) {
    const { headers } = await bench.ask("GET", path, { headers: { cookie } });
    const policy = headers.get("content-security-policy") ?? "";
    assertStringIncludes(policy, "default-src 'none'; script-src 'self'", path);
    assert(!policy.includes("unsafe"), path);
    assertEquals(headers.get("x-frame-options"), "DENY", path);
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("referrer-policy"), "same-origin", path);
    assertMatch(headers.get("cache-control") ?? "", path === script ? /immutable/ : /^no-/, path);
  }
  assert(!/<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/.test(text), "nothing inline");
});

Deno.test("/admin/assets: files in an encoding that the browser accepts, and no other files of the disk", async () => {
  await using bench = await AdminBench.start();
  const { text } = await bench.ask("GET", "");
  const names = [...text.matchAll(/\/admin(\/assets\/[\w-]+\.\w+)/g)].map(([, path]) => path ?? "");
  assertEquals(names.length, 3);
  const size = async (path: string, encoding: string) => {
    // `fetch` would undo the encoding.
    const url = new URL(bench.proxy.url);
    const connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    await connection.write(
      new TextEncoder().encode(
        `GET /admin${path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\nConnection: close\r\n\r\n`,
      ),
    );
    const answer = new Uint8Array(await new Response(connection.readable).arrayBuffer());
    const head = new TextDecoder("latin1").decode(answer).split("\r\n\r\n")[0] ?? "";
    return {
      bytes: answer.length - head.length - 4,
      encoding: /content-encoding: (\w+)/i.exec(head)?.[1],
    };
  };
  let [plain, gzip] = [0, 0];
  for (const path of names.filter((name) => !name.endsWith(".svg"))) {
    const [identity, zipped, brotli] = [
      await size(path, "identity"),
      await size(path, "gzip"),
      await size(path, "gzip, br"),
    ];
    assertEquals([identity.encoding, zipped.encoding, brotli.encoding], [undefined, "gzip", "br"]);
    assertEquals((await size(path, "br;q=0, gzip")).encoding, "gzip");
    assert(brotli.bytes < zipped.bytes && zipped.bytes < identity.bytes);
    plain += identity.bytes;
    gzip += zipped.bytes;
  }
  // People, their invitations and sessions took 3,000 bytes with gzip.
  assert(plain < 150_000 && gzip < 53_000, `${plain} bytes, ${gzip} with gzip`);
  for (
    const path of [
      `/assets/${"a".repeat(300)}.js`,
      "/assets/..%2f..%2fdeno.json",
      "/assets/index.html.gz",
      "/assets/stamp",
      "/assets/.js",
    ]
  ) {
    assert([401, 404].includes((await bench.ask("GET", path)).status), path);
  }
  const head = await fetch(`${bench.proxy.url}/admin`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});
