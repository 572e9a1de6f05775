import { assert, assertEquals } from "@std/assert";
import type { ResponseSummary } from "../../../src/accounting/taps/response_summary.ts";
import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { amazonChunk } from "../../support/data/amazon_events.ts";
import { nextTurn } from "../../support/time/passing_time.ts";
import { random } from "../../support/data/random.ts";
import { cases } from "../../support/runner/cases.ts";
import { contentFields } from "../../support/data/fields.ts";

/** What each body says of itself. The bodies have the shapes of the providers' own documentation. */
const EXPECTED: Readonly<Record<string, ResponseSummary>> = {
  "openai_chat.json": {
    model: "gpt-4o-2024-08-06",
    tier: "default",
    stopReason: "stop",
    usage: {
      inputTokens: 1117,
      outputTokens: 46,
      cachedTokens: 1024,
      reasoningTokens: 0,
      inputAudioTokens: 0,
      outputAudioTokens: 0,
    },
  },
  "openai_chat_stream.sse": {
    model: "gpt-4o-mini-2024-07-18",
    tier: "default",
    stopReason: "stop",
    usage: {},
  },
  "openai_chat_stream_usage.sse": {
    model: "gpt-4o-mini-2024-07-18",
    tier: "default",
    stopReason: "length",
    usage: {
      inputTokens: 19,
      outputTokens: 10,
      cachedTokens: 0,
      reasoningTokens: 7,
      inputAudioTokens: 0,
      outputAudioTokens: 0,
    },
  },
  "openai_chat_audio.json": {
    media: { images: 0, sound: "compressed" },
    model: "gpt-4o-audio-preview-2025-06-03",
    stopReason: "stop",
    usage: {
      inputTokens: 200,
      outputTokens: 60,
      cachedTokens: 0,
      reasoningTokens: 0,
      inputAudioTokens: 150,
      outputAudioTokens: 50,
      inputImageTokens: 0,
    },
  },
  "openai_completions.json": {
    model: "gpt-3.5-turbo-instruct",
    stopReason: "length",
    usage: { inputTokens: 5, outputTokens: 7 },
  },
  "openai_responses.json": {
    model: "o4-mini-2025-04-16",
    stopReason: "completed",
    usage: { inputTokens: 328, outputTokens: 52, cachedTokens: 128, reasoningTokens: 32 },
  },
  "openai_responses_stream.sse": {
    model: "o4-mini-2025-04-16",
    stopReason: "completed",
    usage: { inputTokens: 328, outputTokens: 52, cachedTokens: 128, reasoningTokens: 32 },
  },
  "openai_responses_incomplete.sse": {
    model: "o4-mini-2025-04-16",
    stopReason: "max_output_tokens",
    usage: { inputTokens: 328, outputTokens: 52, cachedTokens: 128, reasoningTokens: 32 },
  },
  "openai_embeddings.json": { model: "text-embedding-3-small", usage: { inputTokens: 8 } },
  "openai_images.json": {
    usage: { inputTokens: 100, outputTokens: 4160, inputImageTokens: 40, outputImageTokens: 4160 },
  },
  "openai_transcription.json": { usage: { inputTokens: 14, outputTokens: 45, inputAudioTokens: 10 } },
  "openai_transcription_seconds.json": { usage: { inputAudioSeconds: 9 } },
  "openai_transcription_stream.sse": { usage: { inputTokens: 14, outputTokens: 3, inputAudioTokens: 14 } },
  "anthropic_message.json": {
    model: "claude-sonnet-4-5-20250929",
    stopReason: "end_turn",
    usage: {
      inputTokens: 5946,
      outputTokens: 503,
      webSearches: 2,
      cachedTokens: 1800,
      cacheWriteTokens: 2051,
      cacheWriteHourTokens: 1000,
    },
  },
  "anthropic_stream.sse": {
    model: "claude-sonnet-4-5-20250929",
    stopReason: "tool_use",
    usage: { inputTokens: 125, outputTokens: 15, cachedTokens: 100, cacheWriteTokens: 0 },
  },
  "anthropic_stream_cumulative.sse": {
    model: "claude-sonnet-4-5-20250929",
    stopReason: "end_turn",
    usage: { inputTokens: 10_782, outputTokens: 510, webSearches: 1, cachedTokens: 100, cacheWriteTokens: 0 },
  },
  "gemini_generate.json": {
    model: "gemini-2.5-flash",
    stopReason: "STOP",
    usage: {
      inputTokens: 264,
      outputTokens: 36,
      cachedTokens: 64,
      reasoningTokens: 26,
      inputImageTokens: 258,
    },
  },
  "gemini_stream.sse": {
    model: "gemini-2.5-flash",
    stopReason: "MAX_TOKENS",
    usage: { inputTokens: 8, outputTokens: 64, reasoningTokens: 52 },
  },
  "gemini_stream_array.json": {
    model: "gemini-2.5-flash",
    stopReason: "STOP",
    usage: { inputTokens: 8, outputTokens: 12, inputAudioTokens: 5 },
  },
  "groq_stream.sse": {
    model: "llama-3.3-70b-versatile",
    tier: "default",
    stopReason: "stop",
    usage: { inputTokens: 36, outputTokens: 8 },
  },
  "deepseek_chat.json": {
    model: "deepseek-chat",
    stopReason: "stop",
    usage: { inputTokens: 100, outputTokens: 20, cachedTokens: 64 },
  },
  "bedrock_converse_stream.eventstream": {
    stopReason: "tool_use",
    usage: {
      inputTokens: 1047,
      outputTokens: 64,
      cachedTokens: 900,
      cacheWriteTokens: 100,
      cacheWriteHourTokens: 60,
    },
  },
  "bedrock_invoke_stream.eventstream": {
    model: "claude-sonnet-4-5-20250929",
    stopReason: "end_turn",
    usage: {
      inputTokens: 125,
      outputTokens: 15,
      cachedTokens: 100,
      cacheWriteTokens: 0,
      cacheWriteHourTokens: 0,
    },
  },
  "openai_error.json": { usage: {} },
};

