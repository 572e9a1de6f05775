/** Comments in silent streams, as the official SDKs and curl see them: not at all, or as comments. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
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
