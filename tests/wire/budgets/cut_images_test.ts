/** Images and sound of a stream that a client leaves before its usage are not free. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { chunk, FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";

const MEGABYTES = "A".repeat(1_500_000);

interface Case {
  readonly path: string;
  readonly priceProvider: string;
  readonly body: unknown;
  /** What the upstream sends before the client leaves. */
  readonly sent: readonly string[];
  /** The bounds of the cost, in micro-dollars. */
  readonly least: number;
  readonly most: number;
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const gemini = (parts: unknown[]) => ({
  candidates: [{ content: { parts } }],
  modelVersion: "gemini-3-pro-image-preview",
});
const GEMINI = {
  path: "/api/v1beta/models/gemini-3-pro-image-preview:streamGenerateContent?alt=sse",
  priceProvider: "google",
  body: { contents: [{ parts: [{ text: "Draw" }] }] },
};
const CASES: Record<string, Case> = {
  // 1,120 tokens at $120 a million.
  "an image after a text, of which most has arrived": {
    ...GEMINI,
    sent: [
      event(gemini([{ text: "Here it is" }])),
      `data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"${MEGABYTES}`,
    ],
    least: 130_000,
    most: 250_000,
  },
  "three small images": {
    ...GEMINI,
    sent: Array(3).fill(
      event(gemini([{ text: "Here" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }])),
    ),
    least: 400_000,
    most: 500_000,
  },
  "images at OpenRouter": {
    path: "/api/v1/chat/completions",
    priceProvider: "google",
    body: {
      model: "gemini-3-pro-image-preview",
      stream: true,
      messages: [{ role: "user", content: "Draw" }],
    },
    sent: [event({
      choices: [{
        delta: {
          content: "Here",
          images: [{ type: "image_url", image_url: { url: `data:image/png;base64,${MEGABYTES}` } }],
        },
      }],
    })],
    least: 130_000,
    most: 250_000,
  },
  // 1,500,000 bytes of Base64 are 23 seconds of PCM, which have about 500 tokens at $64 a million.
  "sound of a chat": {
    path: "/api/v1/chat/completions",
    priceProvider: "openai",
    body: {
      model: "gpt-audio",
      stream: true,
      modalities: ["text", "audio"],
      audio: { voice: "alloy", format: "pcm16" },
      messages: [{ role: "user", content: "Sing" }],
    },
    sent: [
      event({ choices: [{ delta: { content: "La", audio: { id: "audio_1", transcript: "La" } } }] }),
      event({ choices: [{ delta: { audio: { data: MEGABYTES } } }] }),
    ],
    least: 30_000,
    most: 100_000,
  },
  "text alone, with signatures": {
    ...GEMINI,
    sent: [event(gemini([{ text: "Here it is", thoughtSignature: "A".repeat(20_000) }]))],
    least: 0,
    most: 10_000,
  },
};
for (const [what, { path, priceProvider, body, sent, least, most }] of Object.entries(CASES)) {
  Deno.test(`budgets: a stream that a client leaves costs about its price: ${what}`, async () => {
    await using upstream = new FakeUpstream({
      script: async ({ body, write, peerClosed }) => {
        for await (const _ of body()) { /* all of it */ }
        await write(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for (const piece of sent) await write(chunk(piece));
        await peerClosed();
      },
    });
    const endpoints = [
      testEndpoint("api", [testBackend(upstream.origin, { key: { mode: "inject", value: "K" } })], {
        dialect: priceProvider === "google" ? "gemini" : "openai",
        priceProvider,
      }),
    ];
    await using proxy = await ManagedProxy.start(upstream, { endpoints });
    const { value, id } = await proxy.token({ budget: { total_usd: 10 } });
    const answer = await proxy.chat(value, body, { path });
    const reader = answer.body!.getReader();
    const total = sent.reduce((sum, piece) => sum + piece.length, 0);
    for (let bytes = 0; bytes < total;) bytes += (await reader.read()).value!.length;
    await reader.cancel();
    await proxy.proxy.logged("exchange");
    const { micros, source } = await spentBy(proxy, id);
    assertEquals(source, "estimated");
    assertGreater(micros, least);
    assertLess(micros, most);
  });
}

async function spentBy(proxy: ManagedProxy, id: string): Promise<{ micros: number; source: string }> {
  const micros = (await proxy.api("GET", `/tokens/${id}`)).body.spent.total_micros;
  return { micros, source: (await proxy.api("GET", "/exchanges")).body.data[0]?.usage_source };
}
