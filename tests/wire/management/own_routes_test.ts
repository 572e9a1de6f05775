/**
 * Requests that the proxy answers itself, once their client is identified, are in the usage and the metrics.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

Deno.test("exchanges: the proxy's own routes have a row and count in the metrics, and not towards limits", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const token = await proxy.token();
  const headers = { authorization: `Bearer ${token.value}` };
  for (const path of ["/health/stream", "/health/endpoints"]) {
    const response = await fetch(proxy.url + path, { headers });
    assertEquals(response.status, 200);
    await response.text();
  }
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(
    body.data.map(({ path, status, ending, token_id, endpoint, attempts }: Record<string, unknown>) => [
      path,
      status,
      ending,
      token_id,
      endpoint,
      attempts,
    ]),
    ["/health/endpoints", "/health/stream"].map((path) => [path, 200, "complete", token.id, null, 0]),
  );
  assertStringIncludes(
    await proxy.metrics(),
    'llm_proxy_exchanges_total{endpoint="none",provider="none",status="2xx",ending="complete"} 2',
  );
  assertEquals((await proxy.api("GET", `/tokens/${token.id}`)).body.request_count, 0);
  assertEquals(upstream.requests.length, 0);
});
