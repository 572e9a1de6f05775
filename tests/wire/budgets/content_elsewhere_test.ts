/** Content outside of the body is reserved as a whole context, however the body refers to it. */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";
import { decisions } from "../../support/time/decisions.ts";

const cases: Record<string, [path: string, body: unknown]> = {
  "an item of an earlier response": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: [{ type: "item_reference", id: "msg_1" }, { role: "user", content: "?" }],
  }],
  "OpenRouter's file_data with an address": ["/api/v1/chat/completions", {
    model: "gpt-4o",
    max_tokens: 16,
    messages: [{
      role: "user",
      content: [{ type: "file", file: { filename: "a.pdf", file_data: "https://a.test/a.pdf" } }],
    }],
  }],
  "a conversation as an object": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: "x",
    conversation: { id: "conv_1" },
  }],
  "attached files": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: [{ role: "user", content: "?", attachments: [{ file_ids: ["file_1"] }] }],
  }],
  "an earlier answer in sound": ["/api/v1/chat/completions", {
    model: "gpt-4o",
    max_tokens: 16,
    messages: [{ role: "assistant", audio: { id: "audio_1" } }, { role: "user", content: "?" }],
  }],
  "Azure's data sources": ["/api/v1/chat/completions", {
    model: "gpt-4o",
    max_tokens: 16,
    messages: [{ role: "user", content: "?" }],
    data_sources: [{ type: "azure_search", parameters: { endpoint: "https://a.test", index_name: "x" } }],
  }],
  "control: a conversation as a text": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: "x",
    conversation: "conv_1",
  }],
  "a remote MCP server": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: "x",
    tools: [{ type: "mcp", server_label: "a", server_url: "https://a.test" }],
  }],
  "control: previous_response_id": ["/api/v1/responses", {
    model: "gpt-4o",
    max_output_tokens: 16,
    input: "x",
    previous_response_id: "resp_1",
  }],
};
for (const [what, [path, body]] of Object.entries(cases)) {
  Deno.test(`budgets: ${what} is reserved as a whole context`, async () => {
    const { decide, all: decided } = decisions(10);
    await withBench({
      answer: async () => {
        decide();
        await decided;
        return {
          body: JSON.stringify({
            id: "r",
            status: "completed",
            model: "gpt-4o",
            usage: {
              input_tokens: 100_000,
              output_tokens: 16,
              prompt_tokens: 100_000,
              completion_tokens: 16,
            },
          }),
        };
      },
      endpoint: { reserve: "maximum" },
      rules: { budget: { total_usd: 0.1 } },
    }, async ({ send }) => {
      const all = await Promise.all(Array.from({ length: 10 }, async () => {
        const { status } = await send(path, JSON.stringify(body));
        if (status !== 200) decide();
        return status;
      }));
      const passed = all.filter((one) => one === 200).length;
      assertEquals(passed, 1);
    });
  });
}
