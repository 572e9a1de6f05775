/** Realtime sessions in which only a transcription model answers: its words cost money too. */

import { assertEquals, assertGreater } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import {
  CLOSE,
  closePayload,
  frame,
  openWebSocket,
  TEXT,
  WebSocketUpstream,
} from "../../support/clients/websocket.ts";

const PATH = "/openai/v1/realtime?model=gpt-realtime";

const TOKENS = {
  type: "tokens",
  input_tokens: 10_000,
  output_tokens: 1_000,
  total_tokens: 11_000,
  input_token_details: { text_tokens: 0, audio_tokens: 10_000 },
};

type Event = Record<string, unknown>;
const created = (model: string, session = "gpt-realtime"): Event => ({
  type: "session.created",
  session: { model: session, audio: { input: { transcription: { model } } } },
});
const updated = (model: string): Event => ({ ...created(model), type: "session.updated" });
const done = (usage?: unknown): Event => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id: "item_1",
  transcript: "x",
  ...(usage !== undefined && { usage }),
});
const delta = (text: string): Event => ({
  type: "conversation.item.input_audio_transcription.delta",
  item_id: "item_1",
  delta: text,
});
/** Half a minute of sound. */
const SOUND = { type: "input_audio_buffer.append", audio: "A".repeat(300_000) };

async function session(
  events: readonly Event[],
  { isCut = false, sends = [], look }: {
    isCut?: boolean;
    sends?: readonly Event[];
    /** Runs after the session. */
    look?: (proxy: ManagedProxy) => Promise<unknown>;
  } = {},
): Promise<number> {
  await using plain = new FakeUpstream();
  await using upstream = new WebSocketUpstream();
  const backend = testBackend(upstream.origin, {
    path: "/v1",
    key: { mode: "inject", value: SECRETS.openaiKey },
  });
  await using proxy = await ManagedProxy.start(plain, {
    endpoints: [testEndpoint("openai", [backend], { priceProvider: "openai" })],
  });
  const { value, id } = await proxy.token({ budget: { total_usd: 100 } });
  const next = upstream.next();
  const { peer, status } = await openWebSocket(proxy.url, PATH, [`Authorization: Bearer ${value}`]);
  assertEquals(status, 101);
  for (const one of sends) await peer.send(frame(TEXT, JSON.stringify(one), { isMasked: true }));
  const serving = next.then(async ({ peer }) => {
    for (const _ of sends) await peer.frame();
    for (const one of [...events, { type: "rate_limits.updated" }]) {
      await peer.send(frame(TEXT, JSON.stringify(one)));
    }
    for (let next = await peer.frame(); next !== null; next = await peer.frame()) {
      if (next.opcode !== CLOSE) continue;
      await peer.send(frame(CLOSE, next.payload));
      return peer[Symbol.dispose]();
    }
  }).catch(() => {});
  while (true) {
    const one = await peer.frame();
    if (one === null || new TextDecoder().decode(one.payload).includes("rate_limits.updated")) break;
  }
  if (!isCut) {
    await peer.send(frame(CLOSE, closePayload(1000), { isMasked: true }));
    await peer.rest();
  }
  peer[Symbol.dispose]();
  await serving;
  await proxy.proxy.logged("exchange");
  await look?.(proxy);
  const { body } = await proxy.api("GET", `/tokens/${id}`);
  return body.spent.total_micros;
}

const RESPONSE: readonly Event[] = [
  { type: "response.created", response: { id: "resp_1", status: "in_progress" } },
  {
    type: "response.done",
    response: {
      id: "resp_1",
      status: "completed",
      usage: { input_tokens: 1000, output_tokens: 0, total_tokens: 1000 },
    },
  },
];
const UNPRICED = "gpt-4o-mini-transcribe-2025-12-15";
for (
  const [what, model, usage, responses, micros] of [
    // 10,000 tokens of sound at 6.00 and 1,000 of text at 10.00 per million.
    ["only a transcription", "gpt-4o-transcribe", TOKENS, [], 70_000],
    [
      "only a transcription that counts its seconds",
      "whisper-1",
      { type: "duration", seconds: 600 },
      [],
      60_000,
    ],
    // 1,000 tokens of text at 4.00 per million.
    ["a response and a transcription", "gpt-4o-transcribe", TOKENS, RESPONSE, 74_000],
    // The prices of the session's model: 10,000 tokens of sound at 32.00, 1,000 of text at 16.00.
    ["a response and a transcription by a model without a price", UNPRICED, TOKENS, RESPONSE, 340_000],
    ["only a transcription by a model without a price", UNPRICED, TOKENS, [], 336_000],
  ] as const
) {
  ownEngineTests("webSocket").test(`a budget counts a session with ${what}`, async () => {
    assertEquals(await session([created(model), done(usage), ...responses]), micros);
  });
}

