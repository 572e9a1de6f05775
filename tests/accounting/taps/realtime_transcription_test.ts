/** Transcriptions of realtime sessions count as often as the provider reports them. */

import { assert, assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";

type Event = Record<string, unknown>;

/** A session. */
function session(): { tap: RealtimeTap; server: (e: Event) => void; client: (e: Event | string) => void } {
  const tap = new RealtimeTap();
  return {
    tap,
    server: (event) => tap.write(frame(TEXT, JSON.stringify(event))),
    client: (event) =>
      tap.sent(frame(TEXT, typeof event === "string" ? event : JSON.stringify(event), { isMasked: true })),
  };
}

const SOUND = { type: "input_audio_buffer.append", audio: "A".repeat(100_000) };
const ga = (transcription: unknown): Event => ({
  type: "session.updated",
  session: { type: "realtime", model: "gpt-realtime", audio: { input: { transcription } } },
});
const beta = (transcription: unknown): Event => ({
  type: "session.updated",
  session: { model: "gpt-realtime", input_audio_transcription: transcription },
});
const T = "conversation.item.input_audio_transcription.";
const committed = (item_id: string): Event => ({ type: "input_audio_buffer.committed", item_id });
const about = (what: string, item_id: string, more: Event = {}): Event => ({
  type: T + what,
  item_id,
  content_index: 0,
  ...more,
});
const USAGE = {
  type: "tokens",
  input_tokens: 10,
  output_tokens: 2,
  total_tokens: 12,
  input_token_details: { text_tokens: 0, audio_tokens: 10 },
};
const completed = (id: string, usage: unknown = USAGE): Event =>
  about("completed", id, { transcript: "x", usage });
const ONCE = [{
  model: "gpt-4o-transcribe",
  usage: { inputTokens: 10, inputAudioTokens: 10, outputTokens: 2 },
}];
const MODEL = { model: "gpt-4o-transcribe" };

for (const [version, update] of [["GA", ga], ["beta", beta]] as const) {
  Deno.test(`${version}: server VAD`, () => {
    const { tap, server, client } = session();
    server(update(MODEL));
    client(SOUND);
    server({ type: "input_audio_buffer.speech_started", item_id: "i" });
    server({ type: "input_audio_buffer.speech_stopped", item_id: "i" });
    server(committed("i"));
    server({ type: "conversation.item.created", item: { id: "i" } });
    server({ type: "response.created", response: { id: "r", status: "in_progress" } });
    server(about("delta", "i", { delta: "hello" }));
    server({ type: "response.output_audio_transcript.delta", response_id: "r", item_id: "j", delta: "hi" });
    server(about("segment", "i", { text: "hello", id: "s", speaker: "a" }));
    server(completed("i"));
    server({
      type: "response.done",
      response: { id: "r", status: "completed", usage: { input_tokens: 3, output_tokens: 4 } },
    });
    server({ type: "conversation.item.truncated", item_id: "j" });
    server({ type: "conversation.item.retrieved", item: { id: "i" } });
    client(SOUND);
    const { steps, usage, unfinished } = tap.end();
    assertEquals({ steps, usage, unfinished }, {
      steps: ONCE,
      usage: { inputTokens: 3, outputTokens: 4 },
      unfinished: [],
    });
  });

  Deno.test(`${version}: transcription that was turned off costs nothing`, () => {
    const { tap, server, client } = session();
    server(update(MODEL));
    client(SOUND);
    server(committed("i"));
    server(completed("i"));
    server(update(null));
    for (let n = 0; n < 20; n++) {
      client(SOUND);
      server(committed(`j${n}`));
    }
    assertEquals(tap.end().steps, ONCE);
  });
}

Deno.test("late parts after completed", () => {
  for (const late of [about("delta", "i", { delta: "late" }), about("segment", "i", { text: "x" })]) {
    const { tap, server, client } = session();
    server(ga(MODEL));
    client(SOUND);
    server(committed("i"));
    server(completed("i"));
    client(SOUND);
    server(late);
    assertEquals(tap.end().steps, ONCE, String(late["type"]));
  }
});

Deno.test("completed before committed", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  client(SOUND);
  server(completed("i"));
  server(committed("i"));
  assertEquals(tap.end().steps, ONCE);
});

Deno.test("many speeches at once, each with its usage and its sound", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  for (let n = 0; n < 70; n++) {
    client(SOUND);
    server(committed(`${n}`));
  }
  for (let n = 0; n < 70; n++) server(completed(`${n}`));
  assertEquals(tap.end().steps, [{
    model: MODEL.model,
    usage: { inputTokens: 700, inputAudioTokens: 700, outputTokens: 140 },
  }]);
});

Deno.test("the seconds of whisper-1", () => {
  const { tap, server, client } = session();
  server(ga({ model: "whisper-1" }));
  client(SOUND);
  server(committed("i"));
  server(completed("i", { type: "duration", seconds: 1.5 }));
  assertEquals(tap.end().steps, [{ model: "whisper-1", usage: { inputAudioSeconds: 1.5 } }]);
});

Deno.test("usage of zero is usage", () => {
  for (
    const usage of [{ type: "duration", seconds: 0 }, {
      type: "tokens",
      input_tokens: 0,
      output_tokens: 0,
      total_tokens: 0,
    }]
  ) {
    const { tap, server, client } = session();
    server(ga(MODEL));
    client(SOUND);
    server(committed("i"));
    server(completed("i", usage));
    const total = Object.values(tap.end().steps?.[0]?.usage ?? {}).reduce((a, b) => a + b, 0);
    assertEquals(total, 0, usage.type);
  }
});

