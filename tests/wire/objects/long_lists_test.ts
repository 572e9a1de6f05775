/** Lists that the proxy filters: how many requests at the provider one request becomes. */

import { assert, assertEquals } from "@std/assert";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const JSON_TYPE = "Content-Type: application/json\r\n";

/**
 * A proxy with a token for which an upstream's lists are filtered. The upstream answers by the target of a
 * request.
 */
async function withList(
  answer: (target: string) => string,
  rules: Parameters<ManagedProxy["token"]>[0],
  test: (parts: { proxy: ManagedProxy; upstream: FakeUpstream; token: string }) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer(answer(exchange.request.target), { headers: JSON_TYPE })),
  });
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("lab", [backend], { filterModels: true })],
  });
  const { value } = await proxy.token({ allowed_models: ["own*"], ...rules });
  await test({ proxy, upstream, token: value });
}

const list = async (proxy: ManagedProxy, token: string) => {
  const response = await fetch(`${proxy.url}/lab/v1/models`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { response, body: await response.json() };
};

Deno.test("long lists: further pages count for the requests per minute of the token", () => {
  let page = 0;
  const more = () => JSON.stringify({ data: [{ id: `other-${++page}` }], has_more: true });
  return withList(more, { limits: { requests_per_minute: 4 } }, async ({ proxy, upstream, token }) => {
    const { response } = await list(proxy, token);
    assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [429, "rate_limited"]);
    assertEquals(upstream.requests.map(({ target }) => target), [
      "/v1/models",
      "/v1/models?limit=100&after=other-1",
      "/v1/models?limit=100&after=other-2",
      "/v1/models?limit=100&after=other-3",
    ]);
    assertEquals((await list(proxy, token)).response.status, 429);
    assertEquals(upstream.requests.length, 4);
  });
});

Deno.test("long lists: the client gets an error instead of an empty list after ten pages", () => {
  let page = 0;
  const more = () => JSON.stringify({ data: [{ id: `other-${++page}` }], has_more: true });
  return withList(more, {}, async ({ proxy, upstream, token }) => {
    const { response, body: { error } } = await list(proxy, token);
    assertEquals([response.status, upstream.requests.length], [400, 10]);
    assert(error.message.includes("The first 10 elements are all removed"), error.message);
    assert(error.message.includes("with after"), error.message);
  });
});
