import { assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { BINARY, frame, TEXT } from "../../support/clients/websocket.ts";

/** What one side says, whole or byte by byte. */
function says(
  write: (piece: Uint8Array) => void,
  event: Record<string, unknown> | string,
  { isMasked = false, bytewise = false } = {},
): number {
  const text = typeof event === "string" ? event : JSON.stringify(event);
  const bytes = frame(TEXT, text, { isMasked });
  if (bytewise) { for (const byte of bytes) write(Uint8Array.of(byte)); }
  else write(bytes);
  return text.length;
}

const DONE = {
  type: "response.done",
  response: { id: "a", status: "completed", usage: { input_tokens: 5, output_tokens: 5 } },
};

for (const bytewise of [false, true]) {
  Deno.test(`RealtimeTap: what was cut of each answer is estimated, ${bytewise ? "byte by byte" : "whole"}`, () => {
    const tap = new RealtimeTap();
    const server = (event: Record<string, unknown>) => says((piece) => tap.write(piece), event, { bytewise });
    server({ type: "response.created", response: { id: "a", status: "in_progress", usage: null } });
    server({ type: "response.output_text.delta", response_id: "a", delta: "x".repeat(1_000) });
    server({ type: "response.created", response: { id: "b", status: "in_progress", usage: null } });
    for (let word = 0; word < 100; word++) {
      server({ type: "response.output_text.delta", response_id: "b", delta: " word" });
    }
    server(DONE);
    server({ type: "rate_limits.updated", rate_limits: [] });
    assertEquals(tap.end(), {
      usage: { inputTokens: 5, outputTokens: 5 },
      // By its text, and not by the events around it.
      unfinished: [{ inputTokens: 5, outputTokens: 131 }],
      stopReason: "completed",
    });
  });

  Deno.test(`RealtimeTap: the client's words count as input, ${bytewise ? "byte by byte" : "whole"}`, () => {
    const tap = new RealtimeTap();
    const client = (event: Record<string, unknown> | string) =>
      says((piece) => tap.sent(piece), event, { isMasked: true, bytewise });
    const text = client({ type: "conversation.item.create", item: "z".repeat(4_000) });
    const audio = client({ type: "input_audio_buffer.append", audio: "A".repeat(20_000) });
    // Readers differ on which of two types holds.
    const both = client(`{"type":"input_audio_buffer.append","type":"x","a":"${"z".repeat(4_000)}"}`);
    assertEquals(tap.end().unfinished, [], "nothing was asked");
    const ask = client({ type: "response.create" });
    const inputTokens = Math.ceil((text + both + ask) / 4 + audio / 1_000);
    const inputAudioTokens = Math.ceil((audio + both) / 1_000);
    assertEquals(tap.end().unfinished, [{ inputTokens, inputAudioTokens, outputTokens: 0 }]);
  });
}

Deno.test("RealtimeTap: sound that was cut, and a message that was cut within", () => {
  const tap = new RealtimeTap();
  const event = { type: "response.output_audio.delta", response_id: "a", delta: "A".repeat(50_000) };
  const length = says((piece) => tap.write(piece), event);
  tap.write(frame(TEXT, JSON.stringify(event)).subarray(0, 30_000));
  const audio = Math.ceil((length + 30_000 - 4) / 500);
  assertEquals(tap.end().unfinished, [{ inputTokens: 0, outputTokens: audio, outputAudioTokens: audio }]);
});

Deno.test("RealtimeTap: what is not known to be no answer counts as one", () => {
  const tap = new RealtimeTap();
  const server = (text: string) => says((piece) => tap.write(piece), text);
  server('{"type":"session.created"}');
  server('{"type":"conversation.item.added"}');
  const length = server(`{"serverContent":"${"x".repeat(400)}"}`) + server("no JSON");
  assertEquals(tap.end().unfinished, []);
  assertEquals(tap.end().uncertain, { inputTokens: 0, outputTokens: Math.ceil(length / 4) });
});

Deno.test("RealtimeTap: Gemini's live sessions say their usage in binary messages, the last word of each turn", () => {
  const tap = new RealtimeTap();
  const server = (message: unknown) => tap.write(frame(BINARY, JSON.stringify(message)));
  tap.sent(
    frame(TEXT, JSON.stringify({ setup: { model: "models/gemini-live-2.5-flash" } }), { isMasked: true }),
  );
  server({ setupComplete: {} });
  const usage = (prompt: number, response: number) => ({
    promptTokenCount: prompt,
    responseTokenCount: response,
    totalTokenCount: prompt + response,
    responseTokensDetails: [{ modality: "AUDIO", tokenCount: response }],
  });
  for (const [prompt, response] of [[10, 20], [50, 5]] as const) {
    server({ serverContent: { modelTurn: { parts: [{ inlineData: { data: "AAAA" } }] } } });
    server({ usageMetadata: usage(prompt, 1) });
    server({ serverContent: { turnComplete: true }, usageMetadata: usage(prompt, response) });
  }
  assertEquals(tap.isOver, true);
  assertEquals(tap.end(), {
    usage: { inputTokens: 60, outputTokens: 25, outputAudioTokens: 25 },
    unfinished: [],
    model: "gemini-live-2.5-flash",
    stopReason: "turn_complete",
  });
});

Deno.test("RealtimeTap: what transcribes the client's words counts by its model", () => {
  const tap = new RealtimeTap();
  const server = (event: Record<string, unknown>) => says((piece) => tap.write(piece), event);
  const transcription = { model: "gpt-4o-mini-transcribe" };
  server({
    type: "session.created",
    session: { model: "gpt-realtime", audio: { input: { transcription } } },
  });
  const usage = { type: "tokens", input_tokens: 30, output_tokens: 4, total_tokens: 34 };
  for (let round = 0; round < 2; round++) {
    server({ type: "conversation.item.input_audio_transcription.completed", transcript: "x", usage });
  }
  server(DONE);
  const { usage: own, steps } = tap.end();
  assertEquals(own, { inputTokens: 5, outputTokens: 5 });
  assertEquals(steps, [{ model: transcription.model, usage: { inputTokens: 60, outputTokens: 8 } }]);
});

Deno.test("RealtimeTap: an answer that ends without its usage has used what came of it", () => {
  for (const usage of [null, undefined, {}, { input_tokens: -5 }]) {
    const tap = new RealtimeTap();
    const server = (event: Record<string, unknown>) => says((piece) => tap.write(piece), event);
    const delta = "A".repeat(50_000);
    const length = server({ type: "response.output_audio.delta", response_id: "a", delta });
    server({ type: "response.done", response: { id: "a", status: "cancelled", usage } });
    const audio = Math.ceil(length / 500);
    assertEquals(tap.end().unfinished, [{ inputTokens: 0, outputTokens: audio, outputAudioTokens: audio }]);
  }
});

for (
  const [what, last] of [
    ["after the end of its turn", [{ serverContent: { turnComplete: true } }, {}]],
    ["with a call of a tool", [{ toolCall: { functionCalls: [] } }]],
  ] as const
) {
  Deno.test(`RealtimeTap: Gemini's usage ${what} counts once`, () => {
    const tap = new RealtimeTap();
    const server = (message: unknown) => tap.write(frame(BINARY, JSON.stringify(message)));
    server({ setupComplete: {} });
    server({ serverContent: { modelTurn: { parts: [{ text: "x" }] } } });
    const usageMetadata = { promptTokenCount: 1_000, responseTokenCount: 20, totalTokenCount: 1_020 };
    last.forEach((message, index) =>
      server(index === last.length - 1 ? { ...message, usageMetadata } : message)
    );
    const { usage, unfinished, uncertain } = tap.end();
    assertEquals({ usage, unfinished, uncertain }, {
      usage: { inputTokens: 1_000, outputTokens: 20 },
      unfinished: [],
      uncertain: undefined,
    });
    server({ serverContent: { modelTurn: { parts: [{ text: "x".repeat(400) }] } } });
    assertEquals((tap.end().uncertain?.outputTokens ?? 0) > 100, true);
  });
}
