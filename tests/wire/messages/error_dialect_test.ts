/**
 * The shape of the proxy's errors by path and client, and the checks of clients before they send a
 * credential.
 */

import { assertEquals } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

type Shape = "openai" | "anthropic" | "gemini" | "ollama" | "unknown";

function shapeOf(text: string): Shape {
  const body = JSON.parse(text);
  if (typeof body.error === "string" && Object.keys(body).length === 1) return "ollama";
  if (body.type === "error" && typeof body.error.type === "string") return "anthropic";
  if (typeof body.error.status === "string") return "gemini";
  return "param" in body.error ? "openai" : "unknown";
}

/** A request without a token, and the shape of its 401. The endpoint `lab` has OpenAI's dialect. */
const SHAPES: readonly (readonly [line: string, fields: readonly string[], shape: Shape])[] = [
  ["POST /lab/v1/chat/completions", [], "openai"],
  ["POST /lab/v1/messages", [], "anthropic"],
  ["POST /lab/v1/messages/count_tokens?beta=true", [], "anthropic"],
  ["POST /lab/v1beta/models/m:generateContent", [], "gemini"],
  ["POST /lab/v1beta/models/m:streamGenerateContent?alt=sse", [], "gemini"],
  ["GET /lab/v1/models", [], "openai"],
  ["GET /lab/v1/models", ["anthropic-version: 2023-06-01"], "anthropic"],
  ["POST /claude/v1/messages", [], "anthropic"],
  ["POST /claude/v1/chat/completions", [], "openai"],
  ["GET /claude/v1/models", [], "anthropic"],
  ["POST /google/v1beta/openai/chat/completions", [], "openai"],
  ["GET /google/v1beta/models", [], "gemini"],
  ["POST /nothing/v1/messages", [], "anthropic"],
  ["POST /lab/api/chat", [], "ollama"],
  ["POST /lab/api/generate/", ["anthropic-version: 2023-06-01"], "ollama"],
  ["GET /nothing/api/tags", [], "ollama"],
  ["POST /lab/api/embed", [], "ollama"],
  ["POST /lab/api/embeddings", [], "ollama"],
  ["DELETE /lab/api/delete", [], "ollama"],
  ["POST /lab/api/blobs/sha256:1", [], "ollama"],
  ["POST /lab/api/chat/completions", [], "openai"],
  ["POST /lab/api/v0/chat/completions", [], "openai"],
  ["POST /nothing/v1/responses", ["anthropic-version: 2023-06-01"], "openai"],
];

async function withProxy(test: (proxy: LocalProxy, upstream: FakeUpstream) => Promise<void>): Promise<void> {
  await using upstream = new FakeUpstream();
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const backends = [testBackend(upstream.origin, { key })];
  await using proxy = new LocalProxy(upstream, {
    endpoints: [
      testEndpoint("lab", backends),
      testEndpoint("claude", backends, { dialect: "anthropic" }),
      testEndpoint("google", backends, { dialect: "gemini" }),
    ],
  });
  await test(proxy, upstream);
}

for (const [line, fields, shape] of SHAPES) {
  Deno.test(`errors: ${[line, ...fields].join(" with ")} gets the shape of ${shape}`, () =>
    withProxy(async (proxy) => {
      const { status, text } = await rawRequest(proxy.url, [`${line} HTTP/1.1`, ...fields]);
      assertEquals([status, shapeOf(text)], [401, shape]);
    }));
}

Deno.test("Claude Code's check at its base URL: a 200 without a token and without a line in the log, for every name", () =>
  withProxy(async (proxy, upstream) => {
    for (const path of ["/api/hello", "/claude/api/hello", "/lab/api/hello", "/nothing/api/hello"]) {
      const head = await rawRequest(proxy.url, [`HEAD ${path} HTTP/1.1`, "User-Agent: Bun/1.4.6"]);
      assertEquals([head.status, head.text, head.header("content-length")], [200, "", "19"], path);
      const get = await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`]);
      assertEquals([get.status, get.text], [200, '{"message":"hello"}'], path);
    }
    for (const path of ["/claude/v1/api/hello", "/claude/api/hello/x", "/claude/api/hello2"]) {
      assertEquals((await rawRequest(proxy.url, [`HEAD ${path} HTTP/1.1`])).status, 401, path);
    }
    assertEquals((await rawRequest(proxy.url, ["POST /claude/api/hello HTTP/1.1"])).status, 401);
    assertEquals(upstream.requests, []);
    assertEquals(
      [...new Set(proxy.log.map(({ path }) => path))].filter((path) => /hello$/.test(String(path))),
      [
        "/claude/v1/api/hello",
        "/claude/api/hello",
      ],
    );
  }));

Deno.test("a check with a token goes to the endpoint, and one with a wrong token is a 401", () =>
  withProxy(async (proxy, upstream) => {
    const ask = (token: string) =>
      rawRequest(proxy.url, ["HEAD /claude/api/hello HTTP/1.1", `Authorization: Bearer ${token}`]);
    await ask(SECRETS.proxyToken);
    assertEquals(upstream.requests.map(({ method, target }) => `${method} ${target}`), ["HEAD /api/hello"]);
    assertEquals((await ask("wrong")).status, 401);
  }));