Deno.test("failed, push to talk with clear", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  client(SOUND);
  client({ type: "input_audio_buffer.clear" });
  server({ type: "input_audio_buffer.cleared" });
  client(SOUND);
  server(committed("i"));
  server(about("failed", "i", { error: {} }));
  server(completed("k"));
  assertEquals(tap.end().steps, ONCE);
});

Deno.test("transcription-only sessions", () => {
  for (
    const first of [
      {
        type: "session.created",
        session: { type: "transcription", audio: { input: { transcription: MODEL } } },
      },
      { type: "transcription_session.updated", session: { input_audio_transcription: MODEL } },
    ]
  ) {
    const { tap, server, client } = session();
    server(first);
    client(SOUND);
    server(committed("i"));
    server({ type: "conversation.item.added", item: { id: "i" } });
    server({ type: "conversation.item.done", item: { id: "i" } });
    server(completed("i"));
    assertEquals(tap.end(), { usage: {}, unfinished: [], steps: ONCE });
  }
});

Deno.test("lists of MCP tools are no responses", () => {
  const { tap, server } = session();
  server(ga(MODEL));
  server({ type: "mcp_list_tools.in_progress", item_id: "m" });
  server({ type: "mcp_list_tools.completed", item_id: "m" });
  assertEquals(tap.end().uncertain, undefined);
});

Deno.test("not free: sound in a message with two types", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  client(`{"type":"x","type":"input_audio_buffer.append","audio":"${"A".repeat(100_000)}"}`);
  server(committed("i"));
  server(about("delta", "i", { delta: "hello" }));
  assertEquals((tap.end().steps?.[0]?.usage.inputTokens ?? 0) >= 100, true);
});

Deno.test("not free: a cleared that answers an earlier clear", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  client({ type: "input_audio_buffer.clear" });
  client(SOUND);
  client({ type: "input_audio_buffer.commit" });
  server({ type: "input_audio_buffer.cleared" });
  server(committed("i"));
  server(about("delta", "i", { delta: "hello" }));
  assertEquals((tap.end().steps?.[0]?.usage.inputTokens ?? 0) >= 100, true);
});

Deno.test("not free: sound that was sent before transcription was turned on", () => {
  const { tap, server, client } = session();
  client(SOUND);
  server(committed("before"));
  client(SOUND);
  server(ga(MODEL));
  server(committed("i"));
  server(about("delta", "i", { delta: "hello" }));
  assertEquals(tap.end().steps?.[0]?.usage.inputTokens, 101);
});

Deno.test("not free: whisper's sound, cut before its usage", () => {
  const { tap, server, client } = session();
  server(ga({ model: "whisper-1" }));
  client(SOUND);
  server(committed("i"));
  assertEquals(tap.end().steps, [{
    model: "whisper-1",
    usage: { inputTokens: 101, inputAudioTokens: 101, inputAudioSeconds: 10.0047, outputTokens: 0 },
    isEstimated: true,
  }]);
});

Deno.test("bounded: many items and huge ids", () => {
  const { tap, server } = session();
  server(ga(MODEL));
  for (let n = 0; n < 200_000; n++) server(committed(`i${n}`));
  for (let n = 0; n < 20_000; n++) server(about("delta", `i${n}` + "z".repeat(1000), { delta: "x" }));
  // 500 speeches, and the others as a part of the oldest one.
  assertEquals(tap.end().steps, [{
    model: MODEL.model,
    usage: { inputTokens: 0, inputAudioTokens: 0, inputAudioSeconds: 0, outputTokens: 20_000 },
    isEstimated: true,
  }]);
});

for (
  const [format, seconds] of [
    [{ audio: { input: { format: { type: "audio/pcm", rate: 24_000 }, transcription: MODEL } } }, 10],
    [{ audio: { input: { format: { type: "audio/pcmu" }, transcription: MODEL } } }, 64],
    [{ input_audio_format: "pcm16", input_audio_transcription: MODEL }, 10],
    [{ input_audio_format: "g711_alaw", input_audio_transcription: MODEL }, 64],
    [
      { input_audio_format: "pcm16", input_audio_sampling_rate: 16_000, input_audio_transcription: MODEL },
      15,
    ],
  ] as const
) {
  Deno.test(`a transcription without usage has the seconds of its format ${JSON.stringify(format)}`, () => {
    const { tap, server, client } = session();
    server({ type: "session.created", session: format });
    client({ type: "input_audio_buffer.append", audio: "A".repeat(640_000) });
    server(committed("i"));
    server(about("completed", "i", { transcript: "x" }));
    assertEquals(Math.floor(tap.end().steps?.[0]?.usage.inputAudioSeconds ?? 0), seconds);
  });
}

Deno.test("not free: words that arrive while the client still speaks, and never commits", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  for (let second = 0; second < 10; second++) {
    client(SOUND);
    server(about("delta", "i", { delta: "hello" }));
  }
  assertEquals(tap.end().steps?.[0]?.usage.inputTokens, 1_001);
});

Deno.test("a transcription whose only event has no usage is estimated by its length, and by the sound", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  client(SOUND);
  server(committed("i"));
  server(about("completed", "i", { transcript: "x".repeat(4_000) }));
  const [step] = tap.end().steps ?? [];
  assertEquals(step?.isEstimated, true);
  assert((step?.usage.outputTokens ?? 0) > 1_000, JSON.stringify(step));
  assert((step?.usage.inputTokens ?? 0) >= 100, JSON.stringify(step));
});

Deno.test("more open transcriptions than are counted separately lose no sound", () => {
  const { tap, server, client } = session();
  server(ga(MODEL));
  for (let id = 0; id < 600; id++) {
    client(SOUND);
    server(committed(`i${id}`));
  }
  const [step] = tap.end().steps ?? [];
  assert((step?.usage.inputTokens ?? 0) >= 600 * 100, JSON.stringify(step));
});
