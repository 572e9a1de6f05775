/** Prices that a reload changes while a request or an object of a provider runs. */

import { assertEquals, assertGreater } from "@std/assert";
import { priceFileText } from "../../../src/accounting/prices/price_list.ts";
import type { Endpoint } from "../../../src/config/config.ts";
import { Management } from "../../bench/soak/management.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { unless, withoutLinux } from "../../support/runner/left_out.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { copiedList, providerIn } from "../../support/data/price_lists.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { ask, makeToken, ObjectProxies, spentBy } from "../../support/proxies/object_proxy.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ObjectUpstream, USED } from "../../support/upstreams/object_upstream.ts";

const BACKGROUND = { model: "bill-1", input: "x", background: true, max_output_tokens: 5_000 };
const own = (input: number, output: number): Partial<Endpoint> => ({
  prices: [{ matches: (model) => model === "bill-1", input, output }],
});
const OBJECT_COST = USED.input_tokens * 2 + USED.output_tokens * 10;

function endpointAt(origin: string, settings: Partial<Endpoint>): Endpoint {
  return testEndpoint("openai", [testBackend(origin, { key: { mode: "inject", value: "K" } })], settings);
}

const CASES: [name: string, before: Partial<Endpoint>, after: Partial<Endpoint>, costMicros: number][] = [
  ["a lower price", own(2, 10), own(1, 1), OBJECT_COST],
  ["a server that costs nothing", own(2, 10), { priceProvider: "local" }, OBJECT_COST],
  ["no price", own(2, 10), {}, OBJECT_COST],
  ["a price in the place of none", { priceProvider: "local" }, own(2, 10), 0],
  ["no price in the place of none", { priceProvider: "local" }, {}, 0],
];
for (const [name, before, after, costMicros] of CASES) {
  Deno.test(`reload: a background response costs the prices of its request, over a reload to ${name}`, async () => {
    await using upstream = new ObjectUpstream();
    const endpoints = [endpointAt(upstream.origin, before)];
    await using managed = await ManagedProxy.start(upstream, { endpoints });
    const { value, id: tokenId } = await managed.token({ budget: { total_usd: 1 } });
    const made = await managed.chat(value, BACKGROUND, { path: "/openai/v1/responses" });
    const { id } = await made.json();
    const { proxy } = managed;
    proxy.configure({ ...proxy.config, endpoints: [endpointAt(upstream.origin, after)] });
    upstream.end(id);
    const headers = { authorization: `Bearer ${value}` };
    await (await fetch(`${managed.url}/openai/v1/responses/${id}`, { headers })).text();
    const [settled] = (await managed.api("GET", `/exchanges?token_id=${tokenId}`)).body.data
      .filter(({ settlement }: { settlement: string | null }) => settlement === "settled");
    assertEquals([settled.cost_micros, settled.usage_source], [costMicros, "provider"]);
    assertEquals((await managed.api("GET", `/tokens/${tokenId}`)).body.spent.total_micros, costMicros);
  });
}

Deno.test({
  ...unless(
    withoutLinux(),
    "reload: background responses keep their prices, whichever thread gets their end",
  ),
  async fn() {
    await using upstream = new ObjectUpstream();
    await using proxies = await ObjectProxies.at(upstream.origin);
    const proxy = await proxies.start({ WORKERS: "2" });
    const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
    // Each request has a connection of its own, so that both threads get some.
    const send = async (line: string, body = ""): Promise<string> => {
      const fields = [`Authorization: Bearer ${token.value}`, "Content-Type: application/json"];
      if (body !== "") fields.push(`Content-Length: ${body.length}`);
      const { status, text } = await rawRequest(proxy.url, [`${line} HTTP/1.1`, ...fields], body);
      assertEquals(status, 200, text);
      return text;
    };
    const ids: string[] = [];
    for (let made = 0; made < 8; made++) {
      ids.push(JSON.parse(await send("POST /openai/v1/responses", JSON.stringify(BACKGROUND))).id);
    }
    const file = `${proxies.folder}/config.toml`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace("input = 2, output = 10", "input = 1, output = 1"));
    await new Management(proxy.url).ask("POST", "/reload");
    for (const id of ids) {
      upstream.end(id);
      await send(`GET /openai/v1/responses/${id}`);
    }
    assertEquals(await spentBy(proxy, token), ids.length * OBJECT_COST);
  },
});

