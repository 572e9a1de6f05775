/**
 * What a budget refuses before anything is sent, and what it lets pass, in the proxy as it is put together.
 */

import { assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";

async function outcome(response: Response): Promise<[number, string | null]> {
  await response.body?.cancel();
  return [response.status, response.headers.get("x-llm-proxy-error")];
}

/** An upstream that answers every request with an empty object. */
function answering(): FakeUpstream {
  return new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer("{}", { headers: "Content-Type: application/json\r\n" }));
    },
  });
}

Deno.test("a budget: batches and fine-tuning are refused before anything is sent, other tokens begin them", async () => {
  await using upstream = answering();
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  const priced = testEndpoint("openai", [backend], { priceProvider: "openai" });
  await using proxy = await ManagedProxy.start(upstream, { endpoints: [priced] });
  const { value: bounded } = await proxy.token({ budget: { total_usd: 1 } });
  const { value: free } = await proxy.token();
  const begin = (token: string, path: string, method = "POST") =>
    fetch(`${proxy.url}/openai${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(method === "POST" && { body: "{}" }),
    }).then(outcome);
  for (const path of ["/v1/batches", "/v1/messages/batches", "/v1/fine_tuning/jobs"]) {
    assertEquals(await begin(bounded, path), [403, "forbidden"], path);
    assertEquals(upstream.requests.length, 0);
  }
  assertEquals(await begin(bounded, "/v1/batches", "GET"), [200, null], "to look at them costs nothing");
  assertEquals(await begin(free, "/v1/batches"), [200, null]);
});
