import { assertEquals } from "@std/assert";
import { readModelList, readStoredList, storedListText } from "../../src/catalogue/model_list.ts";

Deno.test("readModelList: the forms of OpenAI, Anthropic, Google, OpenRouter, Groq and Ollama", () => {
  const read = (list: unknown) => readModelList(JSON.stringify(list));
  assertEquals(
    read({ object: "list", data: [{ id: "gpt-5.1", created: 1_700_000_000, owned_by: "system" }] }),
    [
      { id: "gpt-5.1", ownedBy: "system", created: 1_700_000_000 },
    ],
  );
  assertEquals(
    read({
      data: [{ type: "model", id: "claude-5", display_name: "Claude", created_at: "2026-01-01T00:00:00Z" }],
      has_more: false,
    }),
    [{ id: "claude-5", title: "Claude", created: 1_767_225_600 }],
  );
  assertEquals(
    read({
      models: [{
        name: "models/gemini-3.8-flash",
        displayName: "Flash",
        inputTokenLimit: 1_048_576,
        supportedGenerationMethods: ["generateContent"],
      }],
    }),
    [{ id: "gemini-3.8-flash", title: "Flash", contextTokens: 1_048_576, methods: ["generateContent"] }],
  );
  assertEquals(read({ data: [{ id: "openai/gpt-4o", context_length: 128_000 }] }), [
    { id: "openai/gpt-4o", contextTokens: 128_000 },
  ]);
  assertEquals(read({ data: [{ id: "llama", context_window: 131_072 }] }), [
    { id: "llama", contextTokens: 131_072 },
  ]);
  assertEquals(read({ models: [{ name: "qwen3:4b", size: 1 }] }), [{ id: "qwen3:4b" }]);
});

Deno.test("readModelList: odd members are left out, a name counts once, and the rest is not a list", () => {
  const data = [
    { id: "a", created: -1, owned_by: 7, context_length: "long", display_name: "x\u202e" },
    { id: "a", owned_by: "other" },
    { id: "" },
    { id: "b".repeat(201) },
    { id: "\u0000" },
    null,
    7,
  ];
  assertEquals(readModelList(JSON.stringify({ data })), [{ id: "a" }]);
  for (const text of ["", "{}", '{"data":{}}', "7", "null", '{"data":', '{"error":{"message":"no"}}']) {
    assertEquals(readModelList(text), undefined, text);
  }
  const long = { data: Array.from({ length: 6_000 }, (_, index) => ({ id: `m${index}` })) };
  assertEquals(readModelList(JSON.stringify(long))?.length, 5_000);
});

Deno.test("storedListText: a list is the same after it was kept, and belongs to its addresses", () => {
  const models = [
    { id: "a", title: "A", ownedBy: "o", created: 5, contextTokens: 9, methods: ["generateContent"] },
    { id: "o", ollama: { size: 7, digest: "sha256:1", details: { family: "qwen3", families: ["qwen3"] } } },
    { id: "b" },
  ];
  const text = storedListText("http://a.test", models);
  assertEquals(readStoredList(text, "http://a.test"), models);
  assertEquals(readStoredList(text, "http://b.test"), undefined);
  assertEquals(readStoredList("{", "http://a.test"), undefined);
});
