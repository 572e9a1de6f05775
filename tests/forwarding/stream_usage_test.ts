import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { readPayload } from "../../src/payload/read_payload.ts";
import { usageOptionEdit, withEdit } from "../../src/payload/usage_option.ts";
import { HiddenUsage } from "../../src/forwarding/stream_usage/hidden_usage.ts";
import { concat } from "../../src/streams/bytes.ts";
import { readUpTo } from "../../src/streams/read_whole.ts";
import { type ByteSource, nextPiece } from "../../src/streams/byte_source.ts";
import { chunk, FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { ManagedProxy } from "../support/proxies/managed_proxy.ts";
import { SECRETS } from "../support/data/secrets.ts";

const encoder = new TextEncoder();
const asked = async (body: string) => {
  const payload = await readPayload(encoder.encode(body), {
    fields: [],
    operation: "chat_completions",
    maxBytes: 10_000,
    mustBeKnown: true,
    readsFiles: false,
    hold() {},
  });
  const edit = usageOptionEdit(payload);
  return edit && new TextDecoder().decode(withEdit(payload.bytes, edit));
};

/** A body, and what is sent instead; undefined: nothing else. */
const BODIES: readonly (readonly [body: string, sent: string | undefined])[] = [
  ['{"prompt":"a"}', undefined],
  [
    ' {"prompt":["a"],"stream":true}',
    ' {"stream_options":{"include_usage":true},"prompt":["a"],"stream":true}',
  ],
  ['{"model":"m","stream":true}', '{"stream_options":{"include_usage":true},"model":"m","stream":true}'],
  [
    '{"stream":true, "n":12345678901234567890}',
    '{"stream_options":{"include_usage":true},"stream":true, "n":12345678901234567890}',
  ],
  ['{"stream":true,"stream_options":null}', '{"stream":true,"stream_options":{"include_usage":true}}'],
  ['{"stream":true,"stream_options":{}}', '{"stream":true,"stream_options":{"include_usage":true}}'],
  [
    '{"stream_options":{"include_obfuscation":false},"stream":true}',
    '{"stream_options":{"include_usage":true,"include_obfuscation":false},"stream":true}',
  ],
  [
    '{"stream":true,"stream_options":{"include_usage":false}}',
    '{"stream":true,"stream_options":{"include_usage":true}}',
  ],
  ['{"stream":true,"stream_options":{"include_usage":true}}', undefined],
  ['{"stream":false}', undefined],
  ['{"model":"m"}', undefined],
  ['{"stream":null}', undefined],
  ['{"messages":[{"stream":true}]}', undefined],
  ["", undefined],
];
for (const [body, sent] of BODIES) {
  Deno.test(`usageOptionEdit: ${body}`, async () => assertEquals(await asked(body), sent));
}

Deno.test("usageOptionEdit: an unusual form of asking for a stream is rejected, and not left uncounted", async () => {
  for (
    const body of ['{"stream":"true"}', '{"stream":1}', '{"stream":false,"stream":true}', '{"Stream":true}']
  ) {
    assertEquals((await assertRejects(() => asked(body), ProxyFault)).code, "bad_request", body);
  }
});

function sourceOf(pieces: readonly Uint8Array[]): ByteSource {
  const left = [...pieces];
  const next = () => left.shift() ?? null;
  return { tryRead: next, readable: () => Promise.resolve(), cancel() {} };
}

async function hidden(pieces: readonly Uint8Array[]): Promise<string> {
  const source = new HiddenUsage(sourceOf(pieces));
  let text = "";
  for (let piece = await nextPiece(source); piece !== null; piece = await nextPiece(source)) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

/** What the provider sends when usage was asked for, and when it was not. */
const STREAMS: Readonly<Record<string, readonly [withUsage: string, without: string]>> = {
  "as OpenAI writes it": [
    'data: {"id":"1","choices":[{"delta":{"content":"a"}}],"usage":null}\n\ndata: {"id":"1","choices":[],"usage":{"prompt_tokens":1}}\n\ndata: [DONE]\n\n',
    'data: {"id":"1","choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n',
  ],
  "with spaces, CR LF and the member in the middle": [
    'data: {"id": "1", "usage": null, "choices": [{}]}\r\n\r\ndata: {"choices": [ ], "usage": {}}\r\n\r\n',
    'data: {"id": "1", "choices": [{}]}\r\n\r\n',
  ],
  "first of all": ['data: {"usage":null,"choices":[1]}\n\n', 'data: {"choices":[1]}\n\n'],
  "alone": ['data: {"usage":null}\n\n', "data: {}\n\n"],
  "text that speaks of usage": [
    'data: {"choices":[{"delta":{"content":"\\"usage\\":null"}}]}\n\n: "usage"\n\n',
    'data: {"choices":[{"delta":{"content":"\\"usage\\":null"}}]}\n\n: "usage"\n\n',
  ],
  "with choices in the last event": [
    'data: {"choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n',
    'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
  ],
  "an error that says what it used": [
    'data: {"error":{"message":"overloaded"},"usage":{"prompt_tokens":3}}\n\n',
    'data: {"error":{"message":"overloaded"},"usage":{"prompt_tokens":3}}\n\n',
  ],
  "an end without its empty line": ['data: {"choices":[],"usage":{"prompt_tokens":3}}\n', ""],
  "the member twice, first, last and in a row": [
    'data: {"usage":null, "usage":{},"choices":[1],"usage":1 , "usage" : 2}\n\n',
    'data: {"choices":[1]}\n\n',
  ],
  "nothing but the member": ['data: {"usage":null,"usage":null }\n\n', "data: { }\n\n"],
  "choices twice: readers take the last": [
    'data: {"choices":[],"choices":[1],"usage":1}\n\ndata: {"choices":[1],"choices":[],"usage":1}\n\n',
    'data: {"choices":[],"choices":[1]}\n\n',
  ],
  "a key with escapes": [
    'data: {"choices":[1],"\\u0075sag\\u0065":null}\n\ndata: {"choices":[],"us\\u0061ge":{}}\n\n',
    'data: {"choices":[1]}\n\n',
  ],
  "an event that is cut": [
    'data: {"choices":[1],"usage":null}\n\ndata: {"choi',
    'data: {"choices":[1]}\n\ndata: {"choi',
  ],
};
for (const [name, [withUsage, without]] of Object.entries(STREAMS)) {
  Deno.test(`HiddenUsage: ${name}, split at every byte`, async () => {
    const bytes = encoder.encode(withUsage);
    for (let at = 0; at <= bytes.length; at++) {
      assertEquals(await hidden([bytes.subarray(0, at), bytes.subarray(at)]), without, `split at ${at}`);
    }
    assertEquals(await hidden([...bytes].map((byte) => Uint8Array.of(byte))), without);
  });
}

Deno.test("HiddenUsage: a byte order mark begins the stream and not its first line", async () => {
  const mark = Uint8Array.of(0xef, 0xbb, 0xbf);
  for (
    const [withUsage, without] of [
      ['data: {"choices":[],"usage":{}}\n\ndata: 1\n\n', "data: 1\n\n"],
      ['\ndata: {"choices":[],"usage":{}}\n\n', "\n"],
      ["", ""],
    ] as const
  ) {
    const bytes = concat([mark, encoder.encode(withUsage)]);
    const wanted = concat([mark, encoder.encode(without)]);
    for (const size of [1, 2, 3, 100]) {
      const pieces = Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, index) => bytes.slice(index * size, (index + 1) * size),
      );
      const { bytes: left } = await readUpTo(new HiddenUsage(sourceOf(pieces)), 1_000);
      assertEquals(left, wanted, `${withUsage} in pieces of ${size}`);
    }
  }
  const { bytes: part } = await readUpTo(new HiddenUsage(sourceOf([mark.subarray(0, 2)])), 1_000);
  assertEquals(part, mark.subarray(0, 2), "a part of it is passed on");
});

