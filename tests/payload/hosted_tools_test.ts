import { assertEquals, assertRejects } from "@std/assert";
import { alwaysSearches } from "../../src/payload/hosted_tools.ts";
import { JsonSyntaxError } from "../../src/payload/json_reader.ts";
import { readJsonObject } from "../../src/payload/models_in_json.ts";
import { createPause } from "../../src/payload/pace.ts";

async function toolsIn(body: unknown): Promise<Record<string, string>> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const { hostedTools } = await readJsonObject(new TextEncoder().encode(text), {
    operation: "responses",
    pause: createPause(),
  });
  return Object.fromEntries(hostedTools.map(({ name, charge }) => [name, charge]));
}

const SCHEMA = { type: "object", properties: { type: { type: "string" }, googleSearch: { type: "string" } } };
/** Bodies of clients whose tools are all functions of the client. */
const CLIENT: Record<string, unknown> = {
  "no tools": { tools: [] },
  "null": { tools: null, plugins: null, web_search_options: null },
  "chat completions": { tools: [{ type: "function", function: { name: "web_search", parameters: SCHEMA } }] },
  "responses": {
    tools: [
      { type: "function", name: "a", parameters: SCHEMA, strict: true },
      { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "…" } },
      { type: "local_shell" },
      { type: "shell" },
      { type: "apply_patch" },
      { type: "computer_use_preview", display_width: 1024, display_height: 768, environment: "browser" },
      { type: "namespace", name: "n", tools: [{ type: "function", name: "b", parameters: SCHEMA }] },
      { type: "tool_search" },
    ],
  },
  "messages": {
    tools: [
      { name: "Bash", description: "…", input_schema: SCHEMA, cache_control: { type: "ephemeral" } },
      { type: "custom", name: "Read", input_schema: SCHEMA, a_new_member: true },
      { type: null, name: "Edit", input_schema: SCHEMA, a_new_member: true },
      { type: "bash_20250124", name: "bash" },
      { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
      { type: "computer_20250124", name: "computer" },
      { type: "memory_20250818", name: "memory" },
      { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" },
    ],
  },
  "Gemini": {
    tools: [
      { functionDeclarations: [{ name: "web", parameters: SCHEMA }] },
      {
        function_declarations: [{ name: "b", parametersJsonSchema: SCHEMA }],
      },
      { computerUse: { environment: "ENVIRONMENT_BROWSER" } },
      {},
    ],
    toolConfig: { functionCallingConfig: { mode: "ANY" } },
  },
  "Bedrock": {
    toolConfig: {
      tools: [{ toolSpec: { name: "a", inputSchema: { json: SCHEMA } } }, {
        cachePoint: { type: "default" },
      }],
    },
  },
  "Cohere": { tools: [{ name: "a", description: "…", parameter_definitions: {} }], connectors: [] },
  "data of the client": {
    metadata: { tools: [{ type: "web_search" }] },
    messages: [{ role: "user", content: '{"tools":[{"type":"web_search"}]}' }, {
      role: "assistant",
      tool_calls: [{ id: "1", type: "function", function: { name: "a", arguments: "{}" } }],
    }],
    tool_choice: { type: "function", name: "a" },
  },
  "switched off": { plugins: [], search_parameters: null, enable_search: false },
};
for (const [what, body] of Object.entries(CLIENT)) {
  Deno.test(`hostedTools: ${what} has no hosted tool`, async () => assertEquals(await toolsIn(body), {}));
}

const HOSTED: Record<string, [body: unknown, expected: Record<string, string>]> = {
  "responses": [{
    tools: [
      { type: "function", name: "a" },
      { type: "web_search", external_web_access: false },
      { type: "web_search_preview_2025_03_11" },
      { type: "file_search", vector_store_ids: ["vs_1"] },
      { type: "code_interpreter", container: { type: "auto" } },
      { type: "image_generation" },
      { type: "mcp", server_label: "a", server_url: "https://a.test" },
      { type: "shell", environment: { type: "container_auto" } },
      { type: "a_new_tool" },
    ],
  }, {
    "web_search": "web searches",
    "web_search_preview_2025_03_11": "web searches",
    "file_search": "file searches",
    "code_interpreter": "unknown",
    "image_generation": "unknown",
    "mcp": "tokens",
    "shell": "unknown",
    "a_new_tool": "unknown",
  }],
  "messages": [{
    tools: [
      { type: "web_search_20250305", name: "web_search", max_uses: 5 },
      { type: "web_fetch_20250910", name: "web_fetch" },
      { type: "code_execution_20250825", name: "code_execution" },
    ],
    mcp_servers: [{ type: "url", url: "https://a.test", name: "a" }],
  }, {
    "web_search_20250305": "web searches",
    "web_fetch_20250910": "tokens",
    "code_execution_20250825": "unknown",
    "mcp_servers": "tokens",
  }],
  "Gemini": [{
    tools: [
      { functionDeclarations: [], googleSearch: {} },
      { google_search_retrieval: {} },
      { urlContext: {} },
      {
        codeExecution: {},
      },
      { googleMaps: {} },
      { type: "function", google_search: {} },
    ],
  }, {
    googleSearch: "web searches",
    google_search_retrieval: "web searches",
    google_search: "web searches",
    urlContext: "tokens",
    codeExecution: "tokens",
    googleMaps: "unknown",
  }],
  "Bedrock": [{ toolConfig: { tools: [{ systemTool: { name: "nova_grounding" } }] } }, {
    systemTool: "unknown",
  }],
  "Moonshot": [{ tools: [{ type: "builtin_function", function: { name: "$web_search" } }] }, {
    builtin_function: "unknown",
  }],
  "members": [{
    web_search_options: {},
    plugins: [{ id: "web" }],
    search_parameters: { mode: "auto" },
    enable_search: true,
    connectors: [{ id: "web-search" }],
    data_sources: [{ type: "azure_search" }],
  }, {
    web_search_options: "web searches",
    plugins: "unknown",
    search_parameters: "unknown",
    enable_search: "unknown",
    connectors: "unknown",
    data_sources: "tokens",
  }],
  "a repeated type": ['{"tools":[{"type":"web_search","type":"function"}]}', { web_search: "web searches" }],
  "a type behind many others": [
    `{"tools":[{${'"type":"function",'.repeat(60)}"type":"web_search"}]}`,
    { function: "unknown", web_search: "unknown" },
  ],
  "an escaped key": ['{"too\\u006cs":[{"typ\\u0065":"web\\u005fsearch"}]}', { web_search: "web searches" }],
  "capitals": ['{"Tools":[{"Type":"web_search"}]}', { web_search: "web searches" }],
  "a list of names": [{ tools: ["web_search"] }, { web_search: "unknown" }],
  "a list in a list": [{ tools: [[{ type: "web_search" }]] }, { tools: "unknown" }],
  "a namespace": [{ tools: [{ type: "namespace", tools: [{ type: "image_generation" }] }] }, {
    image_generation: "unknown",
  }],
  "a session": [{ session: { tools: [{ type: "mcp" }] } }, { mcp: "tokens" }],
};
for (const [what, [body, expected]] of Object.entries(HOSTED)) {
  Deno.test(`hostedTools: the hosted tools of ${what}`, async () => {
    assertEquals(await toolsIn(body), expected);
  });
}

Deno.test("hostedTools: the engine of a plugin is no model, but an object in its place can name one", async () => {
  const modelsOf = async (plugin: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ model: "a", plugins: [plugin] }));
    return (await readJsonObject(bytes, { operation: "chat_completions", pause: createPause() })).models;
  };
  assertEquals(await modelsOf({ id: "file-parser", pdf: { engine: "mistral-ocr" } }), ["a"]);
  assertEquals(await modelsOf({ id: "web", Engine: "exa" }), ["a"]);
  assertEquals(await modelsOf({ id: "web", engine: { model: "b" } }), ["a", "b"]);
  assertEquals(await modelsOf({ id: "web", engine: [{ engine: { models: ["b"] } }] }), ["a", "b"]);
});

Deno.test("hostedTools: too many hosted tools are an error, and many functions are none", async () => {
  const many = (type: (at: number) => string) => ({
    tools: Array.from({ length: 1_000 }, (_, at) => ({ type: type(at), name: `f${at}` })),
  });
  await assertRejects(() => toolsIn(many((at) => `tool_${at}`)), JsonSyntaxError, "more than 50 tools");
  assertEquals(await toolsIn(many(() => "function")), {});
});

Deno.test("alwaysSearches: models that search in every response", () => {
  const searching = [
    "gpt-4o-search-preview",
    "openai/gpt-4o-mini-search-preview-2025-03-11",
    "gpt-5-search-api",
    "sonar-pro",
    "perplexity/sonar",
    "groq/compound",
    "compound-beta-mini",
    "openai/gpt-4o:online",
    "llama-3.1-sonar-small-128k-online",
  ];
  for (const model of searching) assertEquals(alwaysSearches(model), true, model);
  const others = ["gpt-4o", "gpt-5-mini", "claude-sonnet-5", "research", "my-search-preview", "compounds-1"];
  for (const model of others) assertEquals(alwaysSearches(model), false, model);
});
