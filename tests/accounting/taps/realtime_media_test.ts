/** Images and sound in realtime sessions whose last response is cut off. */

import { assert, assertEquals } from "@std/assert";
import { RealtimeTap } from "../../../src/accounting/taps/realtime_tap.ts";
import { frame, TEXT } from "../../support/clients/websocket.ts";
import { jpeg, png } from "../../support/data/images.ts";

type Event = Record<string, unknown>;

const say = (tap: RealtimeTap, event: Event): void => tap.write(frame(TEXT, JSON.stringify(event)));
function hear(tap: RealtimeTap, event: Event, { isBytewise = false } = {}): void {
  const bytes = frame(TEXT, JSON.stringify(event), { isMasked: true });
  if (isBytewise) { for (const byte of bytes) tap.sent(Uint8Array.of(byte)); }
  else tap.sent(bytes);
}

const CREATED = { type: "session.created", session: { type: "realtime", model: "gpt-realtime" } };
const BEGUN = { type: "response.created", response: { id: "r", status: "in_progress", usage: null } };
const PHOTO = jpeg({ width: 1_024, height: 1_024 });

function image(head: Uint8Array<ArrayBuffer>, length: number): Event {
  const image_url = `data:image/jpeg;base64,${head.toBase64().padEnd(length, "A")}`;
  return { type: "input_image", image_url };
}

const message = (...content: readonly Event[]): Event => ({ type: "message", role: "user", content });
const inputs = (tap: RealtimeTap): number =>
  (tap.end().unfinished ?? []).reduce((total, { inputTokens = 0 }) => total + inputTokens, 0);

for (const isBytewise of [false, true]) {
  Deno.test(`an image in an item counts by its size, ${isBytewise ? "byte by byte" : "whole"}`, () => {
    const item = message({ type: "input_text", text: "What is this?" }, image(PHOTO, 40_000));
    for (
      const event of [
        { type: "conversation.item.create", item },
        { type: "response.create", response: { conversation: "none", input: [item] } },
      ]
    ) {
      const tap = new RealtimeTap();
      say(tap, CREATED);
      hear(tap, event, { isBytewise });
      say(tap, BEGUN);
      const tokens = inputs(tap);
      // A photo of a megapixel has 2,519 tokens at most.
      assert(tokens > 700 && tokens < 2_700, `${tokens}`);
    }
  });
}

Deno.test("each image of a session counts", () => {
  const tap = new RealtimeTap();
  say(tap, CREATED);
  for (let sent = 0; sent < 10; sent++) {
    hear(tap, { type: "conversation.item.create", item: message(image(PHOTO, 4_000)) });
  }
  say(tap, BEGUN);
  const tokens = inputs(tap);
  assert(tokens > 7_000 && tokens < 27_000, `${tokens}`);
});

Deno.test("not free: an image whose size the proxy cannot read, and sound that looks like an image", () => {
  const unreadable = new RealtimeTap();
  const item = message({ type: "input_image", image_url: `data:image/heic;base64,${"A".repeat(40_000)}` });
  hear(unreadable, { type: "conversation.item.create", item });
  say(unreadable, BEGUN);
  assert(inputs(unreadable) > 10_000, `${inputs(unreadable)}`);
  const sound = new RealtimeTap();
  const audio = png({ width: 1, height: 1 }).toBase64().padEnd(1_000_000, "A");
  hear(sound, { type: "conversation.item.create", item: message({ type: "input_audio", audio }) });
  say(sound, BEGUN);
  assertEquals(sound.end().unfinished?.[0]?.inputAudioTokens, 1_000);
});

for (
  const [what, wrapped] of [
    ["audio", (blob: Event) => ({ realtimeInput: { audio: blob } })],
    ["chunks", (blob: Event) => ({ realtimeInput: { mediaChunks: [blob] } })],
    ["chunks in snake case", (blob: Event) => ({ realtime_input: { media_chunks: [blob] } })],
    ["turns", (blob: Event) => ({ clientContent: { turns: [{ parts: [{ inlineData: blob }] }] } })],
  ] as const
) {
  Deno.test(`the sound of a client of Gemini counts as sound: ${what}`, () => {
    const tap = new RealtimeTap();
    hear(tap, { setup: { model: "models/gemini-2.5-flash" } });
    say(tap, { setupComplete: {} });
    // A minute of uncompressed sound with 16,000 samples a second, which has 1,500 to 1,920 tokens.
    for (let second = 0; second < 60; second++) {
      hear(tap, wrapped({ data: "A".repeat(42_668), mimeType: "audio/pcm;rate=16000" }));
    }
    say(tap, { serverContent: { modelTurn: { parts: [{ text: "x" }] } } });
    const { inputTokens = 0 } = tap.end().uncertain ?? {};
    assert(inputTokens > 1_500 && inputTokens < 5_000, `${inputTokens}`);
  });
}

Deno.test("a picture of a client of Gemini counts by its size", () => {
  const tap = new RealtimeTap();
  hear(tap, { setup: { model: "models/gemini-2.5-flash" } });
  say(tap, { setupComplete: {} });
  const data = PHOTO.toBase64().padEnd(100_000, "A");
  hear(tap, { realtimeInput: { video: { mimeType: "image/jpeg", data } } });
  say(tap, { serverContent: { modelTurn: { parts: [{ text: "x" }] } } });
  const { inputTokens = 0 } = tap.end().uncertain ?? {};
  assert(inputTokens > 2_000 && inputTokens < 3_000, `${inputTokens}`);
});

for (const rest of ["", '"', '"}', '",!']) {
  Deno.test(`text counts after a message that breaks off behind an image: ${rest}`, () => {
    const tap = new RealtimeTap();
    say(tap, CREATED);
    const data = png({ width: 8, height: 8 }).toBase64().padEnd(400_000, "A");
    tap.sent(frame(TEXT, `{"realtimeInput":{"video":{"data":"${data}${rest}`, { isMasked: true }));
    const text = "word ".repeat(80_000);
    hear(tap, { type: "conversation.item.create", item: message({ type: "input_text", text }) });
    say(tap, BEGUN);
    assert(inputs(tap) > 80_000, `${inputs(tap)}`);
  });
}