const GOLDEN = new URL("../../golden/", import.meta.url);

function tapFor(name: string, encoding?: string): ResponseTap {
  const type = name.endsWith(".sse")
    ? "text/event-stream; charset=utf-8"
    : name.endsWith(".eventstream")
    ? "application/vnd.amazon.eventstream"
    : "application/json";
  const tap = ResponseTap.of(contentFields(type, encoding));
  assert(tap !== undefined);
  return tap;
}

async function observe(
  name: string,
  pieces: Iterable<Uint8Array>,
  encoding?: string,
): Promise<ResponseSummary> {
  const tap = tapFor(name, encoding);
  for (const piece of pieces) {
    // Pieces are valid only until the next one: what is kept of them has to be a copy.
    const own = new Uint8Array(piece);
    tap.write(own);
    own.fill(0x22);
  }
  const {
    textBytes: _,
    texts: __,
    textTokens: ___,
    unreportedTextTokens: ____,
    isStream: _____,
    ...observed
  } = await tap.end();
  // A pause of the decompressor may last longer than its response.
  if (encoding !== undefined) await nextTurn();
  return observed;
}

Deno.test("golden bodies: every one is expected to say something", async () => {
  const names = (await Array.fromAsync(Deno.readDir(GOLDEN))).filter(({ isFile }) => isFile)
    .map(({ name }) => name).sort();
  assertEquals(names, Object.keys(EXPECTED).sort());
});

for (const [name, expected] of Object.entries(EXPECTED)) {
  const body = await Deno.readFile(new URL(name, GOLDEN));

  Deno.test(`ResponseTap: ${name}, whole and split at every byte`, async () => {
    assertEquals(await observe(name, [body]), expected);
    for (let at = 1; at < body.length; at++) {
      assertEquals(
        await observe(name, [body.subarray(0, at), body.subarray(at)]),
        expected,
        `split at ${at}`,
      );
    }
    assertEquals(await observe(name, [...body].map((byte) => Uint8Array.of(byte))), expected, "byte by byte");
  });

  Deno.test(`ResponseTap: ${name}, compressed`, async () => {
    const zlib = await import("node:zlib");
    const codings = {
      gzip: zlib.gzipSync(body),
      deflate: zlib.deflateSync(body),
      br: zlib.brotliCompressSync(body),
      zstd: zlib.zstdCompressSync(body),
    };
    for (const [coding, bytes] of Object.entries(codings)) {
      const middle = Math.floor(bytes.length / 2);
      assertEquals(
        await observe(name, [bytes.subarray(0, middle), bytes.subarray(middle)], coding),
        expected,
        coding,
      );
    }
  });

  Deno.test(`ResponseTap: ${name}, cut anywhere, tells what it told before and nothing else`, async () => {
    const said = JSON.stringify(expected);
    for (let end = 0; end < body.length; end += 7) {
      const { model, usage } = await observe(name, [body.subarray(0, end)]);
      if (model !== undefined) assertEquals(model, expected.model, `cut at ${end}`);
      for (const [kind, count] of Object.entries(usage)) {
        const final = Object.entries(expected.usage).find(([name]) => name === kind)?.[1] ?? -1;
        assert(count <= final, `cut at ${end}: ${kind} is ${count}, and ${said} in the end`);
      }
    }
  });
}