Deno.test("a background response counts its reservation if nothing costs money after a restart", async () => {
  await using upstream = new ObjectUpstream();
  await using proxies = await ObjectProxies.at(upstream.origin);
  const before = await proxies.start();
  const token = await makeToken(before, "anna", { budget: { total_usd: 1 } });
  const made = await ask(before, token, { method: "POST", path: "/v1/responses", body: BACKGROUND });
  const { id } = JSON.parse(made.text);
  await proxies.kill(before);
  const file = `${proxies.folder}/config.toml`;
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(/^prices = .*$/m, 'price_provider = "local"'));
  const after = await proxies.start();
  upstream.end(id);
  assertEquals((await ask(after, token, { path: `/v1/responses/${id}` })).status, 200);
  assertGreater(await spentBy(after, token), BACKGROUND.max_output_tokens * 10);
});

for (const isRestarted of [false, true]) {
  Deno.test(
    `a client cannot choose the prices of a background response by where it reads it, ${
      isRestarted ? "after a restart" : "in the process that made it"
    }`,
    async () => {
      await using upstream = new ObjectUpstream();
      const cheap = `[endpoints.cheap]
provider = "openai"
api_key = "${SECRETS.openaiKey}"
base_url = "${upstream.origin}"
prices = { "bill-*" = { input = 0.001, output = 0.001 } }`;
      await using proxies = await ObjectProxies.at(upstream.origin, cheap);
      let proxy = await proxies.start();
      const token = await makeToken(proxy, "anna", { budget: { total_usd: 1 } });
      const made = await ask(proxy, token, { method: "POST", path: "/v1/responses", body: BACKGROUND });
      const { id } = JSON.parse(made.text);
      if (isRestarted) {
        await proxies.kill(proxy);
        proxy = await proxies.start();
      }
      upstream.end(id);
      assertEquals((await ask(proxy, token, { endpoint: "cheap", path: `/v1/responses/${id}` })).status, 200);
      assertEquals(await spentBy(proxy, token), OBJECT_COST);
    },
  );
}

Deno.test("reload: a request without a budget costs the price of its admission, although a new list lacks its model", async () => {
  const folder = await Deno.makeTempDir();
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const usage = { prompt_tokens: 0, completion_tokens: 1_000, total_tokens: 1_000 };
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      const text = new TextDecoder().decode(await gather(exchange.body()));
      if (text.includes("slow")) await mayEnd;
      const answer = JSON.stringify({ id: "c", model: "gpt-4o-mini", choices: [], usage });
      await exchange.write(plainAnswer(answer, { headers: "Content-Type: application/json\r\n" }));
    },
  });
  const path = `${folder}/prices.json`;
  const management: ManagedOptions["management"] = { pricesFile: { path, isNamed: true } };
  {
    const endpoints = [endpointAt(upstream.origin, { priceProvider: "openai" })];
    await using managed = await ManagedProxy.start(upstream, { endpoints, management });
    const { value, id } = await managed.token();
    const chat = async (model: string): Promise<void> =>
      void await (await managed.chat(value, { model, messages: [{ role: "user", content: "x" }] })).text();
    const costOf = async (model: string): Promise<number | null> =>
      (await managed.api("GET", `/exchanges?token_id=${id}`)).body.data
        .find(({ model_asked }: { model_asked: string }) => model_asked === model)?.cost_micros;
    const arrived = upstream.nextRequest();
    const running = chat("slow/gpt-4o-mini");
    await arrived;
    const providers = await copiedList((list) => {
      const openai = providerIn(list, "openai");
      openai.models = openai.models.filter(({ id }: { id: string }) => !id.startsWith("gpt-4o"));
    });
    await Deno.writeTextFile(path, priceFileText({ date: "2026-11-30", providers }));
    managed.proxy.configure(managed.proxy.config);
    await until(async () => {
      await chat("gpt-4o-mini");
      return await costOf("gpt-4o-mini") === null;
    }, "the new list");
    end();
    await running;
    assertEquals(await costOf("slow/gpt-4o-mini"), 600);
  }
  await Deno.remove(folder, { recursive: true });
});
