/** The official `openai` package as its users use it: only the base URL and the key are the proxy's. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI, {
  APIUserAbortError,
  AuthenticationError,
  InternalServerError,
  RateLimitError,
  toFile,
} from "openai";
import { within } from "../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../support/upstreams/fake_upstream.ts";
import { ProxyProcess } from "../support/processes/proxy_process.ts";
import { SECRETS } from "../support/data/secrets.ts";

const MESSAGES = [{ role: "user" as const, content: `Hello ${SECRETS.prompt}` }];

async function withClient(
  test: (client: OpenAI, parts: { upstream: FakeUpstream; proxy: ProxyProcess }) => Promise<void>,
  { token = SECRETS.proxyToken, paceMs = 0 }: { token?: string; paceMs?: number } = {},
): Promise<void> {
  await using upstream = new FakeUpstream({ paceMs });
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  await test(new OpenAI({ baseURL: `${proxy.url}/openai/v1`, apiKey: token, maxRetries: 0 }), {
    upstream,
    proxy,
  });
}

Deno.test("openai: chat", () =>
  withClient(async (client) => {
    const completion = await client.chat.completions.create({ model: "demo-small", messages: MESSAGES });
    assertStringIncludes(completion.choices[0]?.message.content ?? "", "You said: “Hello");
    assertEquals(completion.usage?.prompt_tokens, 2);
  }));

Deno.test("openai: streamed chat with usage is the plain answer in pieces", () =>
  withClient(async (client) => {
    const request = { model: "demo-small", messages: MESSAGES };
    const plain = await client.chat.completions.create(request);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let pieces = 0;
    let total: number | undefined;
    for await (const event of stream) {
      text += event.choices[0]?.delta.content ?? "";
      total = event.usage?.total_tokens ?? total;
      pieces++;
    }
    assertEquals(text, plain.choices[0]?.message.content);
    assertEquals(total, plain.usage?.total_tokens);
    assert(pieces > 10);
  }));

Deno.test("openai: tool calls, plain and streamed", () =>
  withClient(async (client) => {
    const request = {
      model: "demo-small",
      messages: MESSAGES,
      tools: [{ type: "function" as const, function: { name: "look_up", parameters: { type: "object" } } }],
    };
    const plain = await client.chat.completions.create(request);
    const call = plain.choices[0]?.message.tool_calls?.[0];
    assert(call?.type === "function");
    assertEquals(call.function.name, "look_up");
    const final = await client.chat.completions.stream(request).finalChatCompletion();
    const streamed = final.choices[0]?.message.tool_calls?.[0];
    assert(streamed?.type === "function");
    assertEquals(streamed.function.arguments, call.function.arguments);
  }));

Deno.test("openai: responses, plain and streamed", () =>
  withClient(async (client) => {
    const plain = await client.responses.create({ model: "demo-small", input: "Hi" });
    assertStringIncludes(plain.output_text, "You said: “Hi”");
    const final = await client.responses.stream({ model: "demo-small", input: "Hi" }).finalResponse();
    assertEquals(final.output_text, plain.output_text);
  }));

Deno.test("openai: embeddings, which the SDK asks for in base64", () =>
  withClient(async (client) => {
    const { data } = await client.embeddings.create({ model: "demo-small", input: ["one", "two"] });
    assertEquals(data.map(({ embedding }) => embedding.length), [8, 8]);
  }));

Deno.test("openai: models list, and retrieve with a slash in the id", () =>
  withClient(async (client, { upstream }) => {
    const ids = await Array.fromAsync(client.models.list(), ({ id }) => id);
    assertEquals(ids, ["demo-small", "demo-org/demo-large"]);
    assertEquals((await client.models.retrieve("demo-org/demo-large")).id, "demo-org/demo-large");
    assertEquals(upstream.requests.at(-1)?.target, "/openai/v1/models/demo-org%2Fdemo-large");
  }));

Deno.test("openai: file upload", () =>
  withClient(async (client) => {
    const content = new Uint8Array(300_000).map((_, index) => index % 256);
    const file = await client.files.create({ file: await toFile(content, "data.bin"), purpose: "user_data" });
    assertEquals([file.bytes, file.filename], [300_000, "data.bin"]);
  }));

Deno.test("openai: speech is the upstream's bytes", () =>
  withClient(async (client) => {
    const speech = await client.audio.speech.create({
      model: "demo-small",
      voice: "alloy",
      input: "one two three",
    });
    const bytes = new Uint8Array(await speech.arrayBuffer());
    assertEquals([bytes.length, new TextDecoder().decode(bytes.subarray(0, 4))], [44 + 2_400, "RIFF"]);
  }));

Deno.test("openai: an abort in mid-stream reaches the upstream", () =>
  withClient(async (client, { upstream, proxy }) => {
    const left = Promise.withResolvers<void>();
    upstream.script(async (exchange) => {
      await exchange.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      await exchange.write('14\r\ndata: {"choices":[]}\r\n');
      await exchange.peerClosed();
      left.resolve();
    });
    const abort = new AbortController();
    const asking = client.chat.completions.create(
      { model: "demo-small", messages: MESSAGES, stream: true },
      { signal: abort.signal },
    );
    await asking;
    abort.abort();
    await within(left.promise, "the end of the upstream's connection");
    const line = await proxy.logged(({ event }) => event === "exchange");
    assertEquals([line["status"], line["ending"]], [499, "client_gone"]);
  }));

Deno.test("openai: an abort before any answer is the SDK's own error", () =>
  withClient(async (client, { upstream }) => {
    const left = Promise.withResolvers<void>();
    const abort = new AbortController();
    upstream.script(async (exchange) => {
      for await (const _ of exchange.body()) { /* read it */ }
      abort.abort();
      await exchange.peerClosed();
      left.resolve();
    });
    await assertRejects(
      () =>
        client.chat.completions.create({ model: "demo-small", messages: MESSAGES }, { signal: abort.signal }),
      APIUserAbortError,
    );
    await within(left.promise, "the end of the upstream's connection");
  }));

Deno.test("openai: an upstream's error is the SDK's class with the upstream's words", () =>
  withClient(async (client, { upstream }) => {
    upstream.script((exchange) =>
      exchange.write(
        plainAnswer('{"error":{"message":"Too fast, friend","type":"x","code":"y","param":null}}', {
          status: "429 Too Many Requests",
          headers: "Content-Type: application/json\r\n",
        }),
      )
    );
    const error = await assertRejects(
      () => client.chat.completions.create({ model: "demo-small", messages: MESSAGES }),
      RateLimitError,
    );
    assertStringIncludes(error.message, "Too fast, friend");
  }));

Deno.test("openai: a wrong token is an AuthenticationError that says what to do", () =>
  withClient(async (client) => {
    const error = await client.models.list().then(() => undefined, (cause: unknown) => cause);
    assertInstanceOf(error, AuthenticationError);
    assertEquals(error.code, "unauthorized");
    assertStringIncludes(error.message, "not valid for this proxy");
  }, { token: "wrong" }));

Deno.test("openai: an unreachable upstream is an InternalServerError that names the host", async () => {
  await using proxy = await ProxyProcess.start({ upstream: "http://upstream.invalid" });
  const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: SECRETS.proxyToken, maxRetries: 0 });
  const error = await client.models.list().then(() => undefined, (cause: unknown) => cause);
  assertInstanceOf(error, InternalServerError);
  assertEquals([error.status, error.code], [502, "bad_gateway"]);
  assertStringIncludes(error.message, "upstream.invalid");
});
