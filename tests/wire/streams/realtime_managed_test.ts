/** WebSockets under the management plane: their usage is counted, and the rules of tokens hold for them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { headerOf } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { realtimeUpstream } from "../../support/upstreams/realtime_upstream.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import {
  CLOSE,
  closePayload,
  frame,
  type FramePeer,
  openWebSocket,
  TEXT,
  WebSocketUpstream,
} from "../../support/clients/websocket.ts";

const PATH = "/openai/v1/realtime?model=gpt-realtime";
const DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";

function endpointsOf(upstream: WebSocketUpstream, options: Partial<Endpoint> = {}): Endpoint[] {
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  return [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })], options)];
}

async function managed(
  test: (parts: { proxy: ManagedProxy; upstream: WebSocketUpstream }) => Promise<void>,
  options: Partial<Endpoint> = {},
): Promise<void> {
  await using plain = new FakeUpstream();
  await using upstream = realtimeUpstream();
  const prices = [{ matches: () => true, input: 4, output: 16 }];
  const endpoints = endpointsOf(upstream, { prices, ...options });
  await using proxy = await ManagedProxy.start(plain, { endpoints });
  await test({ proxy, upstream });
}

/** Asks for answers on a session and waits for each to be done. */
async function converse(peer: FramePeer, answers: number): Promise<void> {
  for (let count = 0; count < answers; count++) {
    await peer.send(frame(TEXT, JSON.stringify({ type: "response.create" }), { isMasked: true }));
    while (true) {
      const next = await peer.frame();
      assert(next !== null, "the session ended");
      if (new TextDecoder().decode(next.payload).includes('"response.done"')) break;
    }
  }
}

async function goodbye(peer: FramePeer): Promise<void> {
  await peer.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
  await peer.rest();
  peer[Symbol.dispose]();
}

Deno.test("realtime: a session is one exchange, with the usage of all its answers and the model it was for", () =>
  managed(async ({ proxy }) => {
    const { value, id } = await proxy.token();
    const { peer, status } = await openWebSocket(proxy.url, PATH, [`Authorization: Bearer ${value}`]);
    assertEquals(status, 101);
    const [running] = (await proxy.api("GET", "/exchanges/running")).body.data ?? [];
    if (running !== undefined) assertEquals(running.model_asked, "gpt-realtime");
    await converse(peer, 3);
    await goodbye(peer);
    await proxy.proxy.logged("exchange");
    const { body } = await proxy.api("GET", "/exchanges");
    const [row, ...others] = body.data;
    assertEquals(others, []);
    assertEquals([row.status, row.ending, row.token_id, row.model_asked, row.model_answered], [
      101,
      "complete",
      id,
      "gpt-realtime",
      "gpt-realtime",
    ]);
    assertEquals([row.input_tokens, row.output_tokens, row.cached_tokens, row.audio_tokens], [
      75,
      60,
      15,
      54,
    ]);
    assertEquals(row.stop_reason, "completed");
    assertEquals(row.cost_micros, 75 * 4 + 60 * 16);
  }));

Deno.test("realtime: one that is left without a close frame after its last answer is complete", () =>
  managed(async ({ proxy }) => {
    const { value } = await proxy.token();
    const { peer } = await openWebSocket(proxy.url, PATH, [`Authorization: Bearer ${value}`]);
    await converse(peer, 1);
    peer[Symbol.dispose]();
    await proxy.proxy.logged("exchange");
    const [row] = (await proxy.api("GET", "/exchanges")).body.data;
    assertEquals([row.ending, row.status, row.input_tokens, row.usage_partial], ["complete", 101, 25, false]);
  }));

Deno.test("realtime: under the plane no compression is agreed on, which could not be read; without it the offer passes", async () => {
  await managed(async ({ proxy, upstream }) => {
    const { peer } = await openWebSocket(proxy.url, PATH, [
      `Authorization: Bearer ${SECRETS.proxyToken}`,
      DEFLATE,
    ]);
    assertEquals(headerOf(upstream.sessions[0]?.headers ?? [], "sec-websocket-extensions"), undefined);
    await goodbye(peer);
  });
  await using upstream = realtimeUpstream();
  await using proxy = new LocalProxy(upstream, { endpoints: endpointsOf(upstream) });
  const { peer } = await openWebSocket(proxy.url, PATH, [
    `Authorization: Bearer ${SECRETS.proxyToken}`,
    DEFLATE,
  ]);
  assertEquals(
    headerOf(upstream.sessions[0]?.headers ?? [], "sec-websocket-extensions"),
    "permessage-deflate; client_max_window_bits",
  );
  await goodbye(peer);
});