Deno.test("ResponseTap: garbage finds nothing that is not there, and never throws", async () => {
  const { below, pick } = random(20261121);
  const rounds = cases({ few: 2_000, all: 20_000 });
  for (let round = 0; round < rounds; round++) {
    const name = pick(Object.keys(EXPECTED));
    const source = await goldenText(name);
    const body = round % 4 === 0 ? Uint8Array.from({ length: below(400) }, () => below(256)) : source.slice();
    for (let change = below(8); change > 0; change--) body[below(body.length)] = below(256);
    const at = below(body.length + 1);
    const { usage } = await observe(name, [body.subarray(0, at), body.subarray(at)]);
    for (const count of Object.values(usage)) assert(Number.isFinite(count) && count >= 0);
  }
});

const texts = new Map<string, Uint8Array>();
async function goldenText(name: string): Promise<Uint8Array> {
  const known = texts.get(name) ?? await Deno.readFile(new URL(name, GOLDEN));
  texts.set(name, known);
  return known;
}

Deno.test("ResponseTap: types and codings that cannot be read are left alone", () => {
  assertEquals(ResponseTap.of(contentFields("audio/mpeg")), undefined);
  assertEquals(ResponseTap.of(contentFields(undefined)), undefined);
  assertEquals(ResponseTap.of(contentFields("application/json", "compress")), undefined);
  assert(ResponseTap.of(contentFields("application/vnd.api+json", "identity")) !== undefined);
});

Deno.test("ResponseTap: a compressed answer that is broken keeps what was seen before", async () => {
  const { gzipSync } = await import("node:zlib");
  const body = gzipSync(await goldenText("anthropic_message.json"));
  const cut = await observe("x.json", [body.subarray(0, body.length - 60)], "gzip");
  assert(cut.model === undefined || cut.model === "claude-sonnet-4-5-20250929");
  assertEquals(await observe("x.json", [new TextEncoder().encode("not gzip at all")], "gzip"), { usage: {} });
});

Deno.test("ResponseTap: how much text came, in how many pieces, and how much of it behind the last usage", async () => {
  const delta = (content: string): string =>
    `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
  const tap = ResponseTap.of(contentFields("text/event-stream"));
  const usage = 'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
  tap?.write(new TextEncoder().encode(delta("one ") + delta("") + delta("two") + usage + delta("three")));
  const { textBytes, texts, textTokens = 0, unreportedTextTokens = 0 } = await tap?.end() ?? {};
  assertEquals([textBytes, texts], [12, 3]);
  assert(unreportedTextTokens > 0 && unreportedTextTokens < textTokens);
});

Deno.test("ResponseTap: fast mode is read from the usage alone", async () => {
  const tap = ResponseTap.of(contentFields("application/json"));
  tap?.write(new TextEncoder().encode('{"usage":{"input_tokens":1,"output_tokens":1,"speed":"fast"}}'));
  assertEquals((await tap?.end())?.tier, "fast");
});

Deno.test("ResponseTap: Bedrock's streams hold text, reasoning and calls of tools in both shapes", async () => {
  const text = async (name: string) => {
    const tap = tapFor(name);
    tap.write(await goldenText(name));
    const { texts, textBytes, isStream } = await tap.end();
    return { texts, textBytes, isStream, isOver: tap.isOver };
  };
  const greeting = "Grüße from Bedrock.";
  const bytes = (written: string) => new TextEncoder().encode(written).length;
  assertEquals(await text("bedrock_converse_stream.eventstream"), {
    texts: 4,
    textBytes: bytes(`The user greets.${greeting}`) + JSON.stringify('{"city":"Oslo"}').length - 2,
    isStream: true,
    isOver: true,
  });
  assertEquals(await text("bedrock_invoke_stream.eventstream"), {
    texts: 2,
    textBytes: bytes(greeting),
    isStream: true,
    isOver: true,
  });
});

Deno.test("ResponseTap: the metrics of Bedrock's last event count for models that say nothing else", async () => {
  const tap = ResponseTap.of(contentFields("application/vnd.amazon.eventstream"));
  tap?.write(amazonChunk({ generation: "Hello", stop_reason: null }));
  tap?.write(amazonChunk({
    generation: "",
    stop_reason: "stop",
    "amazon-bedrock-invocationMetrics": { inputTokenCount: 7, outputTokenCount: 3, invocationLatency: 12 },
  }));
  const { usage, stopReason, texts } = await tap?.end() ?? {};
  assertEquals(usage, { inputTokens: 7, outputTokens: 3 });
  assertEquals([stopReason, texts], ["stop", 1]);
});
