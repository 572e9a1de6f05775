/** Comments in silent streams, as the official SDKs and curl see them: not at all, or as comments. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { chunk, FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { gather } from "../support/clients/http_reader.ts";
import { clientPath, libraryFolder, withoutClient } from "../support/clients/real_clients.ts";
import { command } from "../support/processes/command.ts";
import { unless } from "../support/runner/left_out.ts";
import { passing } from "../support/time/passing_time.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";
import { SECRETS } from "../support/data/secrets.ts";

const PACE_MS = 60;
const keepaliveMs = 20;

async function withProxy(test: (url: string) => Promise<void>): Promise<void> {
  await using upstream = new FakeUpstream({ paceMs: PACE_MS });
  const backend = (path: string, keyField: string, value: string) =>
    testBackend(upstream.origin, { path, keyField, key: { mode: "inject", value } });
  await using proxy = new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("openai", [backend("/openai/v1", "authorization", SECRETS.openaiKey)], { keepaliveMs }),
      testEndpoint("anthropic", [backend("/anthropic", "x-api-key", SECRETS.anthropicKey)], {
        dialect: "anthropic",
        keepaliveMs,
      }),
    ],
  });
  await test(proxy.url);
}

Deno.test("keepalive_comments: there are comments between events, and without them the stream is the same", () =>
  withProxy(async (url) => {
    const response = await fetch(`${url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${SECRETS.proxyToken}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "demo-small",
        stream: true,
        messages: [{ role: "user", content: "Hi" }],
      }),
    });
    const text = await response.text();
    const events = text.split("\n\n").filter((event) => event !== ": keepalive");
    assert(text.includes("\n\n: keepalive\n\ndata: "), text);
    assertEquals(events.filter((event) => event !== "" && !event.startsWith("data: ")), []);
    assertEquals(events.at(-2), "data: [DONE]");
  }));

Deno.test("keepalive_comments: the official SDKs read the same answers", () =>
  withProxy(async (url) => {
    const openai = new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: SECRETS.proxyToken });
    const chunks = await openai.chat.completions.create({
      model: "demo-small",
      stream: true,
      messages: [{ role: "user", content: "Hi" }],
    });
    let text = "";
    for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? "";
    assertStringIncludes(text, "You said: “Hi");
    const anthropic = new Anthropic({ baseURL: `${url}/anthropic`, apiKey: SECRETS.proxyToken });
    const message = await anthropic.messages.stream({
      model: "demo-claude",
      max_tokens: 100,
      messages: [{ role: "user", content: "Hi" }],
    }).finalText();
    assertStringIncludes(message, "You said: “Hi");
  }));

/** One event of Gemini's API, and the silence behind it. */
const GEMINI_EVENTS = ["You", " said"].map((text) =>
  `data: ${
    JSON.stringify({ candidates: [{ content: { role: "model", parts: [{ text }] }, index: 0 }] })
  }\r\n\r\n`
);

async function withGemini(
  test: (proxy: { url: string; upstream: FakeUpstream }) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      for (const event of GEMINI_EVENTS) {
        await passing(PACE_MS, { why: "the proxy would send comments in this silence" });
        await exchange.write(chunk(event));
      }
      await exchange.write("0\r\n\r\n");
    },
  });
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  await using proxy = new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("gemini", [testBackend(upstream.origin, { keyField: "x-goog-api-key", key })], {
        dialect: "gemini",
        keepaliveMs,
      }),
    ],
  });
  await test({ url: proxy.url, upstream });
}

for (const method of [":streamGenerateContent", "%3AstreamGenerateContent"]) {
  Deno.test(`keepalive_comments: ${method} of Gemini's API gets no comments`, () =>
    withGemini(async ({ url }) => {
      const response = await fetch(`${url}/gemini/v1beta/models/m${method}?alt=sse`, {
        method: "POST",
        headers: { "x-goog-api-key": SECRETS.proxyToken },
        body: "{}",
      });
      assertEquals(await response.text(), GEMINI_EVENTS.join(""));
    }));
}

/** By what a program of a library prints the text of a stream. Names of the environment hold the address. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "@google/genai": `import { GoogleGenAI } from "@google/genai";
const google = new GoogleGenAI({ apiKey: process.env.TOKEN, httpOptions: { baseUrl: process.env.URL + "/gemini" } });
for await (const { text } of await google.models.generateContentStream({ model: "m", contents: "Hi" })) {
  process.stdout.write(text);
}`,
  "@ai-sdk/google": `import { streamText } from "ai";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
const baseURL = process.env.URL + "/gemini/v1beta";
const model = createGoogleGenerativeAI({ apiKey: process.env.TOKEN, baseURL })("m");
for await (const text of streamText({ model, prompt: "Hi" }).textStream) process.stdout.write(text);`,
  "@ai-sdk/openai": `import { streamText } from "ai";
import { createOpenAI } from "@ai-sdk/openai";
const model = createOpenAI({ apiKey: process.env.TOKEN, baseURL: process.env.URL + "/openai/v1" }).chat("demo-small");
for await (const text of streamText({ model, prompt: "Hi" }).textStream) process.stdout.write(text);`,
  "@ai-sdk/anthropic": `import { streamText } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
const model = createAnthropic({ apiKey: process.env.TOKEN, baseURL: process.env.URL + "/anthropic/v1" })("demo-claude");
for await (const text of streamText({ model, prompt: "Hi" }).textStream) process.stdout.write(text);`,
};

for (
  const [library, client] of [
    ["@google/genai", "genai-1"],
    ["@google/genai", "libraries"],
    ["@ai-sdk/google", "libraries"],
    ["@ai-sdk/openai", "libraries"],
    ["@ai-sdk/anthropic", "libraries"],
  ] as const
) {
  const folder = libraryFolder(library, client);
  Deno.test({
    ...unless(
      withoutClient(library, folder),
      `keepalive_comments: ${library} of ${client} reads the whole stream, and asks once`,
    ),
    async fn() {
      const run = async (url: string): Promise<string> => {
        const home = await Deno.makeTempDir();
        await Deno.symlink(`${folder}/node_modules`, `${home}/node_modules`);
        await Deno.writeTextFile(`${home}/ask.mjs`, PROGRAMS[library] ?? "");
        const env = { PATH: clientPath(), URL: url, TOKEN: SECRETS.proxyToken, AI_SDK_LOG_WARNINGS: "false" };
        const { stdout, stderr } = await command("node", { args: ["ask.mjs"], cwd: home, env }).output();
        await Deno.remove(home, { recursive: true });
        return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      };
      if (library.includes("goo")) {
        await withGemini(async ({ url, upstream }) => {
          assertEquals(await run(url), "You said");
          assertEquals(upstream.requests.length, 1);
        });
      } else await withProxy(async (url) => assertStringIncludes(await run(url), "You said: “Hi"));
    },
  });
}
