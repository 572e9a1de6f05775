/** An upstream that tries to speak for the proxy, as clients on real sockets see it. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ALLOWED_RESPONSE_LINES, HOSTILE_RESPONSE_LINES } from "../../support/upstreams/hostile_response.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const HOSTILE_NAMES = new Set(
  HOSTILE_RESPONSE_LINES.map((line) => line.split(":", 1)[0]?.toLowerCase() ?? "").filter((name) =>
    name !== "set-cookie"
  ),
);

function hostileUpstream(): FakeUpstream {
  const lines = [...HOSTILE_RESPONSE_LINES, ...ALLOWED_RESPONSE_LINES, "Content-Type: text/html", ""];
  return new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer("<script>alert(1)</script>", { headers: lines.join("\r\n") })),
  });
}

function check(headers: readonly (readonly [name: string, value: string])[]): void {
  const values = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value);
  assertEquals(headers.filter(([name]) => HOSTILE_NAMES.has(name)), []);
  assertEquals(values("set-cookie"), [
    "__cflb=abc; HttpOnly; Path=/openai",
    "session=llm_proxy_session",
  ]);
  assertEquals(values("x-content-type-options"), ["nosniff"]);
  assertEquals(values("content-security-policy").join(", "), "default-src 'none', sandbox");
  for (const line of ALLOWED_RESPONSE_LINES) {
    const [name = ""] = line.split(":", 1);
    assert(values(name.toLowerCase()).length > 0, `${name} is there`);
  }
}

Deno.test("HTTP/1.1: an upstream's orders to browsers and reverse proxies stay behind", async () => {
  await using upstream = hostileUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const answer = await rawRequest(proxy.url, [
    "GET /openai/v1/models HTTP/1.1",
    `Authorization: Bearer ${SECRETS.proxyToken}`,
  ]);
  assertEquals(answer.status, 200);
  check(answer.headers.map(([name, value]) => [name.toLowerCase(), value]));
});

Deno.test("HTTP/2: an upstream's orders to browsers and reverse proxies stay behind", async () => {
  await using upstream = hostileUpstream();
  const tls = { cert: pem("cert.pem"), key: pem("key.pem"), files: [] };
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { tls } });
  using client = Deno.createHttpClient({ caCerts: [pem("ca.pem")], http1: false, http2: true });
  const response = await fetch(`https://localhost:${new URL(proxy.url).port}/openai/v1/models`, {
    client,
    headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
  });
  assertEquals([response.status, await response.text()], [200, "<script>alert(1)</script>"]);
  check([...response.headers]);
});

Deno.test("the cookie of the admin page never goes upstream, others go byte for byte", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  await rawRequest(proxy.url, [
    "GET /openai/v1/models HTTP/1.1",
    `Authorization: Bearer ${SECRETS.proxyToken}`,
    "Cookie: a=1;  b=2 ; llm_proxy_session_33000=planted; c",
    "Cookie: LLM_proxy_session=planted",
  ]);
  assert(!/planted|proxy_session/i.test(upstream.received), upstream.received);
  assertEquals(upstream.requests[0]?.header("cookie"), "a=1;  b=2 ; c");
});

for (
  const line of [
    "Sec-Fetch-Mode: navigate",
    "sec-fetch-mode: Navigate",
    ...["document", "iframe", "frame", "object", "embed"].map((dest) => `Sec-Fetch-Dest: ${dest}`),
  ]
) {
  Deno.test(`${line}: a token in the query opens nothing, and the 401 says why`, async () => {
    await using upstream = new FakeUpstream();
    await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
    const target = `/openai/v1/models?key=${SECRETS.proxyToken}`;
    const shown = await rawRequest(proxy.url, [`GET ${target} HTTP/1.1`, line]);
    assertEquals([shown.status, shown.header("x-llm-proxy-error")], [401, "unauthorized"]);
    assert(shown.text.includes("A browser opened this as a page"), shown.text);
    assertEquals(upstream.requests.length, 0);
    const inHeader = await rawRequest(proxy.url, [
      `GET ${target} HTTP/1.1`,
      line,
      `Authorization: Bearer ${SECRETS.proxyToken}`,
    ]);
    assertEquals(inHeader.status, 200);
    const asked = await rawRequest(proxy.url, [
      `GET ${target} HTTP/1.1`,
      "Sec-Fetch-Mode: cors",
      "Sec-Fetch-Dest: empty",
    ]);
    assertEquals(asked.status, 200);
    assert(!upstream.received.includes(SECRETS.proxyToken));
  });
}
