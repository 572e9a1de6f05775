/** Headers of reverse proxies in front of the proxy, and of web pages, as an upstream sees them. */

import { assertEquals } from "@std/assert";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

// They compare the lines of the headers.
const { test } = ownEngineTests("headers");

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;

/** What nginx, Cloudflare and others in front add. */
const OF_FRONT = [
  "X-Forwarded-For: 203.0.113.7",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: llm.example.com",
  "X-Forwarded-Port: 443",
  "X-Forwarded-Prefix: /llm",
  "x-forwarded-user: anna",
  "X-FORWARDED-Client-Cert: Hash=1",
  "Forwarded: for=203.0.113.7;proto=https",
  "X-Real-IP: 203.0.113.7",
  "True-Client-IP: 203.0.113.7",
  "Via: 1.1 Caddy",
  "CDN-Loop: cloudflare; loops=1",
  "CF-Connecting-IP: 203.0.113.7",
  "CF-Ray: 8f1-FRA",
  "CF-IPCountry: DE",
  'CF-Visitor: {"scheme":"https"}',
  "CF-Access-Client-Secret: s",
  "CF-Access-Jwt-Assertion: j",
  "Tailscale-User-Login: anna@example.com",
  "X-Auth-Request-Email: anna@example.com",
  "Remote-User: anna",
];

/** Similar names that belong to the client. */
const OF_CLIENT = [
  "cf-aig-metadata: 1",
  "X-Forwarded: 1",
  "x-real-ip-hint: 1",
  "X-Request-Id: r1",
  "traceparent: 00-1-2-01",
  "Anthropic-Beta: b",
];

const OF_PAGE = [
  "Referer: https://chat.test/",
  "Sec-Fetch-Site: cross-site",
  "Sec-Fetch-Mode: cors",
  'sec-ch-ua: "Chromium"',
  "sec-ch-ua-platform: Linux",
  "Cookie: session=1",
];

/** The lines of the request that an upstream gets, without those that every request has. */
async function arrived(
  lines: readonly string[],
  corsOrigins: readonly string[] = [],
): Promise<string[]> {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { corsOrigins } });
  const { status } = await rawRequest(proxy.url, ["GET /openai/v1/models HTTP/1.1", TOKEN, ...lines]);
  assertEquals(status, 200);
  const [, ...got] = upstream.requests[0]?.raw.trimEnd().split("\r\n") ?? [];
  return got.filter((line) => !/^(host|authorization|connection):/i.test(line));
}

test("headers of reverse proxies in front end at the proxy, similar ones of the client pass", async () => {
  assertEquals(await arrived([...OF_FRONT, ...OF_CLIENT]), OF_CLIENT);
});

test("an allowed web page: origin, referer, cookies and what a browser says of itself end at the proxy", async () => {
  const lines = ["Origin: https://chat.test", ...OF_PAGE, "Accept: */*"];
  for (const corsOrigins of [["https://chat.test"], ["*"]]) {
    assertEquals(await arrived(lines, corsOrigins), ["Accept: */*"]);
  }
});

test("a program that is not an allowed page: origin, referer and cookies pass", async () => {
  const lines = ["Origin: app://editor", ...OF_PAGE];
  assertEquals(await arrived(lines, ["https://chat.test"]), lines);
  assertEquals(await arrived(OF_PAGE, ["*"]), OF_PAGE);
});
