import { assert, assertEquals } from "@std/assert";
import { inputOf } from "../../../src/accounting/estimates/input_estimate.ts";
import { RequestTap } from "../../../src/accounting/taps/request_tap.ts";
import { imageTokensFor, NO_IMAGES } from "../../../src/payload/image_tokens.ts";
import { readPayload } from "../../../src/payload/read_payload.ts";
import generated from "../../golden/tokens/generated.json" with { type: "json" };
import { contentFields } from "../../support/data/fields.ts";
import { gif, jpeg, png, webp } from "../../support/data/images.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const PHOTO = { width: 4032, height: 3024 };
const TOKENS = 25_501;
/** A photo of some hundred kilobytes, whose head has a thumbnail. */
const photo = (): string => {
  const head = jpeg(PHOTO, { before: [[0xe1, new Uint8Array(30_000)]] });
  return Uint8Array.from([...head, ...new Uint8Array(300_000)]).toBase64();
};
const PDF = new TextEncoder().encode(`%PDF-1.7${" ".repeat(1_000)}`).toBase64();

async function estimate(body: unknown) {
  const read = await readPayload(encode(body), {
    fields: contentFields("application/json"),
    operation: "chat_completions",
    maxBytes: 1e9,
    mustBeKnown: true,
    readsFiles: false,
    hold() {},
  });
  return await inputOf({ kind: read.kind, bytes: read.bytes, media: read.json?.media });
}

const user = (content: unknown) => ({ messages: [{ role: "user", content }] });
const source = (data: string, more = {}) => ({ type: "base64", media_type: "image/jpeg", data, ...more });
const inline = (data: string, mimeType = "image/jpeg") => ({
  contents: [{ parts: [{ text: "hi" }, { inlineData: { mimeType, data } }] }],
});

Deno.test("inputOf: an image counts by its size in every dialect, read or passing", async () => {
  const data = photo();
  const url = `data:image/jpeg;base64,${data}`;
  const tool = [{ type: "tool_result", content: [{ type: "image", source: source(data) }] }];
  const bodies = {
    openai: user([{ type: "image_url", image_url: { url } }]),
    "openai, short": user([{ type: "image_url", image_url: url }]),
    responses: { input: [{ role: "user", content: [{ type: "input_image", image_url: url }] }] },
    "responses, of a tool": { input: [{ type: "function_call_output", output: [{ image_url: url }] }] },
    anthropic: user([{ type: "image", source: source(data) }]),
    "anthropic, of a tool": user(tool),
    gemini: inline(data),
    bedrock: user([{ image: { format: "jpeg", source: { bytes: data } } }]),
    ollama: { messages: [{ role: "user", content: "hi", images: [data] }] },
  };
  for (const [name, body] of Object.entries(bodies)) {
    const { tokens, most, images, isOpaque } = await estimate(body);
    assertEquals([imageTokensFor(images, "gpt-4o-mini"), isOpaque], [TOKENS, false], name);
    assert(tokens < 200 && most < 500, `${name}: ${tokens}, ${most}`);
    const tap = new RequestTap({ contentType: "application/json", path: "/v1/x", operation: "unknown" });
    const bytes = encode({ model: "gpt-4o-mini", ...body });
    for (let at = 0; at < bytes.length; at += 1_000) tap.write(bytes.subarray(at, at + 1_000));
    const passing = tap.inputTokens();
    assert(passing >= TOKENS && passing < TOKENS + 300, `${name}: ${passing}`);
  }
});

Deno.test("inputOf: small images with many pixels count by their pixels, in every format", async () => {
  for (const bytes of [png(PHOTO), gif(PHOTO), webp(PHOTO, "VP8X"), jpeg(PHOTO)]) {
    const url = `data:image/png;base64,${bytes.toBase64()}`;
    const { images, isOpaque } = await estimate(user([{ image_url: { url } }, { image_url: { url } }]));
    assertEquals([imageTokensFor(images, "gpt-4o-mini"), isOpaque], [2 * TOKENS, false]);
  }
  const escaped = `{"messages":[{"content":[{"image_url":"data:image\\/jpeg;base64,${
    photo().replaceAll("/", "\\/")
  }"}]}]}`;
  const { images, isOpaque } = await inputOf({ kind: "json", bytes: new TextEncoder().encode(escaped) });
  assertEquals([imageTokensFor(images, "gpt-4o-mini"), isOpaque], [TOKENS, false]);
});

