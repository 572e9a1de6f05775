/** A WebSocket that joins a call of OpenAI's realtime API sees only a part of its work. */

import { assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { openWebSocket, WebSocketUpstream } from "../../support/clients/websocket.ts";

for (
  const [what, rules, query, expected] of [
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&call_id=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&call%5Fid=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime;call_id=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&call_id%00=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&call_id%5B%5D=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&call.id=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&%EF%BD%83all_id=rtc_1", 403],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&recall_id=1", 101],
    ["a budget", { budget: { total_usd: 100 } }, "api-version=2024-10-01-preview&model=gpt-realtime", 101],
    ["a rule for models", { allowed_models: ["gpt-realtime"] }, "model=gpt-realtime&call_id=rtc_1", 403],
    ["no rule", {}, "call_id=rtc_1", 101],
    ["a budget", { budget: { total_usd: 100 } }, "model=gpt-realtime&user=call_id", 101],
  ] as const
) {
  ownEngineTests("webSocket").test(
    `a token with ${what} gets ${expected} for /realtime?${query}`,
    async () => {
      await using plain = new FakeUpstream();
      await using upstream = new WebSocketUpstream();
      const backend = testBackend(upstream.origin, {
        path: "/v1",
        key: { mode: "inject", value: SECRETS.openaiKey },
      });
      await using proxy = await ManagedProxy.start(plain, {
        endpoints: [testEndpoint("openai", [backend], { priceProvider: "openai" })],
      });
      const { value } = await proxy.token(rules);
      const next = upstream.next().then(({ peer }) => peer[Symbol.dispose](), () => {});
      const { peer, status } = await openWebSocket(proxy.url, `/openai/v1/realtime?${query}`, [
        `Authorization: Bearer ${value}`,
      ]);
      peer[Symbol.dispose]();
      if (status === 101) await next;
      assertEquals(status, expected);
    },
  );
}
