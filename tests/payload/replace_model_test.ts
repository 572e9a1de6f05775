import { assertEquals, assertRejects } from "@std/assert";
import zlib from "node:zlib";
import { ProxyFault } from "../../src/faults.ts";
import type { ModelOverride } from "../../src/config/config.ts";
import { modelChanges } from "../../src/forwarding/replace_model.ts";
import { HeldBody } from "../../src/streams/held_body.ts";
import { readUpTo } from "../../src/streams/read_whole.ts";
import { type Payload, readPayload } from "../../src/payload/read_payload.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { random } from "../support/data/random.ts";

const MODEL = { byName: new Map([["gpt-4o", "llama3.3"], ["ü", 'ö"\n']]), otherwise: "other" };
const MAPPED_ONLY = { ...MODEL, otherwise: undefined };

async function replaced(
  body: string | Uint8Array,
  { model = MODEL, headers = ["content-type: application/json"], maxBytes = 10_000 }: {
    model?: { byName: Map<string, string>; otherwise: string | undefined };
    headers?: string[];
    maxBytes?: number;
  } = {},
): Promise<string | undefined> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const payload = await read(bytes, headers, maxBytes);
  return modelChanges(payload, model).length === 0
    ? undefined
    : new TextDecoder().decode(await sentOf(payload, model));
}

async function sentOf(payload: Payload, model: ModelOverride): Promise<Uint8Array> {
  const sent = new HeldBody(payload.bytes, { release() {}, droppedBy() {} }).body(
    modelChanges(payload, model),
  );
  const { bytes } = await readUpTo(sent, 1e6);
  assertEquals(sent.length, bytes.length);
  return bytes;
}

function read(bytes: Uint8Array, headers: readonly string[], maxBytes = 10_000): Promise<Payload> {
  return readPayload(bytes, {
    fields: fieldsOf(...headers),
    operation: "chat_completions",
    maxBytes,
    mustBeKnown: true,
    readsFiles: false,
    hold() {},
  });
}

/** The fault that a body is rejected with. */
async function rejected(
  body: string | Uint8Array,
  headers = ["content-type: application/json"],
): Promise<string> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return (await assertRejects(() => read(bytes, headers), ProxyFault)).code;
}

/** A JSON body, and what becomes of it; undefined: it stays as it is. */
const JSON_CASES: readonly (readonly [string, string, string | undefined])[] = [
  ["mapped by name", '{"model":"gpt-4o"}', '{"model":"llama3.3"}'],
  ["any other", '{"model":"o1"}', '{"model":"other"}'],
  [
    "numbers beyond 2^53, repeated keys and white space survive",
    ' \n{ "q" : 12345678901234567890.10e5,\t"q":1, "model" :  "gpt-4o" , "s":[1, 2]}\r\n ',
    ' \n{ "q" : 12345678901234567890.10e5,\t"q":1, "model" :  "llama3.3" , "s":[1, 2]}\r\n ',
  ],
  ["no inner one", '{"a":{"model":"gpt-4o"},"b":["model","gpt-4o"],"c":"model"}', undefined],
  [
    "an inner one before",
    '{"a":{"b":[{"model":"x"}]},"model":"gpt-4o"}',
    '{"a":{"b":[{"model":"x"}]},"model":"llama3.3"}',
  ],
  ["a key that is escaped", '{"\\u006dodel":"gpt-4o"}', '{"\\u006dodel":"llama3.3"}'],
  ["a value that is escaped", '{"model":"gpt\\u002d4o"}', '{"model":"llama3.3"}'],
  ["names with other letters", '{"model":"ü"}', '{"model":"ö\\"\\n"}'],
  [
    "quotes and braces within texts",
    '{"x":"\\"}{\\\\","model":"gpt-4o"}',
    '{"x":"\\"}{\\\\","model":"llama3.3"}',
  ],
  ["a model that is no text", '{"model":5,"y":"gpt-4o"}', undefined],
  ["null", '{"model":null}', undefined],
  ["none", '{"messages":[]}', undefined],
  ["the same already", '{"model":"other"}', undefined],
  ["nothing", "", undefined],
];
for (const [what, body, expected] of JSON_CASES) {
  Deno.test(`replaceModel: JSON: ${what}`, async () => assertEquals(await replaced(body), expected));
}

Deno.test("replaceModel: JSON: without a name for all others only the mapped ones change", async () => {
  assertEquals(await replaced('{"model":"o1"}', { model: MAPPED_ONLY }), undefined);
  assertEquals(await replaced('{"model":"gpt-4o"}', { model: MAPPED_ONLY }), '{"model":"llama3.3"}');
});

