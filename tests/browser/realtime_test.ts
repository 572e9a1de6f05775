/** A WebSocket and HTTP/2 in a real browser, over TLS. */

import { assertEquals } from "@std/assert";
import { browserTest, launchBrowser } from "../support/clients/admin_browser.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { LocalProxy } from "../support/proxies/local_proxy.ts";
import { realtimeUpstream } from "../support/upstreams/realtime_upstream.ts";
import { assertNoSecrets, SECRETS } from "../support/data/secrets.ts";
import { pem } from "../support/upstreams/tls_upstream.ts";

browserTest(
  "a realtime session of a browser over TLS, with the token in the subprotocol, next to HTTP/2",
  async () => {
    await using upstream = realtimeUpstream();
    const key = { mode: "inject", value: SECRETS.openaiKey } as const;
    await using proxy = new LocalProxy(upstream, {
      endpoints: [testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })])],
      server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] } },
    });
    const { port } = new URL(proxy.url);
    const browser = await launchBrowser();
    try {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await page.goto(`https://localhost:${port}/healthz`);
      const protocol = await page.evaluate<string>(
        `performance.getEntriesByType("navigation")[0].nextHopProtocol`,
      );
      assertEquals(protocol, "h2");
      const outcome = await page.evaluate<unknown>(`new Promise((resolve) => {
      const socket = new WebSocket("wss://localhost:${port}/openai/v1/realtime?model=gpt-realtime",
        ["realtime", "openai-insecure-api-key.${SECRETS.proxyToken}"]);
      let text = "";
      socket.onopen = () => socket.send(JSON.stringify({ type: "response.create" }));
      socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "response.output_text.delta") text += event.delta;
        if (event.type === "response.done") socket.close(4000, "enough");
      };
      socket.onclose = ({ code, reason, wasClean }) => resolve([socket.protocol, text, code, reason, wasClean]);
    })`);
      assertEquals(outcome, ["realtime", "Hello!", 4000, "enough", true]);
      const [session] = upstream.sessions;
      assertNoSecrets(session?.raw.replaceAll(SECRETS.openaiKey, "") ?? "", "the request to the upstream");
      const rejected = await page.evaluate<unknown>(`new Promise((resolve) => {
      const socket = new WebSocket("wss://localhost:${port}/openai/v1/realtime", ["realtime", "openai-insecure-api-key.wrong"]);
      socket.onclose = ({ code, wasClean }) => resolve([code, wasClean]);
    })`);
      assertEquals(rejected, [1006, false]);
      assertEquals(upstream.connections, 1);
    } finally {
      await browser.close();
    }
  },
);
