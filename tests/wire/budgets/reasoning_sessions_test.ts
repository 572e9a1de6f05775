/** Realtime sessions of models that reason invisibly, whose clients leave before the usage arrives. */

import { assertGreater, assertLess } from "@std/assert";
import { frame, openWebSocket, TEXT, WebSocketUpstream } from "../../support/clients/websocket.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { passing } from "../../support/time/passing_time.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

const MODEL = "gpt-realtime-2";
const REASONING_MS = 500;
const CREATED = { type: "session.created", session: { type: "realtime", model: MODEL } };
const BEGUN = { type: "response.created", response: { id: "r", status: "in_progress", usage: null } };
const ANSWER = [
  { type: "response.output_text.delta", response_id: "r", item_id: "i", delta: "42" },
  { type: "response.output_text.done", response_id: "r", item_id: "i", text: "42" },
];

ownEngineTests("webSocket").test(
  "under a budget, the time before the first word of a cut response counts",
  async () => {
    await using plain = new FakeUpstream();
    await using upstream = new WebSocketUpstream();
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    const backend = testBackend(upstream.origin, { path: "/v1", key });
    await using proxy = await ManagedProxy.start(plain, {
      endpoints: [testEndpoint("openai", [backend], { priceProvider: "openai" })],
    });
    const { value, id } = await proxy.token({ budget: { total_usd: 100 } });
    const serving = upstream.next().then(async ({ peer }) => {
      for (const event of [CREATED, BEGUN]) await peer.send(frame(TEXT, JSON.stringify(event)));
      await passing(REASONING_MS, { why: "the model reasons" });
      for (const event of ANSWER) await peer.send(frame(TEXT, JSON.stringify(event)));
      await peer.rest();
      peer[Symbol.dispose]();
    });
    const path = `/openai/v1/realtime?model=${MODEL}`;
    const { peer } = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${value}`]);
    const create = JSON.stringify({ type: "response.create", response: { reasoning: { effort: "xhigh" } } });
    await peer.send(frame(TEXT, create, { isMasked: true }));
    for (let event = await peer.frame(); event !== null; event = await peer.frame()) {
      if (new TextDecoder().decode(event.payload).includes("output_text.done")) break;
    }
    peer[Symbol.dispose]();
    await serving;
    await proxy.proxy.logged("exchange");
    const { body } = await proxy.api("GET", `/tokens/${id}`);
    // A token for 5 ms, at 24.00 per million.
    assertGreater(body.spent.total_micros, (REASONING_MS - 50) / 5 * 24);
    assertLess(body.spent.total_micros, 100_000);
  },
);
