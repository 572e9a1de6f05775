/** The realtime clients of the official `openai` package, over TLS, which they insist on. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { denoCommand } from "../support/processes/command.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { realtimeUpstream } from "../support/upstreams/realtime_upstream.ts";
import { assertNoSecrets, SECRETS } from "../support/data/secrets.ts";
import { pem } from "../support/upstreams/tls_upstream.ts";
import type { WebSocketUpstream } from "../support/clients/websocket.ts";

const MODEL = "gpt-realtime";

function secureProxy(upstream: WebSocketUpstream): LocalProxy {
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  return new LocalProxy(upstream, {
    endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])],
    server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
  });
}

function baseUrl(proxy: LocalProxy): string {
  return `https://localhost:${new URL(proxy.url).port}/openai/v1`;
}

Deno.test("openai: OpenAIRealtimeWS, the client for servers, talks through the proxy", async () => {
  await using upstream = realtimeUpstream();
  await using proxy = secureProxy(upstream);
  const client = new OpenAI({ baseURL: baseUrl(proxy), apiKey: SECRETS.proxyToken });
  const realtime = new OpenAIRealtimeWS({ model: MODEL, options: { ca: pem("ca.pem") } }, client);
  const failed = Promise.withResolvers<never>();
  realtime.on("error", failed.reject);
  const done = Promise.withResolvers<void>();
  let text = "";
  realtime.on("session.created", () => realtime.send({ type: "response.create" }));
  realtime.on("response.output_text.delta", ({ delta }) => text += delta);
  realtime.on("response.done", ({ response }) => {
    assertEquals(response.usage?.total_tokens, 45);
    done.resolve();
  });
  await Promise.race([done.promise, failed.promise]);
  const closed = new Promise<number>((resolve) => realtime.socket.on("close", resolve));
  realtime.close();
  assertEquals([text, await closed], ["Hello!", 1000]);
  const [session] = upstream.sessions;
  assertStringIncludes(session?.raw ?? "", `Bearer ${SECRETS.openaiKey}`);
  assertStringIncludes(session?.startLine ?? "", `/v1/realtime?model=${MODEL}`);
  assertEquals((await proxy.logged("exchange")).ending, "complete");
});

Deno.test("openai: a wrong token is seen by the client as the 401 that it is", async () => {
  await using upstream = realtimeUpstream();
  await using proxy = secureProxy(upstream);
  const client = new OpenAI({ baseURL: baseUrl(proxy), apiKey: "wrong" });
  const realtime = new OpenAIRealtimeWS({ model: MODEL, options: { ca: pem("ca.pem") } }, client);
  const failure = await new Promise<Error>((resolve) => realtime.on("error", resolve));
  assertStringIncludes(failure.message, "401");
  assertEquals(upstream.connections, 0);
});

Deno.test("openai: OpenAIRealtimeWebSocket, the client for browsers, brings its token in a subprotocol", async () => {
  await using upstream = realtimeUpstream();
  await using proxy = secureProxy(upstream);
  const script = `
    import OpenAI from "openai";
    import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
    const client = new OpenAI({ baseURL: ${
    JSON.stringify(baseUrl(proxy))
  }, apiKey: Deno.env.get("TOKEN"), dangerouslyAllowBrowser: true });
    const realtime = new OpenAIRealtimeWebSocket({ model: "${MODEL}", dangerouslyAllowBrowser: true }, client);
    realtime.on("error", (error) => { console.log("error", error.message); Deno.exit(1); });
    let text = "";
    realtime.on("session.created", () => realtime.send({ type: "response.create" }));
    realtime.on("response.output_text.delta", ({ delta }) => text += delta);
    realtime.on("response.done", () => { console.log(text, realtime.socket.protocol); realtime.close(); });
    realtime.socket.addEventListener("close", ({ code }) => { console.log(code); Deno.exit(0); });
  `;
  const { code, stdout, stderr } = await denoCommand(["eval", "--quiet", script], {
    cwd: new URL("..", import.meta.url),
    env: { TOKEN: SECRETS.proxyToken, DENO_CERT: new URL("../support/tls/ca.pem", import.meta.url).pathname },
  }).output();
  assertEquals(
    [code, new TextDecoder().decode(stdout)],
    [0, "Hello! realtime\n1000\n"],
    new TextDecoder().decode(stderr),
  );
  assertNoSecrets(upstream.sessions[0]?.raw.replaceAll(SECRETS.openaiKey, "") ?? "", "what the upstream got");
});
