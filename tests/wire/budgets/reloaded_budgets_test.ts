/** Budgets that a reload or a change gives to tokens which have spent before. */

import { assertEquals } from "@std/assert";
import type { Rules } from "../../../src/principal.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const BODY = { model: "gpt-4o-mini", max_tokens: 1_000, messages: [{ role: "user", content: "x" }] };
const ANSWER = JSON.stringify({
  id: "c",
  model: "gpt-4o-mini",
  choices: [{ message: { content: "x" } }],
  usage: { prompt_tokens: 0, completion_tokens: 1_000, total_tokens: 1_000 },
});
/** The cost of {@link ANSWER}: a million tokens of output cost $0.60. */
const COST_MICROS = 600;

async function withShared(
  test: (ask: () => Promise<number>, limit: (rules: Rules | undefined) => void) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer(ANSWER, { headers: "Content-Type: application/json\r\n" }));
    },
  });
  const endpoints = [
    testEndpoint("openai", [testBackend(upstream.origin, { key: { mode: "inject", value: "K" } })], {
      priceProvider: "openai",
    }),
  ];
  await using managed = await ManagedProxy.start(upstream, { endpoints });
  const { proxy } = managed;
  const limit = (rules: Rules | undefined): void =>
    proxy.configure({
      ...proxy.config,
      auth: { mode: "token", tokens: [{ name: "shared", token: SECRETS.proxyToken, ...rules && { rules } }] },
    });
  const ask = async (): Promise<number> => {
    const response = await managed.chat(SECRETS.proxyToken, BODY);
    await response.text();
    return response.status;
  };
  await test(ask, limit);
}

Deno.test("reload: the first budget of a token of the configuration includes what the token has spent", async () => {
  await withShared(async (ask, limit) => {
    for (let sent = 0; sent < 5; sent++) assertEquals(await ask(), 200);
    limit({ totalBudgetMicros: 5 * COST_MICROS });
    assertEquals(await ask(), 429);
    limit({ dayBudgetMicros: 5 * COST_MICROS + 1 });
    assertEquals(await ask(), 200);
    assertEquals(await ask(), 429);
  });
});

Deno.test("reload: a token of the configuration keeps its count while it has no rules", async () => {
  await withShared(async (ask, limit) => {
    limit({ totalBudgetMicros: 5 * COST_MICROS });
    assertEquals(await ask(), 200);
    limit(undefined);
    for (let sent = 0; sent < 5; sent++) assertEquals(await ask(), 200);
    limit({ totalBudgetMicros: 5 * COST_MICROS });
    assertEquals(await ask(), 429);
    limit({ maxRequests: 6 });
    assertEquals(await ask(), 429);
    limit({ maxRequests: 7 });
    assertEquals(await ask(), 200);
  });
});