Deno.test("realtime: a token's models, endpoints and requests at the same time hold for sessions", () =>
  managed(async ({ proxy, upstream }) => {
    const open = async (token: string, path = PATH) => {
      const opened = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${token}`]);
      const text = opened.status === 101 ? "" : await opened.text();
      return { ...opened, body: text };
    };
    const narrow = await proxy.token({ allowed_models: ["gpt-4o*"] });
    for (
      const path of [PATH, "/openai/v1/realtime", `${PATH}&model=gpt-4o`, "/openai/v1/realtime?MODEL=gpt-5"]
    ) {
      const refused = await open(narrow.value, path);
      assertEquals([refused.status, refused.header("x-llm-proxy-error")], [403, "forbidden"], path);
      refused.peer[Symbol.dispose]();
    }
    const allowed = await open(narrow.value, "/openai/v1/realtime?model=gpt-4o-realtime");
    assertEquals(allowed.status, 101);
    await goodbye(allowed.peer);
    const elsewhere = await proxy.token({ allowed_endpoints: ["other*"] });
    const refused = await open(elsewhere.value);
    assertEquals(refused.status, 403);
    refused.peer[Symbol.dispose]();
    const single = await proxy.token({ limits: { concurrent_requests: 1 } });
    const first = await open(single.value);
    const second = await open(single.value);
    assertEquals([first.status, second.status], [101, 429]);
    assertMatch(second.body, /may have one request running/);
    second.peer[Symbol.dispose]();
    await goodbye(first.peer);
    assertEquals(upstream.sessions.length, 2);
  }));

Deno.test("realtime: a session reserves what its model may cost, and a second one finds the rest of the budget reserved", () =>
  managed(async ({ proxy, upstream }) => {
    // At $16 a million, 1,000,000 output tokens of an unknown model are sixteen dollars.
    const { value } = await proxy.token({ budget: { total_usd: 10 } });
    const open = () => openWebSocket(proxy.url, PATH, [`Authorization: Bearer ${value}`]);
    const first = await open();
    const second = await open();
    assertEquals([first.status, second.status], [101, 429]);
    assertMatch(await second.text(), /reserved for requests and background responses/);
    second.peer[Symbol.dispose]();
    await goodbye(first.peer);
    assertEquals(upstream.sessions.length, 1);
  }, { reserveOutputTokens: 1_000_000 }));

Deno.test("realtime: limits of models hold for the model that a session names, and sessions must name one", () =>
  managed(async ({ proxy, upstream }) => {
    const { value, id } = await proxy.token({
      model_limits: [{ model: "gpt-realtime", concurrent_requests: 1, budget: { total_usd: 0.0001 } }],
    });
    const open = async (path: string, token = value) => {
      const opened = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${token}`]);
      return { ...opened, body: opened.status === 101 ? "" : await opened.text() };
    };
    const first = await open(PATH);
    const second = await open(PATH);
    assertEquals([first.status, second.status], [101, 429]);
    assertMatch(second.body, /one request running at a time for models gpt-realtime\./);
    second.peer[Symbol.dispose]();
    const unbudgeted = await proxy.token({ model_limits: [{ model: "gpt-4o", requests_per_minute: 1 }] });
    for (const path of ["/openai/v1/realtime", "/openai/v1/responses?model=gpt-realtime"]) {
      const refused = await open(path, unbudgeted.value);
      assertEquals([refused.status, refused.header("x-llm-proxy-error")], [403, "forbidden"], path);
      refused.peer[Symbol.dispose]();
    }
    await converse(first.peer, 3);
    proxy.proxy.log.length = 0;
    await goodbye(first.peer);
    await proxy.proxy.logged("exchange");
    const [limit] = (await proxy.api("GET", `/tokens/${id}`)).body.model_limits;
    assert(limit.spent.total_micros > 100, JSON.stringify(limit));
    const spent = await open(PATH);
    assertMatch(spent.body, /has spent its budget of \$0\.000100 in total for models gpt-realtime/);
    spent.peer[Symbol.dispose]();
    assertEquals(upstream.sessions.length, 1);
  }, { reserveOutputTokens: 1 }));

