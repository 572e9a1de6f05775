/**
 * The access log with the management plane on: what a request used and cost, as its row in the database has
 * it.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { gzipSync } from "node:zlib";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy, type LogLine } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const JSON_TYPE = "Content-Type: application/json\r\n";
const USED = { prompt_tokens: 1_000, completion_tokens: 200, prompt_tokens_details: { cached_tokens: 100 } };

/** Answers each request with a chat completion of a model. */
function chatUpstream(model: string, { isGzip = false, isStream = false } = {}): FakeUpstream {
  const answer = JSON.stringify({ model, usage: USED, choices: [{ finish_reason: "stop" }] });
  return new FakeUpstream({
    script: async ({ body, write }) => {
      await gather(body());
      if (isStream) {
        const events = `data: ${answer}\n\ndata: [DONE]\n\n`;
        return await write(plainAnswer(events, { headers: "Content-Type: text/event-stream\r\n" }));
      }
      if (!isGzip) return await write(plainAnswer(answer, { headers: JSON_TYPE }));
      const bytes = gzipSync(answer);
      await write(
        `HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Encoding: gzip\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      );
      await write(bytes);
    },
  });
}

/** What a line says of the use. */
function usageOf(line: LogLine): Record<string, unknown> {
  const { model, input_tokens, output_tokens, cached_tokens, cost_usd, usage_source, settlement } = line;
  return { model, input_tokens, output_tokens, cached_tokens, cost_usd, usage_source, settlement };
}

const KINDS = { plain: {}, compressed: { isGzip: true }, streamed: { isStream: true } };
for (const [name, kind] of Object.entries(KINDS)) {
  Deno.test(`access log: model, tokens and cost of a ${name} response are those of its row`, async () => {
    await using upstream = chatUpstream("gpt-4o-mini-2024-07-18", kind);
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    const prices = [{ matches: () => true, input: 0.15, output: 0.6 }];
    const endpoints = [testEndpoint("openai", [testBackend(upstream.origin, { key })], { prices })];
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    const { value } = await proxy.token();
    await (await proxy.chat(value, { model: "gpt-4o-mini" })).text();
    const line = await proxy.proxy.logged("exchange");
    const [row] = (await proxy.api("GET", "/exchanges")).body.data;
    assertEquals(usageOf(line), {
      model: "gpt-4o-mini-2024-07-18",
      input_tokens: 1_000,
      output_tokens: 200,
      cached_tokens: 100,
      cost_usd: 0.000270,
      usage_source: "provider",
      settlement: undefined,
    });
    assertEquals([row.request_id, row.cost_micros], [line["id"], 270]);
    assertEquals([row.model_answered, row.input_tokens], [line["model"], line["input_tokens"]]);
  });
}

Deno.test("access log: without the management plane, it says nothing of models, tokens and cost", async () => {
  await using upstream = chatUpstream("gpt-4o-mini");
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const response = await fetch(`${proxy.url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini" }),
  });
  await response.text();
  const line = await proxy.logged("exchange");
  assertEquals([...new Set(Object.values(usageOf(line)))], [undefined]);
});

Deno.test("access log: a client that is not identified has no model, and its refusal is logged", async () => {
  await using upstream = chatUpstream("gpt-4o-mini");
  await using proxy = await ManagedProxy.start(upstream);
  await (await proxy.chat("wrong-token")).text();
  const line = await proxy.proxy.logged("exchange");
  assertEquals([line["ending"], line["model"], line["cost_usd"]], ["unauthorized", undefined, undefined]);
});

Deno.test("access log: the text of a model is harmless and short, whoever named it", async () => {
  const escapes = "\x1b[31m".repeat(36);
  await using upstream = chatUpstream(`answered${escapes}\r\n"`);
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  await (await proxy.chat(value, { model: `asked\u202e${escapes}` })).text();
  const { model } = await proxy.proxy.logged("exchange");
  assertMatch(String(model), /^answered(?:\\x1b\[31m){20,}.*…$/);
  assertEquals(String(model).length, 200);
  const [row] = (await proxy.api("GET", "/exchanges")).body.data;
  assertMatch(row.model_asked, /^asked\\u202e(?:\\x1b\[31m){20,}.*…$/);
});

Deno.test("access log: a token in the place of a model is in no log and in no row", async () => {
  // `ManagedProxy` searches the log and the database for the tokens that it made.
  await using upstream = chatUpstream("");
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  // The second one is longer than a text in records where its control characters are escaped.
  for (const model of [`to-${value}`, "\x01".repeat(40) + value]) {
    await (await proxy.chat(value, { model })).text();
  }
  const rows: Record<string, unknown>[] = (await proxy.api("GET", "/exchanges")).body.data;
  const models = [`${String.raw`\x01`.repeat(40)}[redacted]`, "to-[redacted]"];
  assertEquals(rows.map((row) => row["model_asked"]), models);
  const lines = proxy.proxy.log.filter(({ event }) => event === "exchange");
  assertEquals(lines.map(({ model }) => model).reverse(), models);
});
