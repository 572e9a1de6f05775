/** Spans, as a collector gets them from the runtime's own exporter. */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { unless } from "../../support/runner/left_out.ts";
import { proxyEnv, ProxyProcess, withBinary } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

Deno.test({
  ...unless(
    withBinary(),
    "OTEL_DENO: one span per exchange and attempt, within the client's trace, with GenAI's names and no content",
  ),
  async fn() {
    const spans: Span[] = [];
    let everything = "";
    const arrived = Promise.withResolvers<void>();
    const collector = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
      const text = await request.text();
      everything += text;
      if (new URL(request.url).pathname === "/v1/traces") {
        for (const { scopeSpans } of JSON.parse(text).resourceSpans) {
          for (const { spans: own } of scopeSpans) spans.push(...own);
        }
        if (spans.length >= 3) arrived.resolve();
      }
      return Response.json({});
    });
    const folder = await Deno.makeTempDir();
    let asked = 0;
    await using upstream = new FakeUpstream({
      script: async ({ body, write }) => {
        for await (const _ of body()) { /* all of it */ }
        await write(
          ++asked === 1 ? plainAnswer("{}", { status: "503 Service Unavailable" }) : plainAnswer(
            '{"model":"gpt-4o-mini-2024-07-18","usage":{"prompt_tokens":3,"completion_tokens":4}}',
            {
              headers: "Content-Type: application/json\r\n",
            },
          ),
        );
      },
    });
    const config = `${folder}/config.toml`;
    await Deno.writeTextFile(
      config,
      `[endpoints.openai]
price_provider = "openai"
backends = [{ name = "one", base_url = "${upstream.origin}/a" }, { name = "two", base_url = "${upstream.origin}/b" }]
`,
    );
    {
      await using proxy = await ProxyProcess.startWith({
        ...proxyEnv({ upstream: upstream.origin }),
        ENDPOINTS: "openai",
        CONFIG_PATH: config,
        MANAGEMENT_TOKEN: SECRETS.managementToken,
        DATABASE_URL: `sqlite:${folder}/x.db`,
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
        OTEL_DENO_CONSOLE: "ignore",
        OTEL_METRIC_EXPORT_INTERVAL: "100000",
        OTEL_BSP_SCHEDULE_DELAY: "100",
      });
      const response = await fetch(`${proxy.url}/openai/v1/chat/completions?q=${SECRETS.prompt}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${SECRETS.proxyToken}`,
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: SECRETS.prompt }] }),
      });
      assertEquals((await response.json()).usage.prompt_tokens, 3);
      await arrived.promise;
    }
    await collector.shutdown();
    await Deno.remove(folder, { recursive: true });
    assertNoSecrets(everything, "what the collector got");
    const [exchange] = spans.filter(({ name }) => name === "chat gpt-4o-mini");
    assert(exchange !== undefined, spans.map(({ name }) => name).join());
    assertEquals([exchange.traceId, exchange.parentSpanId, exchange.kind], [
      "0af7651916cd43dd8448eb211c80319c",
      "b7ad6b7169203331",
      2,
    ]);
    const attributes = new Map(exchange.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
    assertEquals(
      ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.response.model", "llm_proxy.endpoint"].map((
        key,
      ) => attributes.get(key)),
      ["chat", "openai", "gpt-4o-mini-2024-07-18", "openai"],
    );
    assertEquals(Number(attributes.get("gen_ai.usage.output_tokens")), 4);
    const attempts = spans.filter(({ parentSpanId }) => parentSpanId === exchange.spanId);
    assertEquals(attempts.map(({ name, kind }) => [name, kind]), [["attempt one", 3], ["attempt two", 3]]);
    for (const { startTimeUnixNano, endTimeUnixNano } of attempts) {
      assert(BigInt(startTimeUnixNano) >= BigInt(exchange.startTimeUnixNano));
      assert(BigInt(endTimeUnixNano) <= BigInt(exchange.endTimeUnixNano));
    }
  },
});