Deno.test("realtime: a dialect whose sessions choose their model later is closed to tokens of certain models", () =>
  managed(async ({ proxy, upstream }) => {
    const { value } = await proxy.token({ allowed_models: ["gemini-live"] });
    const { status, peer } = await openWebSocket(proxy.url, "/openai/v1/live?model=gemini-live", [
      `Authorization: Bearer ${value}`,
    ]);
    assertEquals(status, 403);
    peer[Symbol.dispose]();
    assertEquals(upstream.connections, 0);
  }, { dialect: "gemini" }));

Deno.test("realtime: responses over a WebSocket are counted too, and closed to tokens of certain models", async () => {
  await using plain = new FakeUpstream();
  await using upstream = new WebSocketUpstream();
  await using proxy = await ManagedProxy.start(plain, { endpoints: endpointsOf(upstream) });
  const path = "/openai/v1/responses?model=gpt-4o-mini";
  const narrow = await proxy.token({ allowed_models: ["gpt-4o-mini"] });
  const refused = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${narrow.value}`]);
  assertEquals(refused.status, 403);
  refused.peer[Symbol.dispose]();
  await proxy.proxy.logged("exchange");
  proxy.proxy.log.length = 0;
  const { value } = await proxy.token();
  const arriving = upstream.next();
  const { peer } = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${value}`]);
  const server = (await arriving).peer;
  for (const [type, output] of [["response.completed", 20], ["response.incomplete", 5]] as const) {
    const usage = { input_tokens: 10, output_tokens: output, total_tokens: 10 + output };
    await server.send(
      frame(TEXT, JSON.stringify({ type, response: { model: "gpt-5-pro", status: "completed", usage } })),
    );
    assertEquals((await peer.frame())?.opcode, TEXT);
  }
  peer[Symbol.dispose]();
  await proxy.proxy.logged("exchange");
  const { data } = (await proxy.api("GET", "/exchanges")).body;
  const [row] = data;
  assertEquals([row.input_tokens, row.output_tokens, row.model_answered], [20, 25, "gpt-5-pro"]);
});

for (const isPolite of [false, true]) {
  const how = isPolite ? "with a close frame" : "without a word";
  Deno.test(`realtime: an answer that a client leaves counts against budgets, also after others: ${how}`, async () => {
    await using plain = new FakeUpstream();
    await using upstream = new WebSocketUpstream();
    const prices = [{ matches: () => true, input: 4, output: 16 }];
    await using proxy = await ManagedProxy.start(plain, { endpoints: endpointsOf(upstream, { prices }) });
    const { value, id } = await proxy.token({ budget: { total_usd: 5 } });
    const arriving = upstream.next();
    const { peer } = await openWebSocket(proxy.url, PATH, [`Authorization: Bearer ${value}`]);
    const server = (await arriving).peer;
    const say = async (event: unknown) => {
      const text = JSON.stringify(event);
      await server.send(frame(TEXT, text));
      assertEquals((await peer.frame())?.opcode, TEXT);
    };
    const usage = { input_tokens: 25, output_tokens: 5, total_tokens: 30 };
    await say({ type: "response.done", response: { id: "resp_1", status: "completed", usage } });
    await say({ type: "response.created", response: { id: "resp_2", status: "in_progress" } });
    const delta = "word ".repeat(800);
    await say({ type: "response.output_text.delta", response_id: "resp_2", delta });
    if (isPolite) {
      await peer.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
      assertEquals((await server.frame())?.opcode, CLOSE);
      await server.send(frame(CLOSE, closePayload(1000)));
      server[Symbol.dispose]();
      await peer.rest();
    }
    peer[Symbol.dispose]();
    await proxy.proxy.logged("exchange");
    const [row] = (await proxy.api("GET", "/exchanges")).body.data;
    // 800 words are nearly as many tokens. Estimates of English are about a third too high.
    const output = row.output_tokens;
    assert(output > 780 && output < 1_120, `${output}`);
    const micros = (25 + 25) * 4 + output * 16;
    assertEquals([row.cost_micros, row.usage_source], [micros, "estimated"]);
    if (!isPolite) assertEquals([row.ending, row.usage_partial], ["client_gone", true]);
    assertEquals((await proxy.api("GET", `/tokens/${id}`)).body.spent.total_micros, micros);
  });
}
