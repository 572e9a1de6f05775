/** What the limits of a token see of uploads, and what records have of them. */

import { assertEquals } from "@std/assert";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { modelScript } from "../../support/upstreams/model_upstream.ts";

const MEGABYTE = 1_000_000;

async function withProxy(test: (proxy: ManagedProxy) => Promise<void>): Promise<void> {
  await using upstream = new FakeUpstream({ script: modelScript() });
  const backends = [testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } })];
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("openai", backends, { preset: "openai", priceProvider: "openai" })],
  });
  await test(proxy);
}

function form(size: number): FormData {
  const data = new FormData();
  data.set("purpose", "user_data");
  data.set("file", new File([new Uint8Array(size).fill(0x61)], "a.txt"));
  return data;
}

async function post(
  proxy: ManagedProxy,
  token: string,
  { path, body }: { path: string; body: FormData | Uint8Array<ArrayBuffer> },
): Promise<string> {
  const response = await fetch(proxy.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body,
  });
  await response.body?.cancel();
  return `${response.status} ${response.headers.get("x-llm-proxy-error")}`;
}

Deno.test("uploads: each counts as a request, and its row has its bytes; tokens and money see none of them", () =>
  withProxy(async (proxy) => {
    const { value, id } = await proxy.token({
      limits: { requests_per_minute: 4, tokens_per_minute: 10 },
      budget: { total_usd: 0.01 },
    });
    const uploads = [
      ["/openai/v1/files", form(3 * MEGABYTE)],
      ["/openai/v1/uploads", new TextEncoder().encode('{"bytes":5}')],
      ["/openai/v1/uploads/upload_1/parts", form(MEGABYTE)],
      ["/openai/v1/files", form(7)],
    ] as const;
    for (const [path, body] of uploads) {
      assertEquals((await post(proxy, value, { path, body })).endsWith(" null"), true, path);
    }
    assertEquals(await post(proxy, value, { path: "/openai/v1/files", body: form(7) }), "429 rate_limited");
    const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
    const rows: {
      path: string;
      request_bytes: number | null;
      input_tokens: number | null;
      cost_micros: number | null;
    }[] = body.data;
    assertEquals(
      rows.map(({ path, request_bytes }) => `${path} ${Math.floor((request_bytes ?? -1) / 1_000)}`),
      [
        "/openai/v1/files -1",
        "/openai/v1/files 0",
        "/openai/v1/uploads/upload_1/parts 1000",
        "/openai/v1/uploads 0",
        "/openai/v1/files 3000",
      ],
    );
    assertEquals(
      rows.map(({ input_tokens, cost_micros }) => [input_tokens, cost_micros]),
      rows.map(() => [null, null]),
    );
  }));

Deno.test("uploads: a body that passes unread is measured too, also for a token without limits", () =>
  withProxy(async (proxy) => {
    const { value, id } = await proxy.token({});
    await post(proxy, value, { path: "/openai/v1/files", body: new Uint8Array(2 * MEGABYTE) });
    const { body } = await proxy.api("GET", `/exchanges?token_id=${id}`);
    assertEquals(body.data.map((row: { request_bytes: number }) => row.request_bytes), [2 * MEGABYTE]);
  }));
