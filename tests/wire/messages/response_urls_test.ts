/** URLs of a provider that clients open with their token: they lead to the proxy. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend, Endpoint, ServerConfig } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";

const TOKEN = `x-api-key: ${SECRETS.proxyToken}`;
const JSON_TYPE = "Content-Type: application/json\r\n";

interface Bench {
  readonly proxy: LocalProxy;
  readonly upstream: FakeUpstream;
  /** The URL of the upstream. */
  readonly origin: string;
}

/** The answers of the upstream, which may name its own origin as `ORIGIN`. */
async function withProxy(
  answer: string | Script,
  test: (bench: Bench) => Promise<void>,
  { backend, endpoint, server }: {
    backend?: Partial<Backend> & { path?: string };
    endpoint?: Partial<Endpoint>;
    server?: Partial<ServerConfig>;
  } = {},
): Promise<void> {
  let origin = "";
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      typeof answer === "string" ? exchange.write(answer.replaceAll("ORIGIN", origin)) : answer(exchange),
  });
  origin = upstream.origin;
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  await using proxy = new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("claude", [testBackend(origin, { key, keyField: "x-api-key", ...backend })], {
        dialect: "anthropic",
        ...endpoint,
      }),
    ],
    ...(server && { server }),
  });
  await test({ proxy, upstream, origin });
}

/** One request on a separate connection, with the host `proxy.local` unless the lines have one. */
async function ask(proxy: LocalProxy, lines: readonly string[]) {
  using client = await RawClient.connect(proxy.url);
  const hosts = lines.some((line) => line.startsWith("Host:")) ? [] : ["Host: proxy.local"];
  await client.send([...lines, ...hosts, "Connection: close", "", ""].join("\r\n"));
  return await client.answer(lines[0]?.split(" ")[0]);
}

/** A plain answer whose length fits after `ORIGIN` is replaced: it is sent in one chunk. */
function answerOf(body: string, headers = JSON_TYPE): Script {
  return async (exchange) => {
    const origin = `http://${exchange.request.header("host")}`;
    await exchange.write(plainAnswer(body.replaceAll("ORIGIN", origin), { headers }));
  };
}

const PATHS: readonly (readonly [base: string, path: string, url: string, seen: string])[] = [
  [
    "",
    "/claude/v1/messages/batches/b",
    "/v1/messages/batches/b/results",
    "/claude/v1/messages/batches/b/results",
  ],
  ["", "/v1/messages/batches", "/v1/messages/batches/b/results", "/v1/messages/batches/b/results"],
  ["", "/claude/v1/messages/batches/b/cancel", "/v1/x?a=1&key=k", "/claude/v1/x?a=1"],
  [
    "/v1",
    "/claude/messages/batches/b",
    "/v1/messages/batches/b/results",
    "/claude/v1/messages/batches/b/results",
  ],
  ["/anthropic", "/claude/v1/messages/batches/b", "/anthropic/v1/b", "/claude/v1/b"],
];
for (const [base, path, url, seen] of PATHS) {
  Deno.test(`results_url: ${url} of the base ${base || "/"} becomes ${seen}, and all other bytes stay`, () => {
    const odd =
      `{ "id":"b\u00e9",  "note":"\\"results_url\\": \\"ORIGIN/x\\"", "results_url" : "URL",\n"n":1.0, "u":"ORIGIN/y" }`;
    return withProxy(answerOf(odd.replace("URL", `ORIGIN${url}`)), async ({ proxy, upstream, origin }) => {
      const { host } = new URL(proxy.url);
      const { status, body } = await ask(proxy, [
        `GET ${path} HTTP/1.1`,
        TOKEN,
        `Host: ${host}`,
        "Accept-Encoding: gzip, br",
      ]);
      assertEquals(status, 200);
      assertEquals(
        new TextDecoder("latin1").decode(body),
        odd.replaceAll("ORIGIN", origin).replace("URL", `http://${host}${seen}`),
      );
      assertEquals(upstream.requests[0]?.header("accept-encoding"), "identity");
    }, { backend: { path: base } });
  });
}

