/** Several backends behind the official packages: the client sees one provider that works. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects } from "@std/assert";
import OpenAI, { InternalServerError } from "openai";
import type { Dialect } from "../../src/apis/dialects.ts";
import type { Endpoint } from "../../src/config/config.ts";
import { gather } from "../support/clients/http_reader.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";
import { FakeUpstream, plainAnswer, type Script } from "../support/upstreams/fake_upstream.ts";

const MESSAGES = [{ role: "user" as const, content: "Hello" }];

/** Backends of the demo provider. A script replaces the answers of one. */
async function withBackends(
  { dialect, scripts, ...options }: Partial<Endpoint> & {
    dialect: Dialect;
    scripts: readonly (Script | undefined)[];
  },
  test: (url: string, upstreams: readonly FakeUpstream[]) => Promise<void>,
): Promise<void> {
  const upstreams = scripts.map((script) => new FakeUpstream(script === undefined ? {} : { script }));
  const isAnthropic = dialect === "anthropic";
  const backends = upstreams.map(({ origin }, index) =>
    testBackend(origin, {
      name: `b${index}`,
      path: isAnthropic ? "/anthropic" : "/openai/v1",
      key: { mode: "inject", value: isAnthropic ? SECRETS.anthropicKey : SECRETS.openaiKey },
      keyField: isAnthropic ? "x-api-key" : "authorization",
    })
  );
  try {
    const [first] = upstreams;
    assert(first);
    await using proxy = new LocalProxy(first, {
      endpoints: [testEndpoint("api", backends, { dialect, ...options })],
    });
    await test(`${proxy.url}/api`, upstreams);
  } finally {
    for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
  }
}

function streams(events: string): Script {
  return async (exchange) => {
    await gather(exchange.body());
    await exchange.write(plainAnswer(events, { headers: "Content-Type: text/event-stream\r\n" }));
  };
}

Deno.test("backends: a stream of Anthropic that begins with an overload comes from the next backend", () => {
  const overload =
    `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n`;
  return withBackends(
    { dialect: "anthropic", scripts: [streams(overload), undefined] },
    async (url, upstreams) => {
      const client = new Anthropic({ baseURL: url, apiKey: SECRETS.proxyToken, maxRetries: 0 });
      const request = { model: "demo-small", max_tokens: 100, messages: MESSAGES };
      const message = await client.messages.stream(request).finalMessage();
      assertEquals(message.stop_reason, "end_turn");
      assertEquals(upstreams.map(({ requests }) => requests.length), [1, 1]);
    },
  );
});

Deno.test("backends: a stream of OpenAI without an event, or with an error first, comes from the next backend", async () => {
  for (const events of ["", ": wait\n\n", `data: {"error":{"message":"x","code":502}}\n\n`]) {
    await withBackends({ dialect: "openai", scripts: [streams(events), undefined] }, async (url) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
      let text = "";
      const stream = await client.chat.completions.create({
        model: "demo-small",
        messages: MESSAGES,
        stream: true,
      });
      for await (const event of stream) text += event.choices[0]?.delta.content ?? "";
      assert(text.length > 10, JSON.stringify(events));
    });
  }
});

Deno.test("backends: an image is not generated twice", () => {
  const fails: Script = async (exchange) => {
    await gather(exchange.body());
    await exchange.write(plainAnswer("{}", { status: "500 Failed" }));
  };
  return withBackends({ dialect: "openai", scripts: [fails, fails] }, async (url, upstreams) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
    await assertRejects(() => client.images.generate({ model: "m", prompt: "x" }), InternalServerError);
    assertEquals(upstreams.map(({ requests }) => requests.length), [1, 0]);
  });
});

Deno.test("backends: each conversation of the official packages stays at one of three backends", async () => {
  const scripts = [undefined, undefined, undefined];
  const shared = { strategy: "round_robin", affinity: {}, exposeBackend: true, scripts } as const;
  const servedBy: Record<string, (url: string) => (id: number) => Promise<(string | null)[]>> = {
    openai: (url) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
      return async (id) => {
        const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "system", content: "Be short." }];
        const served: (string | null)[] = [];
        for (let turn = 0; turn < 4; turn++) {
          messages.push({ role: "user", content: `Question ${id}.${turn}` });
          const { data, response } = await client.chat.completions
            .create({ model: "demo-small", messages }).withResponse();
          messages.push({ role: "assistant", content: data.choices[0]?.message.content ?? "" });
          served.push(response.headers.get("x-llm-proxy-backend"));
        }
        return served;
      };
    },
    anthropic: (url) => {
      const client = new Anthropic({ baseURL: url, apiKey: SECRETS.proxyToken, maxRetries: 0 });
      return async (id) => {
        const messages: Anthropic.MessageParam[] = [];
        const served: (string | null)[] = [];
        for (let turn = 0; turn < 4; turn++) {
          const text = `Question ${id}.${turn}`;
          // The mark of the cache moves to the last message.
          const marked = { type: "text" as const, text, cache_control: { type: "ephemeral" as const } };
          const { data, response } = await client.messages.create({
            model: "demo-small",
            max_tokens: 50,
            system: "Be short.",
            messages: [...messages, { role: "user", content: [marked] }],
          }).withResponse();
          messages.push({ role: "user", content: text }, { role: "assistant", content: data.content });
          served.push(response.headers.get("x-llm-proxy-backend"));
        }
        return served;
      };
    },
  };
  for (const dialect of ["openai", "anthropic"] as const) {
    await withBackends({ dialect, ...shared }, async (url) => {
      const talk = servedBy[dialect]?.(url);
      const used = new Set<string | null>();
      for (let id = 0; id < 9; id++) {
        const [first = null, ...later] = await talk?.(id) ?? [];
        assertEquals(later, [first, first, first], dialect);
        used.add(first);
      }
      assert(used.size >= 2 && !used.has(null), `${dialect}: ${[...used]}`);
    });
  }
});
