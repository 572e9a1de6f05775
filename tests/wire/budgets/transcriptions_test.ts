/** A transcription costs its length also where the answer does not state it. */
import { assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";
import { decisions } from "../../support/time/decisions.ts";

function form(model: string, bytes: number, more: Record<string, string>): FormData {
  const data = new FormData();
  data.append("model", model);
  for (const [name, value] of Object.entries(more)) data.append(name, value);
  if (bytes > 0) data.append("file", new File([new Uint8Array(bytes)], "a.mp3", { type: "audio/mpeg" }));
  return data;
}

for (
  const [what, provider, model, more, bytes] of [
    ["whisper-1, response_format=srt", "openai", "whisper-1", { response_format: "srt" }, 20_000_000],
    [
      "gpt-transcribe, response_format=text",
      "openai",
      "gpt-transcribe",
      { response_format: "text" },
      20_000_000,
    ],
    ["Groq's whisper-large-v3", "groq", "whisper-large-v3", {}, 20_000_000],
    ["Groq's whisper by url", "groq", "whisper-large-v3", { url: "https://a.test/five-hours.mp3" }, 0],
  ] as const
) {
  Deno.test(`budgets: a transcription costs more than nothing: ${what}`, async () => {
    const isText = "response_format" in more;
    await withBench({
      answer: () => ({
        type: isText ? "text/plain" : "application/json",
        body: isText ? "hello" : '{"text":"hello"}',
      }),
      priceProvider: provider,
      rules: { budget: { total_usd: 0.1 } },
    }, async ({ send, spent }) => {
      let passed = 0;
      for (let i = 0; i < 2; i++) {
        const { status } = await send("/api/v1/audio/transcriptions", form(model, bytes, more));
        if (status === 200) passed++;
      }
      const micros = await spent();
      assertGreater(micros, 0, `${passed} transcriptions were free`);
    });
  });
}

Deno.test('budgets: reserve = "maximum" lets one request exceed a budget: transcriptions that state their seconds', async () => {
  const { decide, all: decided } = decisions(20);
  await withBench({
    answer: async () => {
      decide();
      await decided;
      return { body: '{"text":"hello","usage":{"type":"duration","seconds":6000}}' };
    },
    endpoint: { reserve: "maximum" },
    rules: { budget: { total_usd: 0.1 } },
  }, async ({ send }) => {
    const all = await Promise.all(Array.from({ length: 20 }, async () => {
      const { status } = await send("/api/v1/audio/transcriptions", form("whisper-1", 1_000_000, {}));
      if (status !== 200) decide();
      return status;
    }));
    const passed = all.filter((one) => one === 200).length;
    assertLessOrEqual(passed, 1);
  });
});

/** Uncompressed speech of a number of seconds: 16 kHz, 16 bits. */
function wav(seconds: number): Uint8Array {
  const bytes = new Uint8Array(44 + seconds * 32_000);
  bytes.set(new TextEncoder().encode("RIFF____WAVEfmt "));
  const view = new DataView(bytes.buffer);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16_000, true);
  view.setUint16(34, 16, true);
  return bytes;
}

const LENGTHS: Record<string, [provider: string, model: string, answer: string, micros: number]> = {
  "that a response states as usage": [
    "openai",
    "whisper-1",
    '{"text":"hello","usage":{"type":"duration","seconds":30}}',
    3_000,
  ],
  "that a verbose response states": ["groq", "whisper-large-v3", '{"text":"hello","duration":30}', 925],
  "of a WAV file": ["openai", "whisper-1", '{"text":"hello"}', 6_000],
};
for (const [what, [priceProvider, model, body, micros]] of Object.entries(LENGTHS)) {
  Deno.test(`budgets: a transcription costs the length ${what}`, async () => {
    await withBench(
      { answer: () => ({ body }), priceProvider, rules: { budget: { total_usd: 1 } } },
      async (bench) => {
        const data = form(model, 0, {});
        data.append("file", new File([wav(60) as BlobPart], "a.wav", { type: "audio/wav" }));
        assertEquals((await bench.send("/api/v1/audio/transcriptions", data)).status, 200);
        assertEquals(await bench.spent(), micros);
      },
    );
  });
}

Deno.test("usage: a transcription without usage has an estimated cost also without a limit", async () => {
  await withBench(
    { answer: () => ({ type: "text/plain", body: "hello" }), rules: {} },
    async ({ send, rows }) => {
      await send("/api/v1/audio/transcriptions", form("whisper-1", 60_000, { response_format: "text" }));
      const [row] = await rows();
      assertEquals(row?.usage_source, "estimated");
      // A minute costs 6,000 micro-dollars.
      assertGreater(Number(row?.cost_micros), 5_900);
    },
  );
});

Deno.test("budgets: a model that is priced by the hour has no price for tokens", async () => {
  const answer = () => ({
    body: JSON.stringify({ model: "whisper-1", usage: { prompt_tokens: 1_000, completion_tokens: 1_000 } }),
  });
  const body = JSON.stringify({ model: "whisper-1", messages: [{ role: "user", content: "x" }] });
  await withBench({ answer, rules: { budget: { total_usd: 1 } } }, async ({ send }) => {
    const { status, text } = await send("/api/v1/chat/completions", body);
    assertEquals([status, text.includes("has no price")], [403, true]);
  });
  await withBench({ answer, rules: {} }, async ({ send, rows }) => {
    await send("/api/v1/chat/completions", body);
    assertEquals((await rows())[0]?.cost_micros, null);
  });
});

for (
  const [name, value] of [["file_url", "gs://a/b"], ["file_id", "file-1"], [
    "audio",
    "https://a.test/a.mp3",
  ]] as const
) {
  Deno.test(`budgets: sound elsewhere is reserved: ${name}`, async () => {
    const { decide, all: decided } = decisions(3);
    await withBench({
      answer: async () => {
        decide();
        await decided;
        return { body: '{"text":"hello","usage":{"type":"duration","seconds":6000}}' };
      },
      endpoint: { reserve: "maximum" },
      rules: { budget: { total_usd: 0.1 } },
    }, async ({ send }) => {
      const all = await Promise.all(Array.from({ length: 3 }, async () => {
        const { status } = await send(
          "/api/v1/audio/transcriptions",
          form("whisper-1", 0, { [name]: value }),
        );
        if (status !== 200) decide();
        return status;
      }));
      assertEquals(all.toSorted(), [200, 429, 429]);
    });
  });
}