const BATCH = "/claude/v1/messages/batches/b";
const REPLACED: readonly (readonly [why: string, body: string, seen: string])[] = [
  [
    "with escaped slashes",
    String.raw`{"results_url":"http:\/\/HOST\/v1\/b"}`,
    '{"results_url":"PROXY/v1/b"}',
  ],
  [
    "whose name has an escape",
    String.raw`{"results\u005furl":"ORIGIN/b"}`,
    String.raw`{"results\u005furl":"PROXY/b"}`,
  ],
  ["with a scheme in capitals", '{"results_url":"HTTP://HOST/b"}', '{"results_url":"PROXY/b"}'],
  ["with a user", '{"results_url":"http://u:p@HOST/b"}', '{"results_url":"PROXY/b"}'],
  ["of a host in capitals", '{"results_url":"https://OTHER.test/b"}', '{"results_url":null}'],
  [
    "of another host",
    '{"a":[{"results_url" :\n"https://other.test/v1/b"}]}',
    '{"a":[{"results_url" :\nnull}]}',
  ],
  ["of another port", '{"results_url":"http://127.0.0.1:1/b"}', '{"results_url":null}'],
  ["of another scheme", '{"results_url":"https://HOST/b"}', '{"results_url":null}'],
  ["of a host that begins with the same name", '{"results_url":"ORIGIN1/x"}', '{"results_url":null}'],
  ["within another scheme", '{"results_url":"blob:ORIGIN/x"}', '{"results_url":null}'],
  ["that an SDK appends to the host", '{"results_url":"@other.test/x"}', '{"results_url":null}'],
  ["without a scheme", '{"results_url":"//other.test/x"}', '{"results_url":null}'],
  ["that is too long", `{"results_url":"ORIGIN/${"x".repeat(5_000)}","n":1}`, '{"results_url":null,"n":1}'],
  ["with a wrong escape", String.raw`{"results_url":"ORIGIN\x"}`, '{"results_url":null}'],
  [
    "beside another one",
    '{"results_url":"ORIGIN/a","results_url":"http://o.test"}',
    '{"results_url":"PROXY/a","results_url":null}',
  ],
];
for (const [why, body, seen] of REPLACED) {
  Deno.test(`results_url: one ${why} leads to the proxy or nowhere`, () =>
    withProxy(async (exchange) => {
      const host = exchange.request.header("host") ?? "";
      const text = body.replaceAll("ORIGIN", `http://${host}`).replaceAll("HOST", host);
      await exchange.write(plainAnswer(text, { headers: JSON_TYPE }));
    }, async ({ proxy }) => {
      const { text } = await ask(proxy, [`GET ${BATCH} HTTP/1.1`, TOKEN]);
      assertEquals(text, seen.replaceAll("PROXY", "http://proxy.local/claude"));
    }));
}

const UNTOUCHED: readonly (readonly [why: string, path: string, body: string])[] = [
  ["that is null", BATCH, '{"results_url":null}'],
  ["that is a path", BATCH, '{"results_url":"/v1/b"}'],
  ["that is a value", BATCH, '{"a":"results_url","b":["results_url","ORIGIN/x"]}'],
  ["at another path", "/claude/v1/messages", '{"results_url":"ORIGIN/x"}'],
  ["at the results themselves", `${BATCH}/results`, '{"results_url":"ORIGIN/x"}'],
];
for (const [why, path, body] of UNTOUCHED) {
  Deno.test(`results_url: one ${why} stays`, () =>
    withProxy(answerOf(body), async ({ proxy, origin }) => {
      const { text } = await ask(proxy, [`GET ${path} HTTP/1.1`, TOKEN]);
      assertEquals(text, body.replaceAll("ORIGIN", origin));
    }));
}

Deno.test("results_url: an endpoint with another API than Anthropic's keeps the answer with its length", () =>
  withProxy(answerOf('{"results_url":"ORIGIN/x"}'), async ({ proxy, origin, upstream }) => {
    const answer = await ask(proxy, [
      `GET ${BATCH} HTTP/1.1`,
      TOKEN,
      "Accept-Encoding: gzip",
      "Range: bytes=0-",
    ]);
    assertEquals(answer.text, `{"results_url":"${origin}/x"}`);
    assertEquals(answer.header("content-length"), String(answer.text.length));
    assertEquals(upstream.requests[0]?.header("accept-encoding"), "gzip");
    assertEquals(upstream.requests[0]?.header("range"), "bytes=0-");
  }, { endpoint: { dialect: "openai" } }));

Deno.test("results_url: one in a body of another type leads to the proxy, because SDKs guess the type", () =>
  withProxy(answerOf('{"results_url":"ORIGIN/x"}', "Content-Type: text/plain\r\n"), async ({ proxy }) => {
    const { text } = await ask(proxy, [`GET ${BATCH} HTTP/1.1`, TOKEN]);
    assertEquals(text, '{"results_url":"http://proxy.local/claude/x"}');
  }));

for (
  const [why, head] of [
    ["is compressed", "200 OK\r\nContent-Encoding: gzip"],
    ["is a part that the proxy did not request", "206 Partial Content\r\nContent-Range: bytes 0-1/9"],
  ]
) {
  Deno.test(`results_url: an answer that ${why} is a 502`, () =>
    withProxy(async (exchange) => {
      await exchange.write(`HTTP/1.1 ${head}\r\n${JSON_TYPE}Content-Length: 2\r\n\r\n{}`);
    }, async ({ proxy }) => {
      const { status, text } = await ask(proxy, [`GET ${BATCH} HTTP/1.1`, TOKEN]);
      assertEquals(status, 502);
      assert(text.includes("results_url"), text);
    }));
}

