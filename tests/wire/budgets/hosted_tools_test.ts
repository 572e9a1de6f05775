/** Work of a hosted tool is reserved, or rejected where its cost is unknown. */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";
import { decisions } from "../../support/time/decisions.ts";

const usage = { input_tokens: 200, output_tokens: 50, total_tokens: 250 };
const done = (output: unknown[]) => ({
  body: JSON.stringify({
    id: "resp_1",
    object: "response",
    status: "completed",
    model: "gpt-5-mini",
    output,
    usage,
  }),
});

Deno.test("budgets: a token with a budget cannot run a hosted tool whose cost is unknown", async () => {
  for (
    const tool of [{ type: "image_generation", quality: "high" }, {
      type: "code_interpreter",
      container: { type: "auto" },
    }]
  ) {
    await withBench({
      answer: () => done([{ type: `${tool.type}_call`, status: "completed", result: "…" }]),
      rules: { budget: { total_usd: 0.01 } },
    }, async ({ send }) => {
      let passed = 0;
      for (let i = 0; i < 50; i++) {
        const body = JSON.stringify({
          model: "gpt-5-mini",
          input: "draw",
          max_output_tokens: 50,
          tools: [tool],
        });
        if ((await send("/api/v1/responses", body)).status === 200) passed++;
      }
      assertEquals(passed, 0);
    });
  }
});

for (
  const [what, tools] of Object.entries({
    "OpenAI's web search": [{ type: "web_search" }],
    "OpenAI's remote MCP": [{
      type: "mcp",
      server_label: "a",
      server_url: "https://a.test/sse",
      require_approval: "never",
    }],
  })
) {
  Deno.test(`budgets: reserve = "maximum" lets one request exceed a budget: ${what}`, async () => {
    // Each answer costs 10 searches ($0.10) and 100,000 tokens of pages ($0.025).
    const output = Array.from(
      { length: 10 },
      () => ({ type: "web_search_call", action: { type: "search" } }),
    );
    const release = Promise.withResolvers<void>();
    let arrived = 0;
    await withBench({
      answer: async () => {
        if (++arrived === 30) release.resolve();
        await release.promise;
        return {
          body: JSON.stringify({
            id: `resp_${arrived}`,
            object: "response",
            status: "completed",
            model: "gpt-5-mini",
            output,
            usage: { input_tokens: 100_000, output_tokens: 50, total_tokens: 100_050 },
          }),
        };
      },
      endpoint: { reserve: "maximum" },
      rules: { budget: { total_usd: 0.01 } },
    }, async ({ send }) => {
      const body = JSON.stringify({ model: "gpt-5-mini", input: "x", max_output_tokens: 50, tools });
      const all = await Promise.all(Array.from({ length: 30 }, async () => {
        const { status } = await send("/api/v1/responses", body);
        if (status !== 200 && ++arrived === 30) release.resolve();
        return status;
      }));
      const passed = all.filter((one) => one === 200).length;
      assertLessOrEqual(passed, 1);
    });
  });
}

const GROUNDED: Record<string, [path: string, priceProvider: string, body: unknown, reply: unknown]> = {
  "Gemini's Google Search": ["/api/v1beta/models/gemini-2.5-flash:generateContent", "google", {
    contents: [{ parts: [{ text: "x" }] }],
    tools: [{ googleSearch: {} }],
    generationConfig: { maxOutputTokens: 50 },
  }, {
    modelVersion: "gemini-2.5-flash",
    candidates: [{
      content: { parts: [{ text: "x" }] },
      groundingMetadata: { webSearchQueries: ["a", "b"] },
    }],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 50, totalTokenCount: 55 },
  }],
  "the search of chat completions": ["/api/v1/chat/completions", "openai", {
    model: "gpt-4o-search-preview",
    max_tokens: 50,
    web_search_options: {},
    messages: [{ role: "user", content: "x" }],
  }, {
    model: "gpt-4o-search-preview",
    usage: { prompt_tokens: 5, completion_tokens: 50 },
    choices: [{ finish_reason: "stop", message: { content: "x", annotations: [{ type: "url_citation" }] } }],
  }],
};
for (const [what, [path, priceProvider, body, reply]] of Object.entries(GROUNDED)) {
  Deno.test(`budgets: 50 searches of $0.025 and more exceed a budget of one cent: ${what}`, async () => {
    await withBench({
      answer: () => ({ body: JSON.stringify(reply) }),
      priceProvider,
      rules: { budget: { total_usd: 0.01 } },
    }, async ({ send }) => {
      let passed = 0;
      for (let i = 0; i < 15; i++) if ((await send(path, JSON.stringify(body))).status === 200) passed++;
      assertLessOrEqual(passed, 1);
    });
  });
}

/** Requests with hosted tools that a budget covers, and how many searches each response shows. */
const COVERED: Record<
  string,
  { path: string; priceProvider: string; body: unknown; reply: unknown; micros: number; prices?: boolean }