Deno.test("HiddenUsage: the client gets what arrived before a stream breaks off", async () => {
  const pieces = [encoder.encode('data: {"choices":[1]}\n\ndata: {"half')];
  const source = new HiddenUsage(
    new PulledSource(() => {
      const piece = pieces.shift();
      return piece === undefined ? Promise.reject(new Error("cut")) : Promise.resolve(piece);
    }),
  );
  const read = async () => new TextDecoder().decode(await nextPiece(source) ?? undefined);
  assertEquals([await read(), await read()], ['data: {"choices":[1]}\n\n', 'data: {"half']);
  assertEquals(await nextPiece(source).then(() => "ended", (error) => error.message), "cut");
});

Deno.test("HiddenUsage: whole events are not held back", () => {
  const pieces = ['data: {"choices":[1]}\n\n', 'data: {"choices":[2],"usage":null}\n\n'].map((text) =>
    encoder.encode(text)
  );
  const source = new HiddenUsage({
    tryRead: () => pieces.shift(),
    readable: () => Promise.resolve(),
    cancel() {},
  });
  const texts = [source.tryRead(), source.tryRead(), source.tryRead()].map((piece) =>
    piece instanceof Uint8Array ? new TextDecoder().decode(piece) : piece
  );
  assertEquals(texts, ['data: {"choices":[1]}\n\n', 'data: {"choices":[2]}\n\n', undefined]);
});

Deno.test("stream_usage: the client gets exactly the stream that it asked for, and the usage is recorded", async () => {
  const events = (withUsage: boolean) => [
    `data: {"model":"m","choices":[{"delta":{"content":"a"}}]${withUsage ? ',"usage":null' : ""}}\n\n`,
    `data: {"model":"m","choices":[{"delta":{},"finish_reason":"stop"}]${
      withUsage ? ',"usage":null' : ""
    }}\n\n`,
    ...(withUsage
      ? ['data: {"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n']
      : []),
    "data: [DONE]\n\n",
  ];
  const bodies: string[] = [];
  await using upstream = new FakeUpstream({
    script: async ({ body, write }) => {
      let text = "";
      for await (const piece of body()) text += new TextDecoder().decode(piece);
      bodies.push(text);
      await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (const event of events(text.includes('"include_usage":true'))) await write(chunk(event));
      await write("0\r\n\r\n");
    },
  });
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { key })], { streamUsage: true })],
  });
  const { value } = await proxy.token();
  const plain = events(false).join("");
  const ask = { headers: { "accept-encoding": "gzip" } };
  assertEquals(await (await proxy.chat(value, '{"model":"m","stream":true}', ask)).text(), plain);
  assert(bodies[0]?.includes('"include_usage":true'));
  assertEquals(upstream.requests[0]?.header("accept-encoding"), "identity");
  assertEquals(upstream.requests[0]?.header("content-length"), String(bodies[0]?.length));
  const own = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';
  assertEquals(await (await proxy.chat(value, own)).text(), events(true).join(""), "who asks gets it");
  assertEquals(bodies[1], own);
  const other = { path: "/openai/v1/responses" };
  await (await proxy.chat(value, '{"model":"m","stream":true}', other)).text();
  assertEquals(bodies[2], '{"model":"m","stream":true}', "other APIs are left alone");
  const { body } = await proxy.api("GET", "/exchanges");
  assertEquals(body.data.toReversed().slice(0, 2).map((row: { input_tokens: number }) => row.input_tokens), [
    3,
    3,
  ]);
});