for (
  const [why, body] of [
    ["a list of URLs", '{"results_url":["http://other.test/x"]}'],
    ["UTF-16", [...'{"results_url":"http://other.test/x"}'].join("\0")],
  ]
) {
  Deno.test(`results_url: a body with ${why} breaks off before the URL`, () =>
    withProxy(answerOf(body ?? ""), async ({ proxy }) => {
      const headers = { "x-api-key": SECRETS.proxyToken };
      // The head has perhaps not been sent before the body breaks off.
      await assertRejects(async () => (await fetch(proxy.url + BATCH, { headers })).text(), TypeError);
    }));
}

Deno.test("results_url: the proxy drops headers that describe the bytes of the provider", () => {
  const validators = ["ETag", "Content-Digest", "Repr-Digest", "Digest", "Content-MD5", "Accept-Ranges"];
  const headers = JSON_TYPE + validators.map((name) => `${name}: x\r\n`).join("");
  return withProxy(answerOf('{"results_url":"ORIGIN/x"}', headers), async ({ proxy, upstream }) => {
    const answer = await ask(proxy, [
      `GET ${BATCH} HTTP/1.1`,
      TOKEN,
      "Range: bytes=0-9",
      'If-Range: "x"',
    ]);
    assertEquals(answer.text, '{"results_url":"http://proxy.local/claude/x"}');
    for (const name of [...validators, "Content-Length"]) {
      assertEquals(answer.header(name.toLowerCase()), undefined);
    }
    assertEquals(upstream.requests[0]?.header("range"), undefined);
    assertEquals(upstream.requests[0]?.header("if-range"), undefined);
  });
});

Deno.test("results_url: an answer to HEAD states no length", () =>
  withProxy(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Content-Length: 70\r\n\r\n`, async ({ proxy }) => {
    const { status, header } = await ask(proxy, [`HEAD ${BATCH} HTTP/1.1`, TOKEN]);
    assertEquals(status, 200);
    assertEquals(header("content-length"), undefined);
  }));

Deno.test("results_url: without a valid host of the request it becomes null", () =>
  withProxy(answerOf('{"results_url":"ORIGIN/x"}'), async ({ proxy }) => {
    const { status, text } = await ask(proxy, [`GET ${BATCH} HTTP/1.1`, TOKEN, "Host: a_b!c"]);
    assertEquals([status, text], [200, '{"results_url":null}']);
  }));

Deno.test("results_url: rewrite_urls = false leaves it, and the request too", () =>
  withProxy(answerOf('{"results_url":"ORIGIN/x"}'), async ({ proxy, upstream, origin }) => {
    const { text } = await ask(proxy, [
      "GET /claude/v1/messages/batches/b HTTP/1.1",
      TOKEN,
      "Accept-Encoding: gzip",
    ]);
    assertEquals(text, `{"results_url":"${origin}/x"}`);
    assertEquals(upstream.requests[0]?.header("accept-encoding"), "gzip");
  }, { endpoint: { rewriteUrls: false } }));

Deno.test("results_url: one behind 5 MB leads to the proxy, and the client gets the beginning before the end", () => {
  const { promise: hasRead, resolve } = Promise.withResolvers<void>();
  const pad = "x".repeat(5_000_000);
  const script: Script = async (exchange) => {
    const origin = `http://${exchange.request.header("host")}`;
    await exchange.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Connection: close\r\n\r\n{"pad":"`);
    await hasRead;
    await exchange.write(`${pad}","results_url":"${origin}/x"}`);
    exchange.close();
  };
  return withProxy(script, async ({ proxy }) => {
    const { host } = new URL(proxy.url);
    const response = await fetch(proxy.url + BATCH, { headers: { "x-api-key": SECRETS.proxyToken } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader?.read())?.value ?? "";
    assertEquals(text, '{"pad":"');
    resolve();
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
      text += next.value;
    }
    assertEquals(text === `{"pad":"${pad}","results_url":"http://${host}/claude/x"}`, true);
  });
});

const ADDRESSES:
  readonly (readonly [name: string, lines: readonly string[], trusted: boolean, base: string])[] = [
    ["the host of the request", ["Host: nas:33000"], false, "http://nas:33000"],
    ["TLS in front", ["Host: llm.example.com", "X-Forwarded-Proto: https"], false, "https://llm.example.com"],
    [
      "a host that is stated without trust",
      ["Host: a.test", "X-Forwarded-Host: evil.test"],
      false,
      "http://a.test",
    ],
    [
      "a trusted proxy in front",
      ["Host: inside:1", "X-Forwarded-Host: llm.example.com, b", "X-Forwarded-Proto: https"],
      true,
      "https://llm.example.com",
    ],
    ["an IPv6 address", ["Host: [fd00::1]:33000"], false, "http://[fd00::1]:33000"],
  ];