> = {
  "Anthropic's web search": {
    path: "/api/v1/messages",
    priceProvider: "anthropic",
    body: {
      model: "claude-sonnet-5",
      max_tokens: 50,
      messages: [{ role: "user", content: "x" }],
      tools: [{ name: "Bash", input_schema: { type: "object" } }, {
        type: "web_search_20250305",
        name: "web_search",
        max_uses: 5,
      }],
    },
    reply: {
      model: "claude-sonnet-5",
      usage: { input_tokens: 1_000, output_tokens: 0, server_tool_use: { web_search_requests: 3 } },
    },
    micros: 32_000,
  },
  "Google Search with a price of the configuration": {
    path: "/api/v1beta/models/gemini-2.5-flash:generateContent",
    priceProvider: "google",
    body: { contents: [{ parts: [{ text: "x" }] }], tools: [{ googleSearch: {} }] },
    reply: {
      modelVersion: "gemini-3-flash",
      candidates: [{ groundingMetadata: { webSearchQueries: ["a", "b"] } }],
      usageMetadata: { promptTokenCount: 0, candidatesTokenCount: 10, totalTokenCount: 10 },
    },
    micros: 70_010,
    prices: true,
  },
  "the search of chat completions with a price of the configuration": {
    path: "/api/v1/chat/completions",
    priceProvider: "openai",
    body: {
      model: "gpt-4o-search-preview",
      max_tokens: 50,
      web_search_options: {},
      messages: [{ role: "user", content: "x" }],
    },
    reply: { model: "gpt-4o-search-preview", usage: { prompt_tokens: 0, completion_tokens: 10 } },
    micros: 35_010,
    prices: true,
  },
  "a plugin of a provider that states its costs": {
    path: "/api/v1/chat/completions",
    priceProvider: "openrouter",
    body: {
      model: "openai/gpt-4o:online",
      max_tokens: 50,
      plugins: [{ id: "web" }],
      messages: [{ role: "user", content: "x" }],
    },
    reply: { model: "openai/gpt-4o", usage: { prompt_tokens: 5, completion_tokens: 10, cost: 0.021 } },
    micros: 21_000,
  },
  "Perplexity's searches, which the price of a request includes": {
    path: "/api/chat/completions",
    priceProvider: "perplexity",
    body: { model: "sonar", max_tokens: 50, messages: [{ role: "user", content: "x" }] },
    reply: {
      model: "sonar",
      usage: { prompt_tokens: 5, completion_tokens: 10, cost: { total_cost: 0.012 } },
    },
    micros: 12_000,
  },
  "a tool of a local server": {
    path: "/api/v1/responses",
    priceProvider: "local",
    body: { model: "llama", input: "x", tools: [{ type: "code_interpreter" }] },
    reply: { model: "llama", usage: { input_tokens: 5, output_tokens: 5 } },
    micros: 0,
  },
};
for (const [what, { path, priceProvider, body, reply, micros, prices }] of Object.entries(COVERED)) {
  Deno.test(`budgets: ${what} runs under a budget and is counted`, async () => {
    const own = { model: "*", matches: () => true, input: 1, output: 1, webSearches: 35 };
    await withBench({
      answer: () => ({ body: JSON.stringify(reply) }),
      priceProvider,
      ...(prices && { endpoint: { prices: [own] } }),
      rules: { budget: { total_usd: 1 } },
    }, async ({ send, spent, rows }) => {
      const { status, text } = await send(path, JSON.stringify(body));
      assertEquals(status, 200, text);
      assertEquals(await spent(), micros);
      assertEquals((await rows())[0]?.cost_is_partial, false);
    });
  });
}

Deno.test("budgets: functions of the client reserve no whole context", async () => {
  const { decide, all: decided } = decisions(5);
  await withBench({
    answer: async () => {
      decide();
      await decided;
      return done([]);
    },
    endpoint: { reserve: "maximum" },
    rules: { budget: { total_usd: 0.01 } },
  }, async ({ send }) => {
    const tools = [{ type: "function", name: "web_search", parameters: { type: "object" } }];
    const body = JSON.stringify({ model: "gpt-5-mini", input: "x", max_output_tokens: 50, tools });
    const all = await Promise.all(Array.from({ length: 5 }, () => send("/api/v1/responses", body)));
    assertEquals(all.map(({ status }) => status), Array(5).fill(200));
  });
});

Deno.test("costs: a search whose number a response does not state marks its cost as partial", async () => {
  await withBench({
    answer: () => ({
      body: JSON.stringify({
        model: "gpt-4o-search-preview",
        usage: { prompt_tokens: 5, completion_tokens: 50 },
      }),
    }),
    rules: {},
  }, async ({ send, rows }) => {
    const body = JSON.stringify({
      model: "gpt-4o-search-preview",
      messages: [{ role: "user", content: "x" }],
    });
    await send("/api/v1/chat/completions", body);
    assertEquals((await rows())[0]?.cost_is_partial, true);
  });
});

Deno.test("budgets: a stream that a client leaves counts the searches that it showed", async () => {
  const item = (id: string, type: string) =>
    `data: ${
      JSON.stringify({
        type: `response.output_item.${type}`,
        item: { id, type: "web_search_call", action: { type: "search" } },
      })
    }\n\n`;
  await withBench({
    answer: () => ({
      type: "text/event-stream",
      body: item("ws_1", "added") + item("ws_1", "done") + item("ws_2", "added") + item("ws_2", "done"),
    }),
    rules: { budget: { total_usd: 1 } },
  }, async ({ send, spent, rows }) => {
    const body = JSON.stringify({
      model: "gpt-5-mini",
      input: "x",
      stream: true,
      max_output_tokens: 50,
      tools: [{ type: "web_search" }],
    });
    await send("/api/v1/responses", body);
    assertEquals((await rows())[0]?.usage_source, "estimated");
    // Two searches of $0.01, and 200,000 tokens of pages.
    assertGreater(await spent(), 60_000);
  });
});