Deno.test("replaceModel: JSON: on generated documents it is what parsing and writing would give", async () => {
  const { below } = random(7);
  const text = (): string => ["model", "a", 'q"\\', "gpt-4o", "{", "ü", "[,]", ":"][below(8)] ?? "";
  const value = (depth: number): unknown => {
    const kind = below(depth > 3 ? 3 : 5);
    if (kind === 0) return text();
    if (kind === 1) return below(1_000_000);
    if (kind === 2) return [true, false, null][below(3)];
    if (kind === 3) return Array.from({ length: below(4) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: below(4) }, () => [text(), value(depth + 1)]));
  };
  for (let round = 0; round < 2_000; round++) {
    const tree = { a: value(0), ...(below(2) === 0 && { model: text() }), b: value(0) };
    const { model } = tree;
    const expected = typeof model === "string" && model !== "other"
      ? { ...tree, model: MODEL.byName.get(model) ?? "other" }
      : undefined;
    const indent = below(3);
    const written = expected === undefined ? undefined : JSON.stringify(expected, null, indent);
    assertEquals(await replaced(JSON.stringify(tree, null, indent)), written);
  }
});

for (
  const [encoding, compress] of [
    ["gzip", zlib.gzipSync],
    ["deflate", zlib.deflateSync],
    ["br", zlib.brotliCompressSync],
    ["zstd", zlib.zstdCompressSync],
  ] as const
) {
  const headers = ["content-type: application/json", `content-encoding: ${encoding}`];
  Deno.test(`replaceModel: ${encoding} is decoded, up to a bound`, async () => {
    const body = `{"model":"gpt-4o","x":"${"y".repeat(5_000)}"}`;
    const compressed = new Uint8Array(compress(new TextEncoder().encode(body)));
    assertEquals(await replaced(compressed, { headers }), body.replace("gpt-4o", "llama3.3"));
    const error = await assertRejects(() => replaced(compressed, { headers, maxBytes: 1_000 }), ProxyFault);
    assertEquals(error.code, "payload_too_large");
  });
}

Deno.test("replaceModel: a coding that is unknown or broken is the client's fault", async () => {
  for (
    const headers of [["content-encoding: snappy"], ["content-encoding: gzip"], [
      "content-encoding: gzip, br",
    ]]
  ) {
    assertEquals(await rejected("{}", headers), "bad_request");
  }
});

Deno.test("replaceModel: a form's field, as FormData writes it, and nothing else of the form", async () => {
  const form = new FormData();
  form.append("file", new File([new Uint8Array([0, 13, 10, 45, 45, 255])], "model.wav"));
  form.append("model", "gpt-4o");
  form.append("prompt", 'Content-Disposition: form-data; name="model"\r\n\r\ngpt-4o');
  const request = new Request("http://h.test", { method: "POST", body: form });
  const type = request.headers.get("content-type") ?? "";
  const body = new Uint8Array(await request.arrayBuffer());
  const payload = await read(body, [`content-type: ${type}`]);
  const result = await sentOf(payload, MODEL);
  const back = await new Response(result.slice(), { headers: { "content-type": type } }).formData();
  assertEquals([back.get("model"), back.get("prompt")], ["llama3.3", form.get("prompt")]);
  const file = back.get("file");
  assertEquals(file instanceof File && [...new Uint8Array(await file.arrayBuffer())], [
    0,
    13,
    10,
    45,
    45,
    255,
  ]);
});

Deno.test("replaceModel: a form with a boundary in quotes, and one without a model", async () => {
  const form = (boundary: string, head: string) =>
    `--${boundary}\r\n${head}\r\n\r\ngpt-4o\r\n--${boundary}--\r\n`;
  const headers = (boundary: string) => [`content-type: multipart/form-data; boundary=${boundary}`];
  const quoted = form("a b", 'content-disposition: form-data; name="model"');
  assertEquals(await replaced(quoted, { headers: headers('"a b"') }), quoted.replace("gpt-4o", "llama3.3"));
  const other = form("x", 'Content-Disposition: form-data; name="models"');
  assertEquals(await replaced(other, { headers: headers("x") }), undefined);
});

Deno.test("replaceModel: the length that a part states of itself is that of the new model", async () => {
  const form = (length: number, model: string) =>
    `--x\r\ncontent-disposition: form-data; name="model"\r\nContent-Length: ${length}\r\n\r\n${model}\r\n--x--\r\n`;
  const headers = ["content-type: multipart/form-data; boundary=x"];
  assertEquals(await replaced(form(6, "gpt-4o"), { headers }), form(8, "llama3.3"));
});
