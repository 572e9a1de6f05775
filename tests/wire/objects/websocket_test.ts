/** Messages on a WebSocket cannot name the objects of other tokens, and its responses belong to its token. */

import { assert, assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import {
  CLOSE,
  closePayload,
  closeText,
  frame,
  type FramePeer,
  openWebSocket,
  TEXT,
  WebSocketUpstream,
} from "../../support/clients/websocket.ts";

const { test } = ownEngineTests("webSocket");

const RESPONSE = "resp_68a1b2c3d4e5f60718293a4b5c6d7e8f";

/** An upstream that answers each message with a response, and keeps the messages. */
function respondingUpstream(seen: string[]): WebSocketUpstream {
  const upstream = new WebSocketUpstream();
  void (async () => {
    while (true) {
      const { peer } = await upstream.next();
      void respond(peer, seen).catch(() => {});
    }
  })();
  return upstream;
}

async function respond(peer: FramePeer, seen: string[]): Promise<void> {
  for (let next = await peer.frame(); next !== null; next = await peer.frame()) {
    if (next.opcode === CLOSE) {
      await peer.send(frame(CLOSE, next.payload));
      return peer[Symbol.dispose]();
    }
    seen.push(new TextDecoder().decode(next.payload));
    for (const type of ["response.created", "response.completed"]) {
      await peer.send(frame(TEXT, JSON.stringify({ type, response: { id: RESPONSE, status: "completed" } })));
    }
  }
}

test("objects: on a WebSocket of responses, a foreign response ends it before the upstream gets the message", async () => {
  await using plain = new FakeUpstream();
  const seen: string[] = [];
  await using upstream = respondingUpstream(seen);
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const endpoints = [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])];
  await using proxy = await ManagedProxy.start(plain, { endpoints });
  const [anna, ben] = [await proxy.token({ name: "anna" }), await proxy.token({ name: "ben" })];
  const open = async (token: string): Promise<FramePeer> => {
    const path = "/openai/v1/responses";
    const { peer, status } = await openWebSocket(proxy.url, path, [`Authorization: Bearer ${token}`]);
    assertEquals(status, 101);
    return peer;
  };
  // Ben's WebSocket is open before Anna's first response.
  const his = await open(ben.value);
  const hers = await open(anna.value);
  const ask = (previous?: string) =>
    JSON.stringify({ type: "response.create", previous_response_id: previous });
  for (const previous of [undefined, RESPONSE]) {
    await hers.send(frame(TEXT, ask(previous), { isMasked: true }));
    await hers.frame();
    await hers.frame();
  }
  assertEquals(seen.length, 2);
  await his.send(frame(TEXT, ask(), { isMasked: true }));
  await his.frame();
  await his.frame();
  assertEquals(seen.length, 3);
  // In several frames, and in bytes that arrive one by one.
  const text = ask(RESPONSE);
  const first = frame(TEXT, text.slice(0, 60), { isMasked: true, isFinal: false });
  const second = frame(0, text.slice(60), { isMasked: true });
  for (const byte of [...first, ...second]) await his.send(Uint8Array.of(byte));
  const closing = (await his.rest()).at(-1);
  assert(closing !== undefined);
  assertEquals([closing.opcode, closeText(closing)], [
    CLOSE,
    "1008 a message names an object that does not exist",
  ]);
  assertEquals(seen.length, 3);
  his[Symbol.dispose]();
  await hers.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
  await hers.rest();
  hers[Symbol.dispose]();
});

/** Messages that hide an id from a reader that takes frames as they should be. */
const HIDDEN: Readonly<Record<string, (text: string) => readonly Uint8Array[]>> = {
  "in frames with a reserved opcode": (text) => [frame(3, text, { isMasked: true })],
  "in a message within another one": (text) => [
    frame(TEXT, "{", { isMasked: true, isFinal: false }),
    frame(TEXT, text, { isMasked: true }),
  ],
  "in UTF-16": (text) => [
    frame(2, Uint8Array.from([...text].flatMap((one) => [0, one.charCodeAt(0)])), { isMasked: true }),
  ],
};

for (const [name, framesOf] of Object.entries(HIDDEN)) {
  test(`objects: a foreign id ${name} ends the WebSocket`, async () => {
    await using plain = new FakeUpstream();
    const seen: string[] = [];
    await using upstream = respondingUpstream(seen);
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    const endpoints = [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])];
    await using proxy = await ManagedProxy.start(plain, { endpoints });
    const [anna, ben] = [await proxy.token({ name: "anna" }), await proxy.token({ name: "ben" })];
    const open = async (token: string): Promise<FramePeer> =>
      (await openWebSocket(proxy.url, "/openai/v1/responses", [`Authorization: Bearer ${token}`])).peer;
    using hers = await open(anna.value);
    using his = await open(ben.value);
    await hers.send(frame(TEXT, JSON.stringify({ type: "response.create" }), { isMasked: true }));
    await hers.frame();
    await hers.frame();
    const blanks = " ".repeat(1_100);
    const text = JSON.stringify({ type: "response.create", previous_response_id: `${RESPONSE}${blanks}` });
    for (const one of framesOf(text)) await his.send(one);
    const closing = (await his.rest()).at(-1);
    assertEquals(closing?.opcode, CLOSE);
    assertEquals(seen.filter((one) => one.includes(RESPONSE)), []);
    await hers.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
    await hers.rest();
  });
}