const committed = { type: "input_audio_buffer.committed", item_id: "item_1" };
const WORDS = [committed, delta("hello "), delta("world")];
for (
  const [what, events, isCut, least] of [
    [
      "is cut off before the usage of its transcription",
      [created("gpt-4o-transcribe"), ...WORDS],
      true,
      1_800,
    ],
    [
      "is closed before the usage of its transcription",
      [created("gpt-4o-transcribe"), ...WORDS],
      false,
      1_800,
    ],
    ["gets a transcription without usage", [created("gpt-4o-transcribe"), ...WORDS, done()], false, 1_800],
    [
      "changes its transcription model while the model works",
      [created("gpt-4o-transcribe"), committed, updated("gpt-4o-mini-transcribe"), done(TOKENS)],
      false,
      70_000,
    ],
    [
      "has many transcription models",
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].flatMap((n) => [updated(`unpriced-${n}`), done(TOKENS)]),
      false,
      12 * 336_000,
    ],
  ] as const
) {
  ownEngineTests("webSocket").test(`a budget counts a session that ${what}`, async () => {
    assertGreater(await session(events, { isCut, sends: [SOUND] }), least - 1);
  });
}

ownEngineTests("webSocket").test(
  "a budget counts each transcription once, also with more items than are counted separately",
  async () => {
    const item = (event: Event, id: number): Event => ({ ...event, item_id: `item_${id}` });
    const many = Array.from({ length: 70 }, (_, id) => id);
    const unused = { type: "session.created", session: { model: "gpt-realtime" } };
    const spent = await session([
      unused,
      ...many.map((id) => item(committed, id)),
      updated("gpt-4o-transcribe"),
      item(committed, 100),
      item(delta("hello"), 100),
      item(done(TOKENS), 100),
    ], { sends: [SOUND] });
    // 10,000 tokens of sound at 6.00 and 1,000 of text at 10.00 per million.
    assertEquals(spent, 70_000);
    const together = await session([
      updated("gpt-4o-transcribe"),
      ...many.map((id) => item(committed, id)),
      ...many.map((id) => item(done(TOKENS), id)),
    ]);
    assertEquals(together, 70 * 70_000);
  },
);

ownEngineTests("webSocket").test(
  "a budget counts the sound before a response that is cut off as sound",
  async () => {
    const format = { type: "audio/pcmu" };
    const spent = await session([
      { type: "session.created", session: { model: "gpt-realtime", audio: { input: { format } } } },
      { type: "response.created", response: { id: "r", status: "in_progress" } },
      { type: "response.output_audio.delta", response_id: "r", delta: "A".repeat(4_000) },
    ], { isCut: true, sends: [SOUND, { type: "response.create" }] });
    // 300 tokens of sound at 32.00 per million.
    assertGreater(spent, 9_600);
  },
);

ownEngineTests("webSocket").test(
  "the row of a session says whether the usage of its transcriptions is an estimate",
  async () => {
    const sources: unknown[] = [];
    const sourceOf = async (proxy: ManagedProxy) =>
      sources.push((await proxy.api("GET", "/exchanges")).body.data[0].usage_source);
    await session([created("gpt-4o-transcribe"), done(TOKENS)], { look: sourceOf });
    await session([created("gpt-4o-transcribe"), ...WORDS, done()], { sends: [SOUND], look: sourceOf });
    assertEquals(sources, ["provider", "estimated"]);
  },
);

ownEngineTests("webSocket").test(
  "a client cannot name the model whose price counts for its session",
  async () => {
    const sends = [{ setup: { model: "models/gpt-4o-mini" } }];
    // 1,000 tokens of text at 4.00 per million.
    assertEquals(await session([{ type: "session.created", session: {} }, ...RESPONSE], { sends }), 4_000);
    const transcribed = [{
      type: "session.created",
      session: { type: "transcription", audio: { input: { transcription: { model: UNPRICED } } } },
    }, done(TOKENS)];
    assertEquals(await session(transcribed, { sends }), 336_000);
  },
);

ownEngineTests("webSocket").test("a budget counts the words of a transcription that fails", async () => {
  const failed = { ...done(), type: "conversation.item.input_audio_transcription.failed" };
  const spent = await session([created("gpt-4o-transcribe"), ...WORDS, failed], { sends: [SOUND] });
  assertGreater(spent, 1_800 - 1);
});

ownEngineTests("webSocket").test(
  "a budget counts the output of a response that reports only its input",
  async () => {
    const spent = await session([
      { type: "session.created", session: { model: "gpt-realtime" } },
      { type: "response.created", response: { id: "r", status: "in_progress" } },
      { type: "response.output_text.delta", response_id: "r", delta: "word ".repeat(1_000) },
      { type: "response.done", response: { id: "r", status: "completed", usage: { input_tokens: 10 } } },
    ]);
    // 1,000 tokens of text at 16.00 per million.
    assertGreater(spent, 16_000 - 1);
  },
);
