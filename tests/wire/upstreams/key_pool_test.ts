/** Several keys of one provider, on real sockets. */

import { assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

Deno.test("api_keys: a provider that counts requests for each key serves the requests of all of its keys", async () => {
  const left = new Map<string, number>();
  const served: string[] = [];
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      const key = (exchange.request.header("authorization") ?? "").slice(-1);
      const remaining = (left.get(key) ?? 5) - 1;
      left.set(key, remaining);
      const headers = `X-RateLimit-Limit-Requests: 5\r\nX-RateLimit-Remaining-Requests: ${
        Math.max(0, remaining)
      }\r\nX-RateLimit-Reset-Requests: 1h0m0s\r\n`;
      if (remaining < 0) {
        return await exchange.write(plainAnswer("full", { status: "429 Too Many", headers }));
      }
      served.push(key);
      await exchange.write(plainAnswer(key, { headers }));
    },
  });
  const backends = ["1", "2", "3"].map((number) =>
    testBackend(upstream.origin, {
      name: `p#${number}`,
      pool: 0,
      key: { mode: "inject", value: `${SECRETS.openaiKey}-${number}` },
    })
  );
  await using proxy = new LocalProxy(upstream, {
    endpoints: [testEndpoint("chat", backends, { affinity: {} })],
  });
  const ask = async () => {
    const body = `{"model":"m"}`;
    const { status } = await rawRequest(proxy.url, [
      "POST /chat/v1/chat/completions HTTP/1.1",
      `Authorization: Bearer ${SECRETS.proxyToken}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ], body);
    return status;
  };
  for (let count = 0; count < 15; count++) assertEquals(await ask(), 200);
  assertEquals(served.sort().join(""), "111112222233333");
  assertEquals(upstream.requests.length, 15, "no request met a full key");
  assertEquals(await ask(), 429, "all keys are full");
});
