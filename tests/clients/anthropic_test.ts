/** The official `@anthropic-ai/sdk` as its users use it: only the base URL and the key are the proxy's. */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import Anthropic, { AuthenticationError, InternalServerError, NotFoundError } from "@anthropic-ai/sdk";
import { within } from "../support/time/deadline.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { ProxyProcess } from "../support/processes/proxy_process.ts";
import { SECRETS } from "../support/data/secrets.ts";

const REQUEST = {
  model: "demo-claude",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: `Hello ${SECRETS.prompt}` }],
};

async function withClient(
  test: (client: Anthropic, parts: { upstream: FakeUpstream; proxy: ProxyProcess }) => Promise<void>,
  options: { apiKey?: string | null; authToken?: string; base?: string } = {},
): Promise<void> {
  await using upstream = new FakeUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const { apiKey = SECRETS.proxyToken, authToken = null, base = "/anthropic" } = options;
  await test(new Anthropic({ baseURL: proxy.url + base, apiKey, authToken, maxRetries: 0 }), {
    upstream,
    proxy,
  });
}

Deno.test("anthropic: a message", () =>
  withClient(async (client) => {
    const message = await client.messages.create(REQUEST);
    const [block] = message.content;
    assert(block?.type === "text");
    assertStringIncludes(block.text, "You said: “Hello");
    assertEquals(message.usage.input_tokens, 2);
  }));

Deno.test("anthropic: a streamed message is the plain one in pieces", () =>
  withClient(async (client) => {
    const plain = await client.messages.create(REQUEST);
    const deltas: string[] = [];
    const stream = client.messages.stream(REQUEST).on("text", (text) => deltas.push(text));
    const final = await stream.finalMessage();
    assertEquals(final.content, plain.content);
    assertEquals(final.usage.output_tokens, plain.usage.output_tokens);
    assert(deltas.length > 10);
  }));

Deno.test("anthropic: tool use, plain and streamed", () =>
  withClient(async (client) => {
    const request = { ...REQUEST, tools: [{ name: "look_up", input_schema: { type: "object" as const } }] };
    const plain = await client.messages.create(request);
    const [block] = plain.content;
    assert(block?.type === "tool_use");
    assertEquals([block.name, plain.stop_reason], ["look_up", "tool_use"]);
    const streamed = await client.messages.stream(request).finalMessage();
    assertEquals(streamed.content, plain.content);
  }));

Deno.test("anthropic: count_tokens", () =>
  withClient(async (client) => {
    const { input_tokens } = await client.messages.countTokens({
      model: REQUEST.model,
      messages: REQUEST.messages,
    });
    assertEquals(input_tokens, 2);
  }));

Deno.test("anthropic: models list and retrieve", () =>
  withClient(async (client) => {
    assertEquals(await Array.fromAsync(client.models.list(), ({ id }) => id), ["demo-claude"]);
    assertEquals((await client.models.retrieve("demo-claude")).id, "demo-claude");
  }));

Deno.test("anthropic: the token as a bearer token, as Claude Code sends it, is exchanged as well", () =>
  withClient(async (client, { upstream }) => {
    await client.messages.create(REQUEST);
    const request = upstream.requests[0];
    assertEquals([request?.header("authorization"), request?.header("x-api-key")], [
      undefined,
      SECRETS.anthropicKey,
    ]);
  }, { apiKey: null, authToken: SECRETS.proxyToken }));

Deno.test("anthropic: the proxy's bare address works too, since /v1/messages says whose it is", () =>
  withClient(async (client) => {
    assertEquals((await client.messages.create(REQUEST)).role, "assistant");
  }, { base: "" }));

Deno.test("anthropic: an abort in mid-stream reaches the upstream", () =>
  withClient(async (client, { upstream, proxy }) => {
    const left = Promise.withResolvers<void>();
    upstream.script(async (exchange) => {
      await exchange.write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      await exchange.write('1e\r\nevent: ping\ndata: {"type":"pin\r\n');
      await exchange.peerClosed();
      left.resolve();
    });
    const stream = await client.messages.create({ ...REQUEST, stream: true });
    stream.controller.abort();
    await within(left.promise, "the end of the upstream's connection");
    const line = await proxy.logged(({ event }) => event === "exchange");
    assertEquals([line["status"], line["ending"]], [499, "client_gone"]);
  }));

Deno.test("anthropic: an upstream's error is the SDK's class with the upstream's words", () =>
  withClient(async (client) => {
    const error = await assertRejects(() => client.models.retrieve("nobody"), NotFoundError);
    assertStringIncludes(error.message, "Not found: GET /models/nobody");
  }));

Deno.test("anthropic: a wrong token is an AuthenticationError that says what to do", () =>
  withClient(async (client) => {
    const error = await client.messages.create(REQUEST).then(() => undefined, (cause: unknown) => cause);
    assertInstanceOf(error, AuthenticationError);
    assertStringIncludes(error.message, "not valid for this proxy");
  }, { apiKey: "wrong" }));

Deno.test("anthropic: an unreachable upstream is an InternalServerError that names the host", async () => {
  await using proxy = await ProxyProcess.start({ upstream: "http://upstream.invalid" });
  const client = new Anthropic({
    baseURL: `${proxy.url}/anthropic`,
    apiKey: SECRETS.proxyToken,
    maxRetries: 0,
  });
  const error = await client.messages.create(REQUEST).then(() => undefined, (cause: unknown) => cause);
  assertInstanceOf(error, InternalServerError);
  assertStringIncludes(error.message, "upstream.invalid");
});
