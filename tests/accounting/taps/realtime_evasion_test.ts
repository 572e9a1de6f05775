/** Realtime sessions that try to make an answer free, and honest sessions that look like them. */

import { assert, assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";

type Event = Record<string, unknown>;

function assertNear(actual: number, expected: number, tolerance: number): void {
  assert(Math.abs(actual - expected) <= tolerance, `${actual}, and not ${expected}`);
}

class Session {
  readonly tap = new RealtimeTap();

  server(...events: readonly Event[]): this {
    for (const event of events) this.tap.write(frame(TEXT, JSON.stringify(event)));
    return this;
  }

  client(...events: readonly (Event | string)[]): this {
    for (const event of events) {
      const text = typeof event === "string" ? event : JSON.stringify(event);
      this.tap.sent(frame(TEXT, text, { isMasked: true }));
    }
    return this;
  }
}

const PCM = { type: "audio/pcm", rate: 24_000 };
const created = (transcription: unknown, format: Event = PCM): Event => ({
  type: "session.created",
  session: {
    type: "realtime",
    model: "gpt-realtime",
    audio: { input: { format, transcription }, output: { format } },
  },
});
const updated = (transcription: unknown): Event => ({ ...created(transcription), type: "session.updated" });
const WHISPER = { model: "whisper-1" };
const TRANSCRIBE = { model: "gpt-4o-transcribe" };

/** Sound of so many seconds, uncompressed. */
const sound = (seconds: number): Event => ({
  type: "input_audio_buffer.append",
  audio: "A".repeat(seconds * 64_000),
});
const COMMIT = { type: "input_audio_buffer.commit" };
const committed = (item_id: string): Event => ({ type: "input_audio_buffer.committed", item_id });
const spoken = (item_id: string, from: number, to: number): Event[] => [
  { type: "input_audio_buffer.speech_started", audio_start_ms: from * 1_000, item_id },
  { type: "input_audio_buffer.speech_stopped", audio_end_ms: to * 1_000, item_id },
  committed(item_id),
];
const about = (what: string, item_id: string, more: Event = {}): Event => ({
  type: `conversation.item.input_audio_transcription.${what}`,
  item_id,
  content_index: 0,
  ...more,
});
const completed = (item_id: string, seconds: number): Event =>
  about("completed", item_id, { transcript: "x", usage: { type: "duration", seconds } });

const CREATE = { type: "response.create" };
const begun = (id: string, more: Event = {}): Event => ({
  type: "response.created",
  response: { id, status: "in_progress", usage: null, ...more },
});
const words = (response_id: string, count: number): Event[] =>
  Array.from(
    { length: count },
    () => ({ type: "response.output_text.delta", response_id, item_id: "i", delta: " word" }),
  );
const done = (id: string, usage: unknown, status = "completed"): Event => ({
  type: "response.done",
  response: { id, status, usage },
});
const usage = (input_tokens: number, output_tokens: number): Event => ({
  input_tokens,
  output_tokens,
  total_tokens: input_tokens + output_tokens,
});
const outputs = ({ tap }: Session): number =>
  (tap.end().unfinished ?? []).reduce((total, { outputTokens = 0 }) => total + outputTokens, 0);
const inputs = ({ tap }: Session): number =>
  (tap.end().unfinished ?? []).reduce((total, { inputTokens = 0 }) => total + inputTokens, 0);

Deno.test("words of a transcription that fails afterwards are estimated", () => {
  const words = Array.from({ length: 50 }, () => about("delta", "i", { delta: " word" }));
  const { tap } = new Session().client(sound(10))
    .server(created(TRANSCRIBE), committed("i"), ...words, about("failed", "i", { error: {} }));
  const [step] = tap.end().steps ?? [];
  assertNear(step?.usage.outputTokens ?? 0, 60, 10);
  assertEquals(step?.usage.inputTokens, 101);
  assertEquals(step?.isEstimated, true);
});

Deno.test("a transcription that reports only its input or its output is estimated for the rest", () => {
  for (
    const [reported, known] of [
      [{ type: "tokens", input_tokens: 5 }, { inputTokens: 5 }],
      [{ type: "tokens", input_tokens: 5, output_tokens: -1 }, { inputTokens: 5 }],
      [{ type: "tokens", input_tokens: "5", output_tokens: 3 }, { outputTokens: 3 }],
    ] as const
  ) {
    const { tap } = new Session().client(sound(10))
      .server(created(TRANSCRIBE), committed("i"), about("delta", "i", { delta: "hello" }))
      .server(about("completed", "i", { transcript: "hello", usage: reported }));
    const [step] = tap.end().steps ?? [];
    const { inputTokens, outputTokens } = step?.usage ?? {};
    assertEquals({ inputTokens, outputTokens, ...known }, { inputTokens, outputTokens });
    assert((inputTokens ?? 0) > 0 && (outputTokens ?? 0) > 0, JSON.stringify(step));
    assertEquals(step?.isEstimated, true);
  }
});

for (
  const [reported, inputTokens, outputTokens] of [
    [{ input_tokens: 7 }, 0, 120],
    [{ input_tokens: 7, output_tokens: "5" }, 0, 120],
    [{ input_tokens: 7, output_tokens: 1e308 }, 0, 120],
    [{ output_tokens: 7 }, 1_000, 0],
  ] as const
) {
  Deno.test(`a response that reports a part of its usage is estimated: ${JSON.stringify(reported)}`, () => {
    const session = new Session().client({ type: "conversation.item.create", item: "x".repeat(4_000) })
      .server(created(null), begun("r"), ...words("r", 100), done("r", reported));
    assert(inputs(session) >= inputTokens && (inputTokens > 0 || inputs(session) === 0));
    assertNear(outputs(session), outputTokens, outputTokens / 5);
  });
}

Deno.test("a response whose only event is its end is estimated by its length, unless it failed", () => {
  const response = { id: "r", usage: null, output: [{ content: [{ text: "x".repeat(4_000) }] }] };
  const whole = (status: string) =>
    new Session().server({ type: "response.done", response: { ...response, status } });
  assert(outputs(whole("completed")) > 1_000);
  assertEquals(outputs(whole("failed")), 0);
});

Deno.test("each of many responses counts, in parallel and one after the other", () => {
  const parallel = new Session();
  for (let id = 0; id < 600; id++) parallel.server(begun(`r${id}`), ...words(`r${id}`, 10));
  parallel.server(done("r0", usage(5, 10)));
  assertNear(outputs(parallel), 599 * 12, 599 * 2);
  const input = new Session().client({ type: "conversation.item.create", item: "x".repeat(4_000) });
  for (let id = 0; id < 20; id++) input.server(begun(`r${id}`), done(`r${id}`, null, "cancelled"));
  assert(inputs(input) >= 20_000, `${inputs(input)}`);
});

Deno.test("each requested response that has not begun counts its input", () => {
  const session = new Session().client({ type: "conversation.item.create", item: "x".repeat(4_000) });
  for (let count = 0; count < 10; count++) session.client(CREATE);
  assert(inputs(session) >= 10_000, `${inputs(session)}`);
  // A server rejects a request while another response runs.
  session.server(...Array.from({ length: 9 }, (_, id) => begun(`${id}`)));
  assertEquals(session.tap.end().unfinished?.length, 9);
  session.server(done("0", usage(5, 5)), begun("9"));
  assertEquals(session.tap.end().unfinished?.length, 9);
});

Deno.test("a short response outside the conversation does not make the next one cheap", () => {
  const session = new Session()
    .server(begun("a"), done("a", usage(20_000, 5)), begun("b"), done("b", usage(10, 5)), begun("c"));
  assertEquals(inputs(session), 20_000);
});

Deno.test("only Gemini's clients name their model", () => {
  const setup = { setup: { model: "models/gpt-4o-mini" } };
  const { tap } = new Session().client(setup).server(begun("r"), done("r", usage(1, 1)));
  assertEquals(tap.end().model, undefined);
  assertEquals(new Session().client(setup).server({ setupComplete: {} }).tap.end().model, "gpt-4o-mini");
});

for (
  const [what, first, response, sent, tokens] of [
    ["GA, uncompressed", created(null), {}, CREATE, 200],
    ["GA, G.711", created(null, { type: "audio/pcmu" }), {}, CREATE, 1_280],
    [
      "beta, uncompressed",
      { type: "session.created", session: { output_audio_format: "pcm16" } },
      {},
      CREATE,
      200,
    ],
    ["beta, unknown", { type: "session.created", session: {} }, {}, CREATE, 1_280],
    ["a response in G.711", created(null), { output_audio_format: "g711_ulaw" }, CREATE, 1_280],
    [
      "a response that the client wants in G.711",
      created(null),
      {},
      { ...CREATE, response: { audio: { output: { format: { type: "audio/pcma" } } } } },
      1_280,
    ],
    [
      "a client that wants uncompressed sound",
      { type: "session.created", session: {} },
      {},
      { ...CREATE, response: { output_audio_format: "pcm16" } },
      1_280,
    ],
  ] as const
) {
  Deno.test(`generated sound that was cut off counts by its format: ${what}`, () => {
    const delta = { type: "response.output_audio.delta", response_id: "r", delta: "A".repeat(640_000) };
    const session = new Session().server(first).client(sent).server(begun("r", response), delta);
    const [one] = session.tap.end().unfinished ?? [];
    assertNear(one?.outputAudioTokens ?? 0, tokens, 2);
  });
}

const seconds = ({ tap }: Session): number =>
  (tap.end().steps ?? []).reduce((total, { usage }) => total + (usage.inputAudioSeconds ?? 0), 0);

Deno.test("sound that was sent before the server confirms earlier speech counts with later speech", () => {
  const all = [sound(1), COMMIT, sound(60), COMMIT];
  const whole = new Session().server(created(WHISPER)).client(...all).server(committed("a"));
  for (const last of [completed("a", 1), about("failed", "a", { error: {} })]) {
    const session = new Session().server(created(WHISPER)).client(...all)
      .server(committed("a"), last, committed("b"));
    assert(seconds(session) >= 60, `${last["type"]} ${seconds(session)}`);
  }
  assert(seconds(whole) >= 60);
  const late = new Session().server(created(WHISPER)).client(...all)
    .server(committed("a"), committed("b"), completed("a", 1));
  assert(seconds(late) >= 60, `${seconds(late)}`);
  const switched = new Session().server(created(null)).client(...all)
    .server(committed("a"), updated(WHISPER), committed("b"));
  assert(seconds(switched) >= 60, `${seconds(switched)}`);
  const rejected = new Session().server(created(WHISPER)).client(COMMIT, ...all)
    .server({ type: "error" }, committed("a"), completed("a", 1), committed("b"));
  assert(seconds(rejected) >= 60, `${seconds(rejected)}`);
  const unreported = new Session().server(created(WHISPER)).client(...all)
    .server(committed("a"), completed("a", 1), committed("b"), about("completed", "b", { transcript: "x" }));
  assert(seconds(unreported) >= 60, `${seconds(unreported)}`);
  const early = new Session().server(created(WHISPER)).client(...all)
    .server(committed("a"), committed("b"), about("completed", "b", { transcript: "x" }), completed("a", 1));
  assert(seconds(early) >= 60, `${seconds(early)}`);
});

Deno.test("push to talk: sound whose transcription reported its usage counts once", () => {
  const session = new Session().server(created(WHISPER));
  for (let turn = 0; turn < 20; turn++) {
    session.client(sound(5), COMMIT).server(committed(`i${turn}`)).client(sound(2))
      .server(completed(`i${turn}`, turn === 0 ? 5 : 7));
  }
  session.client(COMMIT).server(committed("last"));
  assertNear(seconds(session), 5 + 19 * 7 + 2, 0.5);
});

Deno.test("an end of speech without speech does not keep sound that was not transcribed", () => {
  const empty = { type: "error", error: { code: "input_audio_buffer_commit_empty" } };
  const session = new Session().server(created(null)).client(COMMIT).server(empty)
    .client(sound(60), COMMIT).server(committed("a"), updated(WHISPER))
    .client(sound(5), COMMIT).server(committed("b"));
  assertNear(seconds(session), 5, 0.1);
});

Deno.test("detected speech counts by its times, and silence does not", () => {
  const session = new Session().server(created(WHISPER)).client(sound(60))
    .server(...spoken("a", 50, 52)).client(sound(60)).server(...spoken("b", 100, 103))
    .server(begun("r"));
  assertNear(seconds(session), 5, 0.01);
  const [response] = session.tap.end().unfinished ?? [];
  assertNear(response?.inputAudioTokens ?? 0, 50, 2);
  assertNear(response?.inputTokens ?? 0, 50, 2);
  // All sound at once, and the first speech reports its usage.
  const early = new Session().server(created(WHISPER)).client(sound(60))
    .server(...spoken("a", 1, 2), completed("a", 1), ...spoken("b", 3, 59));
  assertNear(seconds(early), 57, 0.01);
  // Without transcription, which is turned on for the second speech.
  const later = new Session().server(created(null)).client(sound(60))
    .server(...spoken("a", 1, 2), updated(WHISPER), committed("b"));
  assertNear(seconds(later), 58, 0.1);
});

Deno.test("sound in an item counts as sound, and the text around it as text", () => {
  const content = [
    { type: "input_audio", audio: "A".repeat(640_000) },
    { type: "input_text", text: "x".repeat(4_000) },
  ];
  const item = { type: "message", role: "user", content };
  for (
    const event of [
      { type: "conversation.item.create", item },
      { ...CREATE, response: { conversation: "none", input: [item] } },
    ]
  ) {
    for (const speech of [[], [committed("a")]]) {
      const session = new Session().server(created(WHISPER), ...speech).client(event).server(begun("r"));
      const [one] = session.tap.end().unfinished ?? [];
      assertNear(one?.inputAudioTokens ?? 0, 100, 2);
      assertNear(one?.inputTokens ?? 0, 1_100, 60);
      assertEquals(seconds(session), 0);
    }
  }
});

Deno.test("absurd times of speech count no more than an hour", () => {
  for (const end of [1e308, -5, "7", null, {}]) {
    const { tap } = new Session().server(created(WHISPER)).client(sound(1)).server(
      { type: "input_audio_buffer.speech_started", audio_start_ms: 0, item_id: "a" },
      { type: "input_audio_buffer.speech_stopped", audio_end_ms: end, item_id: "a" },
      committed("a"),
    );
    const [step] = tap.end().steps ?? [];
    const { inputAudioSeconds = -1 } = step?.usage ?? {};
    assert(inputAudioSeconds >= 1 && inputAudioSeconds <= 3_600, `${end} ${inputAudioSeconds}`);
  }
});

Deno.test("sound in a message whose type the proxy cannot find counts", () => {
  const session = new Session().server(created(WHISPER)).client(`\ufeff${JSON.stringify(sound(10))}`)
    .server(committed("a"));
  assert(seconds(session) >= 10);
});

Deno.test("more transcriptions without usage than are counted separately count their sound once", () => {
  const session = new Session().server(created(TRANSCRIBE));
  for (let id = 0; id < 600; id++) session.client(sound(1)).server(committed(`i${id}`));
  for (let id = 599; id >= 0; id--) session.server(about("completed", `i${id}`, { transcript: "x" }));
  assertNear(seconds(session), 600, 2);
});
