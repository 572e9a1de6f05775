/** URLs of a provider that clients open with their token: they lead to the proxy. */

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals } from "@std/assert";
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

const UNTOUCHED: readonly (readonly [why: string, path: string, body: string, headers: string])[] = [
  [
    "of another host",
    "/claude/v1/messages/batches/b",
    '{"results_url":"https://other.test/v1/b"}',
    JSON_TYPE,
  ],
  ["that is null", "/claude/v1/messages/batches/b", '{"results_url":null}', JSON_TYPE],
  [
    "of a host that begins with the same name",
    "/claude/v1/messages/batches/b",
    '{"results_url":"ORIGIN1/x"}',
    JSON_TYPE,
  ],
  [
    "in a body that is not JSON",
    "/claude/v1/messages/batches/b",
    '{"results_url":"ORIGIN/x"}',
    "Content-Type: text/event-stream\r\n",
  ],
  [
    "in a compressed body",
    "/claude/v1/messages/batches/b",
    '{"results_url":"ORIGIN/x"}',
    `${JSON_TYPE}Content-Encoding: gzip\r\n`,
  ],
  ["at another path", "/claude/v1/messages", '{"results_url":"ORIGIN/x"}', JSON_TYPE],
  [
    "at the results themselves",
    "/claude/v1/messages/batches/b/results",
    '{"results_url":"ORIGIN/x"}',
    JSON_TYPE,
  ],
];
for (const [why, path, body, headers] of UNTOUCHED) {
  Deno.test(`results_url: one ${why} stays`, () =>
    withProxy(answerOf(body, headers), async ({ proxy, origin }) => {
      const { text } = await ask(proxy, [`GET ${path} HTTP/1.1`, TOKEN]);
      assertEquals(text, body.replaceAll("ORIGIN", origin));
    }));
}

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

Deno.test("results_url: a body of more than 4 MiB passes byte for byte", () => {
  const body = `{"results_url":"ORIGIN/x","pad":"${"x".repeat(5_000_000)}"}`;
  const script: Script = async (exchange) => {
    const origin = `http://${exchange.request.header("host")}`;
    const text = body.replaceAll("ORIGIN", origin);
    await exchange.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Connection: close\r\n\r\n${text}`);
    exchange.close();
  };
  return withProxy(script, async ({ proxy, origin }) => {
    const { text } = await ask(proxy, ["GET /claude/v1/messages/batches HTTP/1.1", TOKEN]);
    assertEquals(text === body.replaceAll("ORIGIN", origin), true);
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
  });
});

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
