/** Where no token is asked for: pages of other sites and rebound names spend nothing, whatever they send. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ownEngine = ownEngineTests("webSocket");

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
const WEBSOCKET = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

async function ask(url: string, method: string, lines: readonly string[]) {
  using client = await RawClient.connect(url);
  const hasConnection = lines.some((line) => line.startsWith("Connection:"));
  const head = [`${method} /openai/v1/models HTTP/1.1`, ...lines];
  if (!hasConnection) head.push("Connection: close");
  await client.send([...head, "", ""].join("\r\n"));
  return await client.answer(method);
}

ownEngine.test("without a token: an unknown name is refused also from a trusted proxy, until allowed_hosts has it", async () => {
  await using upstream = new FakeUpstream();
  for (const [allowedHosts, expected] of [[[], 403], [["llm.example.com"], 200]] as const) {
    await using proxy = new LocalProxy(upstream, {
      apiKey: SECRETS.openaiKey,
      auth: { mode: "none" },
      server: { trustedProxies: ["127.0.0.1", "::1"], allowedHosts: [...allowedHosts] },
    });
    const lines = ["Host: llm.example.com", "X-Forwarded-For: 192.0.2.7"];
    assertEquals((await ask(proxy.url, "GET", lines)).status, expected);
  }
});

ownEngine.test("without a token: other sites' pages and rebound names are refused with every method, programs are not", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, {
    apiKey: SECRETS.openaiKey,
    auth: { mode: "none" },
    server: { corsOrigins: ["https://chat.test"], allowedHosts: ["llm.example.com"] },
  });
  const { host } = new URL(proxy.url);
  const refused: readonly (readonly string[])[] = [
    [`Host: ${host}`, "Origin: https://evil.test"],
    [`Host: ${host}`, "Origin: null"],
    [`Host: ${host}`, "Origin: http://127.0.0.1:1"],
    [`Host: ${host}`, "Sec-Fetch-Site: cross-site"],
    [`Host: ${host}`, "Sec-Fetch-Site: same-site"],
    [`Host: ${host}`, `Origin: ${proxy.url}`, "Sec-Fetch-Site: cross-site"],
    ["Host: evil.test"],
    ["Host: evil.test", "Origin: http://evil.test", "Sec-Fetch-Site: same-origin"],
    ["Host: evil.test", "Origin: https://chat.test"],
  ];
  for (const lines of refused) {
    for (const method of METHODS) {
      for (const more of method === "GET" ? [[], WEBSOCKET] : [[]]) {
        const answer = await ask(proxy.url, method, [...lines, ...more]);
        const what = `${method} ${[...lines, ...more].join(", ")}`;
        assertEquals([answer.status, answer.header("x-llm-proxy-error")], [403, "forbidden"], what);
        if (method !== "HEAD") assert(/allowed_hosts|cors_origins/.test(answer.text), answer.text);
      }
    }
  }
  const preflight = ["Access-Control-Request-Method: POST", "Origin: https://evil.test", `Host: ${host}`];
  assertEquals((await ask(proxy.url, "OPTIONS", preflight)).status, 403);
  assertEquals(upstream.requests.length, 0);

  const allowed: readonly (readonly string[])[] = [
    [`Host: ${host}`],
    ["Host: localhost"],
    ["Host: llm.example.com"],
    [`Host: ${Deno.hostname()}`],
    [`Host: ${host}`, `Origin: ${proxy.url}`, "Sec-Fetch-Site: same-origin"],
    [`Host: ${host}`, "Origin: https://chat.test", "Sec-Fetch-Site: cross-site"],
    [`Host: ${host}`, "Sec-Fetch-Site: none"],
  ];
  for (const lines of allowed) {
    assertEquals((await ask(proxy.url, "GET", lines)).status, 200, lines.join(", "));
  }
  assertEquals(upstream.requests.length, allowed.length);
});

Deno.test("with a token: neither the page nor the name matters", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const lines = ["Host: evil.test", "Origin: https://evil.test", "Sec-Fetch-Site: cross-site"];
  assertEquals((await ask(proxy.url, "GET", lines)).status, 401);
  assertEquals(
    (await ask(proxy.url, "GET", [...lines, `Authorization: Bearer ${SECRETS.proxyToken}`])).status,
    200,
  );
});