for (const [name, lines, isTrusted, base] of ADDRESSES) {
  Deno.test(`URLs in answers begin with the address of the client: ${name}`, () =>
    withProxy(answerOf('{"results_url":"ORIGIN/v1/x"}'), async ({ proxy }) => {
      const { text } = await ask(proxy, [
        "GET /claude/v1/messages/batches/b HTTP/1.1",
        TOKEN,
        ...lines,
      ]);
      assertEquals(text, `{"results_url":"${base}/claude/v1/x"}`);
    }, { server: { trustedProxies: isTrusted ? ["127.0.0.1"] : [] } }));
}

Deno.test("x-goog-upload-url leads to the proxy, without a key, and the upload arrives at the provider", () => {
  const url = "ORIGIN/upload/v1beta/files?upload_id=u&key=k&upload_protocol=resumable";
  return withProxy(async (exchange) => {
    const origin = `http://${exchange.request.header("host")}`;
    await exchange.write(
      plainAnswer("{}", { headers: `${JSON_TYPE}X-Goog-Upload-URL: ${url.replace("ORIGIN", origin)}\r\n` }),
    );
  }, async ({ proxy, upstream }) => {
    const { host } = new URL(proxy.url);
    const started = await ask(proxy, [
      "POST /claude/upload/v1beta/files HTTP/1.1",
      TOKEN,
      `Host: ${host}`,
      "Content-Length: 0",
    ]);
    const given = started.header("x-goog-upload-url") ?? "";
    assertEquals(
      given,
      `${proxy.url}/claude/upload/v1beta/files?upload_id=u&upload_protocol=resumable`,
    );
    const response = await fetch(given, {
      method: "POST",
      headers: { "x-api-key": SECRETS.proxyToken },
      body: "bytes",
    });
    await response.body?.cancel();
    assertEquals(
      upstream.requests[1]?.target,
      "/upload/v1beta/files?upload_id=u&upload_protocol=resumable",
    );
  }, { endpoint: { dialect: "gemini" } });
});

for (
  const [url, seen] of [
    ["https://other.test/upload", undefined],
    ["HTTP://HOST/upload", "http://proxy.local/claude/upload"],
    ["http://HOST1/upload", undefined],
    ["//other.test/upload", undefined],
  ] as const
) {
  Deno.test(`x-goog-upload-url: ${url} becomes ${seen ?? "no header"}`, () =>
    withProxy(async (exchange) => {
      const own = url.replace("HOST", exchange.request.header("host") ?? "");
      await exchange.write(
        plainAnswer("{}", { headers: `X-Goog-Upload-URL: ${own}\r\nX-Goog-Upload-Control-URL: ${own}\r\n` }),
      );
    }, async ({ proxy }) => {
      const { status, header } = await ask(proxy, [
        "POST /claude/upload/v1beta/files HTTP/1.1",
        TOKEN,
        "Content-Length: 0",
      ]);
      assertEquals(status, 200);
      assertEquals(header("x-goog-upload-url"), seen);
      assertEquals(header("x-goog-upload-control-url"), seen);
    }, { endpoint: { dialect: "gemini" } }));
}

Deno.test("Anthropic's SDK fetches the results of a batch through the proxy, and the provider sees no proxy token", () =>
  withProxy(async (exchange) => {
    const origin = `http://${exchange.request.header("host")}`;
    const isResults = exchange.request.target.endsWith("/results");
    const batch = JSON.stringify({
      id: "b",
      type: "message_batch",
      processing_status: "ended",
      results_url: `${origin}/v1/messages/batches/b/results`,
    });
    const line = JSON.stringify({ custom_id: "c", result: { type: "canceled" } });
    await exchange.write(
      isResults
        ? plainAnswer(`${line}\n`, { headers: "Content-Type: application/x-jsonl\r\n" })
        : plainAnswer(batch, { headers: JSON_TYPE }),
    );
  }, async ({ proxy, upstream }) => {
    const anthropic = new Anthropic({ baseURL: `${proxy.url}/claude`, apiKey: SECRETS.proxyToken });
    const results = await Array.fromAsync(await anthropic.messages.batches.results("b"));
    assertEquals(results.map(({ custom_id }) => custom_id), ["c"]);
    assertEquals(upstream.requests.length, 2);
    assert(!upstream.received.includes(SECRETS.proxyToken));
  }));
