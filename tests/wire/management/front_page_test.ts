/** The page for browsers on real sockets: HTTP/1.1, HTTP/2, both ports, and a hostile Host. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../../src/release.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const ACCEPT = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
const HTML = "text/html; charset=utf-8";
const TLS = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };

/** What a stranger must not learn. */
function assertSilent(text: string): void {
  assertNoSecrets(text, "the page");
  for (const word of [VERSION, "/openai", "/anthropic", "/gemini"]) assert(!text.includes(word), word);
}

Deno.test("front page: browsers get it at / and at /admin, programs get what they always got", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const front = await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT]);
  assertEquals([front.status, front.header("content-type")], [200, HTML]);
  assertStringIncludes(front.text, "MANAGEMENT_TOKEN=");
  assertSilent(front.text);
  const head = await rawRequest(proxy.url, ["HEAD / HTTP/1.1", ACCEPT]);
  assertEquals([head.status, head.header("content-type"), head.body.length], [200, HTML, 0]);
  assertEquals(head.header("content-length"), front.header("content-length"));
  const admin = await rawRequest(proxy.url, ["GET /admin HTTP/1.1", ACCEPT]);
  assertEquals([admin.status, admin.header("content-type")], [404, HTML]);
  assertStringIncludes(admin.text, "The admin page is off");
  assertEquals(proxy.log, [], "a page is no exchange");

  const plain = await rawRequest(proxy.url, ["GET / HTTP/1.1", "Accept: */*"]);
  assertEquals([plain.status, plain.text], [200, "llm-proxy\n"]);
  for (const path of ["/admin", "/nothing", "/openai/v1/models"]) {
    const refused = await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, "Accept: application/json"]);
    assertEquals([refused.status, refused.header("x-llm-proxy-error")], [401, "unauthorized"], path);
  }
  const nothing = await rawRequest(proxy.url, ["GET /nothing HTTP/1.1", ACCEPT]);
  assertEquals([nothing.status, nothing.header("x-llm-proxy-error")], [401, "unauthorized"]);
  const known = await rawRequest(proxy.url, [
    "GET /admin HTTP/1.1",
    ACCEPT,
    `Authorization: Bearer ${SECRETS.proxyToken}`,
  ]);
  assertEquals([known.status, known.header("x-llm-proxy-error")], [404, "not_found"]);
  assertEquals(upstream.requests, []);
});

Deno.test("front page: over HTTP/2 it is the same", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls: TLS } });
  using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")], http1: false, http2: true });
  const url = `https://localhost:${new URL(proxy.url).port}`;
  for (const [path, status] of [["/", 200], ["/admin", 404]] as const) {
    const answer = await fetch(url + path, { client, headers: { accept: "text/html" } });
    const text = await answer.text();
    assertEquals([answer.status, answer.headers.get("content-type")], [status, HTML]);
    assertStringIncludes(answer.headers.get("content-security-policy") ?? "", "default-src 'none'");
    assertStringIncludes(text, "MANAGEMENT_TOKEN=");
    assertSilent(text);
  }
  const plain = await fetch(url, { client, headers: { accept: "application/json" } });
  assertEquals(await plain.text(), "llm-proxy\n");
});

Deno.test("front page: it is the same whatever the Host says, also where no token is asked for", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, auth: { mode: "none" } });
  const { text: usual } = await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT]);
  for (const host of ["evil.test", "<script>alert(1)</script>", 'a"onload=x', "evil.test:99"]) {
    using client = await RawClient.connect(proxy.url);
    await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n${ACCEPT}\r\nConnection: close\r\n\r\n`);
    const { status, text, raw } = await client.answer();
    assert(!(raw + text).includes(host), host);
    assert(status === 400 || text === usual, `${host}: ${status}`);
  }
});

Deno.test("front page: with the management plane it leads to /admin, and with ADMIN_PORT to that port", async () => {
  await using upstream = new FakeUpstream();
  {
    await using proxy = await ManagedProxy.start(upstream);
    const { text } = await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT]);
    assertStringIncludes(text, '<a href="/admin">');
    assertSilent(text);
    const admin = await rawRequest(proxy.url, ["GET /admin HTTP/1.1", ACCEPT]);
    assert(!admin.text.includes("The admin page is off"), "the admin page itself");
  }
  await using proxy = await ManagedProxy.start(upstream, { server: { adminPort: 0 } });
  const clients = await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT]);
  assertStringIncludes(clients.text, `a port for itself, ${new URL(proxy.adminUrl).port}`);
  assert(!clients.text.includes('href="/admin"'), "this port has no admin page");
  const admin = await rawRequest(proxy.adminUrl, ["GET / HTTP/1.1", ACCEPT]);
  assertStringIncludes(admin.text, '<a href="/admin">');
  assertStringIncludes(admin.text, "Clients use the other port");
});

Deno.test("front page: not for addresses that may not call, and without the port for those that may not manage", async () => {
  await using upstream = new FakeUpstream();
  {
    await using proxy = new LocalProxy(upstream, {
      apiKey: SECRETS.openaiKey,
      server: { allowedIps: ["192.0.2.0/24"] },
    });
    assertEquals((await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT])).text, "llm-proxy\n");
    assertEquals((await rawRequest(proxy.url, ["GET /admin HTTP/1.1", ACCEPT])).status, 403);
  }
  await using proxy = await ManagedProxy.start(upstream, {
    server: { adminPort: 0 },
    management: { allowedIps: ["192.0.2.0/24"] },
  });
  const { text } = await rawRequest(proxy.url, ["GET / HTTP/1.1", ACCEPT]);
  assertStringIncludes(text, "Your address may not use the admin page.");
  assert(!text.includes(new URL(proxy.adminUrl).port), "the port is not told");
});
