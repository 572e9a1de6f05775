/** The official SDKs through one base URL: the model of each request chooses the provider. */

import Anthropic, { NotFoundError as AnthropicNotFound } from "@anthropic-ai/sdk";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI, { NotFoundError, toFile } from "openai";
import { libraryFolder, withoutClient } from "../support/clients/real_clients.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { command } from "../support/processes/command.ts";
import { ProxyProcess } from "../support/processes/proxy_process.ts";
import { unless } from "../support/runner/left_out.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { modelScript, SENTENCE } from "../support/upstreams/model_upstream.ts";

const MESSAGES = [{ role: "user" as const, content: "Say hello." }];

/** Endpoints with their providers and the paths of their base URLs. */
const ENDPOINTS: readonly (readonly [name: string, provider: string, path: string])[] = [
  ["openai", "openai", "/openai/v1"],
  ["groq", "groq", "/groq/v1"],
  ["anthropic", "anthropic", "/anthropic"],
  ["gemini", "gemini", "/gemini"],
  ["ollama", "ollama", "/ollama"],
];

async function withProxy(
  test: (parts: { url: string; upstream: FakeUpstream; folder: string }) => Promise<void>,
  { more = () => "" }: { more?: (upstream: string) => string } = {},
): Promise<void> {
  await using upstream = new FakeUpstream({ script: modelScript() });
  const folder = await Deno.makeTempDir();
  const text = [
    `[aliases]\nfast = "groq/llama-3.3-70b"\nflash = "gemini/gemini-3.8-flash"`,
    `[server]\nhost = "127.0.0.1"\nport = 0\n[auth]\ntoken = "${SECRETS.proxyToken}"`,
    `[log]\nformat = "json"\nlevel = "debug"\naccess = true`,
    ...ENDPOINTS.map(([name, provider, path]) =>
      `[endpoints.${name}]\nprovider = "${provider}"\nbase_url = "${upstream.origin}${path}"\n` +
      `api_key = "${SECRETS.openaiKey}"`
    ),
    more(upstream.origin),
  ].join("\n");
  await Deno.writeTextFile(`${folder}/config.toml`, text);
  {
    await using proxy = await ProxyProcess.startWith({ CONFIG_PATH: `${folder}/config.toml` });
    await test({ url: proxy.url, upstream, folder });
  }
  assertEquals(upstream.received.includes(SECRETS.proxyToken), false);
  await Deno.remove(folder, { recursive: true });
}

/** The paths of the requests to the upstream, without the lists of models. */
function pathsOf({ requests }: FakeUpstream): string[] {
  return requests.filter(({ header }) => header("user-agent") !== "llm-proxy").map(({ target }) => target)
    .filter((target) => !/\/models(?:\?|$)/.test(target));
}

Deno.test("one address: OpenAI's SDK, with chat, a stream, responses, a form and the list of models", () =>
  withProxy(async ({ url, upstream }) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
    for (const model of ["gpt-5.1", "fast", "ollama/qwen3:4b"]) {
      const { choices, ...rest } = await client.chat.completions.create({ model, messages: MESSAGES });
      assertEquals(choices[0]?.message.content, SENTENCE);
      assertEquals(rest.model, { fast: "llama-3.3-70b", "ollama/qwen3:4b": "qwen3:4b" }[model] ?? model);
    }
    const stream = await client.chat.completions.create({ model: "fast", messages: MESSAGES, stream: true });
    let text = "";
    for await (const event of stream) text += event.choices[0]?.delta.content ?? "";
    assertEquals(text, SENTENCE);
    const response = await client.responses.create({ model: "gpt-5.1", input: "Say hello." });
    assertEquals(response.output_text, SENTENCE);
    const file = await toFile(new Uint8Array(100), "a.wav");
    // The upstream has no transcriptions, and its own 404 reaches the client.
    const refused = await assertRejects(
      () => client.audio.transcriptions.create({ model: "groq/whisper-large-v3", file }),
      NotFoundError,
    );
    assertStringIncludes(String(refused), "Not found: POST /groq/v1/audio/transcriptions");
    assertEquals(pathsOf(upstream), [
      "/openai/v1/chat/completions",
      "/groq/v1/chat/completions",
      "/ollama/v1/chat/completions",
      "/groq/v1/chat/completions",
      "/openai/v1/responses",
      "/groq/v1/audio/transcriptions",
    ]);
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assertEquals(ids.includes("groq/demo-small") && ids.includes("fast") && ids.includes("demo-small"), true);
    assertEquals((await client.models.retrieve("groq/demo-small")).id, "groq/demo-small");
    await assertRejects(() => client.models.retrieve("unheard"), NotFoundError);
  }));