Deno.test("inputOf: media whose tokens do not follow from its size count as content elsewhere", async () => {
  const image = png(PHOTO).toBase64();
  const bodies = {
    pdf: user([{ type: "document", source: source(PDF, { media_type: "application/pdf" }) }]),
    "a file": user([{ type: "file", file: { file_data: `data:application/pdf;base64,${PDF}` } }]),
    sound: user([{ type: "input_audio", input_audio: { data: "UklGRg==".repeat(9), format: "wav" } }]),
    video: inline("AAAAIGZ0eXBpc29t".repeat(9), "video/mp4"),
    "an unreadable image": user([{ image_url: { url: `data:image/png;base64,${"QUJD".repeat(99)}` } }]),
    "an image without Base64": user([{ image_url: { url: `data:image/svg+xml,${"<svg>".repeat(99)}` } }]),
    "a text and an image in one source": user([{
      source: { type: "text", media_type: "text/plain", data: "x", bytes: image },
    }]),
    "an image of Bedrock that calls itself a text": user([{
      image: { source: { type: "text", bytes: image } },
    }]),
    "a text and a PDF": user([{ source: { type: "text", data: "x" } }, {
      source: { data: PDF, media_type: "application/pdf", type: "base64" },
    }]),
    "a text without data before a PDF": user([{ source: { type: "text" } }, { source: { data: PDF } }]),
    "two types": user([{ source: { ...source(image), media_type: "text/plain" } }]),
    "a file with the head of an image": user([{
      document: { format: "txt", name: "a", source: { bytes: image } },
    }]),
    "an image in an unknown place": user([{ picture: { data: image } }]),
    "an image in a list of lists": {
      contents: [{ parts: [{ blob: [[`data:image/png;base64,${image}`]] }] }],
    },
  };
  for (const [name, body] of Object.entries(bodies)) {
    assertEquals((await estimate(body)).isOpaque, true, name);
  }
  const twoTypes = `{"messages":[{"content":[{"source":{"type":"text","data":"${PDF}","type":"base64"}}]}]}`;
  assertEquals((await inputOf({ kind: "json", bytes: new TextEncoder().encode(twoTypes) })).isOpaque, true);
  const plain = await estimate(user([{ type: "text", text: "A long text that is no image at all." }]));
  assertEquals([plain.isOpaque, plain.images], [false, NO_IMAGES]);
});

Deno.test("inputOf: a text document of Anthropic's counts by its bytes, in any order of its members", async () => {
  const data = "The quick brown fox. ".repeat(5_000);
  const orders = {
    "type first": { type: "text", media_type: "text/plain", data },
    "data first": { data, media_type: "text/plain", type: "text" },
    "the head of an image": { type: "text", media_type: "text/plain", data: png(PHOTO).toBase64() + data },
  };
  for (const [name, source] of Object.entries(orders)) {
    const image = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: png(PHOTO).toBase64() },
    };
    const body = user([{ type: "document", source }, { type: "text", text: "hi" }]);
    const { most, tokens, isOpaque, images } = await estimate(body);
    assertEquals([isOpaque, images], [false, NO_IMAGES], name);
    assert(most >= data.length && most < data.length + 500, `${name}: ${most}`);
    assert(tokens > data.length / 6 && tokens <= most, `${name}: ${tokens}`);
    const both = await estimate(user([{ type: "document", source }, image]));
    assertEquals([both.isOpaque, imageTokensFor(both.images, "gpt-4o-mini")], [false, TOKENS], name);
    const inTool = await estimate(user([{ type: "tool_result", content: [{ type: "document", source }] }]));
    assertEquals(inTool.isOpaque, false, name);
  }
});

Deno.test("inputOf: no text has more tokens than the highest number", async () => {
  for (const { kind, text, o200k, cl100k } of generated.texts) {
    const { most } = await estimate(user(text));
    assert(most >= Math.max(o200k, cl100k), kind);
  }
});

Deno.test("inputOf: each number in a list of token ids is a token", async () => {
  const ids = Array.from({ length: 3_000 }, (_, at) => at * 7 % 90_000);
  for (
    const body of [{ prompt: ids }, { prompt: [ids] }, { input: ids }, { input: [ids] }, {
      prompt: [1, ...ids],
    }]
  ) {
    const { tokens, most } = await estimate(body);
    assert(tokens >= ids.length && tokens < 2.5 * ids.length, `${tokens}`);
    assert(most >= ids.length);
    const tap = new RequestTap({
      contentType: "application/json",
      path: "/v1/completions",
      operation: "unknown",
    });
    const bytes = encode(body);
    for (let at = 0; at < bytes.length; at += 7) tap.write(bytes.subarray(at, at + 7));
    assert(tap.inputTokens() >= ids.length && tap.inputTokens() <= ids.length + 1);
  }
});

Deno.test("inputOf: the images of a form count by their size, and its other files as content elsewhere", async () => {
  const form = async (file: Uint8Array) => {
    const head = '--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA sea otter\r\n--b\r\n' +
      'Content-Disposition: form-data; name="image"; filename="a"\r\n\r\n';
    const bytes = Uint8Array.from([
      ...new TextEncoder().encode(head),
      ...file,
      ...new TextEncoder().encode("\r\n--b--\r\n"),
    ]);
    const read = await readPayload(bytes, {
      fields: contentFields("multipart/form-data; boundary=b"),
      operation: "images",
      maxBytes: 1e9,
      mustBeKnown: true,
      readsFiles: false,
      hold() {},
    });
    return await inputOf({ kind: read.kind, bytes, form: read.form });
  };
  const image = await form(png(PHOTO));
  assertEquals([imageTokensFor(image.images, "gpt-4o-mini"), image.isOpaque, image.most], [
    TOKENS,
    false,
    11,
  ]);
  assertEquals((await form(new Uint8Array(500))).isOpaque, true);
});