Deno.test("one address: Anthropic's SDK, with messages, a stream, a count of tokens and the list of models", () =>
  withProxy(async ({ url, upstream }) => {
    const client = new Anthropic({ baseURL: url, apiKey: SECRETS.proxyToken, maxRetries: 0 });
    const request = { max_tokens: 9, messages: MESSAGES };
    for (const model of ["claude-sonnet-5", "ollama/qwen3:4b"]) {
      const { content } = await client.messages.create({ ...request, model });
      assertEquals(content.map((block) => block.type === "text" && block.text), [SENTENCE]);
    }
    const stream = client.messages.stream({ ...request, model: "claude-sonnet-5" });
    assertEquals(await stream.finalText(), SENTENCE);
    await client.messages.countTokens({ model: "ollama/qwen3:4b", messages: MESSAGES });
    assertEquals(pathsOf(upstream), [
      "/anthropic/v1/messages",
      "/ollama/v1/messages",
      "/anthropic/v1/messages",
      "/ollama/v1/messages/count_tokens",
    ]);
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assertEquals(ids, ["demo-small", "claude-demo", "ollama/demo-small", "ollama/claude-demo"]);
    assertEquals((await client.models.retrieve("claude-demo")).id, "claude-demo");
    await assertRejects(() => client.models.retrieve("unheard"), AnthropicNotFound);
  }));

/** Claude and Gemini at the addresses where their providers have OpenAI's API, as docs/install.md shows. */
function byOpenAi(upstream: string): string {
  const route = (model: string, endpoint: string, to: string) =>
    `[[routes]]\nmodel = "${model}"\nendpoint = "${endpoint}"\nto = "${to}"\n`;
  const endpoint = (name: string, path: string) =>
    `[endpoints.${name}]\nprovider = "openai"\nbase_url = "${upstream}${path}"\napi_key = "${SECRETS.openaiKey}"\n`;
  return [
    endpoint("claude-by-openai", "/anthropic/v1"),
    endpoint("gemini-by-openai", "/v1beta/openai"),
    route("claude", "anthropic", "claude-sonnet-5"),
    route("claude", "claude-by-openai", "claude-sonnet-5"),
    route("flash-lite", "gemini-by-openai", "gemini-3.8-flash-lite"),
  ].join("");
}

Deno.test("one address: OpenAI's and Anthropic's SDK with one name of a model, which has a route for each API", () =>
  withProxy(async ({ url, upstream }) => {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: url, apiKey: SECRETS.proxyToken, maxRetries: 0 });
    for (const name of ["claude", "flash-lite"]) {
      const { model } = await openai.chat.completions.create({ model: name, messages: MESSAGES });
      assertEquals(model, name === "claude" ? "claude-sonnet-5" : "gemini-3.8-flash-lite");
    }
    const { model } = await anthropic.messages.create({ model: "claude", max_tokens: 9, messages: MESSAGES });
    assertEquals(model, "claude-sonnet-5");
    assertEquals(pathsOf(upstream), [
      "/anthropic/v1/chat/completions",
      "/v1beta/openai/chat/completions",
      "/anthropic/v1/messages",
    ]);
  }, { more: byOpenAi }));

/** Programs for Node, and where their requests arrive. `URL` and `TOKEN` are in the environment. */
const PROGRAMS: readonly (readonly [library: string, program: string, paths: string[]])[] = [
  [
    "@google/genai",
    `import { GoogleGenAI } from "@google/genai";
const client = new GoogleGenAI({ apiKey: process.env.TOKEN, httpOptions: { baseUrl: process.env.URL } });
for (const model of ["gemini-3.8-flash", "flash", "models/gemini-3.8-flash"]) {
  console.log((await client.models.generateContent({ model, contents: "Say hello." })).text);
}
const stream = await client.models.generateContentStream({ model: "flash", contents: "Say hello." });
for await (const { text } of stream) console.log(text);
// The upstream lists its models in OpenAI's form, where the library finds none.
for await (const { name } of await client.models.list()) console.log(name);`,
    [
      "/gemini/v1/models/gemini-3.8-flash:generateContent",
      "/gemini/v1/models/gemini-3.8-flash:generateContent",
      "/gemini/v1/models/gemini-3.8-flash:generateContent",
      "/gemini/v1/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
    ],
  ],
  [
    "ollama",
    `import { Ollama } from "ollama";
const headers = { authorization: "Bearer " + process.env.TOKEN };
const client = new Ollama({ host: process.env.URL, headers });
const messages = [{ role: "user", content: "Say hello." }];
for (const model of ["qwen3:4b", "ollama/qwen3:4b"]) {
  const { message, model: sent } = await client.chat({ model, messages });
  if (sent !== "qwen3:4b") throw new Error(sent);
  console.log(message.content);
}
for await (const { message } of await client.chat({ model: "qwen3:4b", messages, stream: true })) {
  console.log(message.content);
}`,
    ["/ollama/api/chat", "/ollama/api/chat", "/ollama/api/chat"],
  ],
];

for (const [library, program, paths] of PROGRAMS) {
  const modules = libraryFolder(library);
  Deno.test({
    ...unless(withoutClient(library, modules), `one address: ${library}`),
    fn: () =>
      withProxy(async ({ url, upstream, folder }) => {
        await Deno.symlink(`${modules}/node_modules`, `${folder}/node_modules`);
        await Deno.writeTextFile(`${folder}/ask.mjs`, program);
        const { code, stdout, stderr } = await command("node", {
          args: ["ask.mjs"],
          cwd: folder,
          env: { PATH: Deno.env.get("PATH") ?? "/usr/bin", URL: url, TOKEN: SECRETS.proxyToken },
        }).output();
        const [out = "", error = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        assertEquals(
          [code, out.trim().split("\n").every((line) => line === SENTENCE)],
          [0, true],
          out + error,
        );
        assertEquals(pathsOf(upstream), paths);
      }),
  });
}
