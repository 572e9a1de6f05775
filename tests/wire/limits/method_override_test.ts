/** A request whose header names another method counts as what it does. Under a limit it is rejected. */
import { assertEquals } from "@std/assert";
import { withBench } from "../../support/proxies/budget_bench.ts";

const BODY = JSON.stringify({ contents: [{ parts: [{ text: "hi" }] }] });

/** `GET` with a body, which `fetch` cannot send. */
async function get(url: string, token: string, headers: Record<string, string>): Promise<number> {
  const { hostname, port } = new URL(url);
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const lines = Object.entries({
    host: "x",
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": `${BODY.length}`,
    connection: "close",
    ...headers,
  })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await conn.write(
    new TextEncoder().encode(
      `GET /api/v1beta/models/gemini-2.5-pro:generateContent HTTP/1.1\r\n${lines}\r\n${BODY}`,
    ),
  );
  const text = await new Response(conn.readable).text();
  return Number(text.split(" ")[1]);
}

for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
  const answer = () => ({
    body: JSON.stringify({
      candidates: [],
      modelVersion: "gemini-2.5-pro",
      usageMetadata: { promptTokenCount: 5_000, candidatesTokenCount: 50_000, totalTokenCount: 55_000 },
    }),
  });
  const google = { dialect: "gemini", priceProvider: "google" } as const;

  Deno.test(`limits: a GET with ${name}: POST is rejected for a token with a limit`, async () => {
    const limits = { tokens_per_minute: 1_000 };
    await withBench({ answer, ...google, rules: { limits } }, async ({ proxy, token, upstream }) => {
      assertEquals(await get(proxy.url, token, { [name]: "POST" }), 403);
      assertEquals(upstream.requests.length, 0);
    });
  });

  Deno.test(`usage: a GET with ${name}: POST is recorded with its cost`, async () => {
    await withBench({ answer, ...google, rules: {} }, async ({ proxy, token, rows, upstream }) => {
      assertEquals(await get(proxy.url, token, { [name]: "POST" }), 200);
      assertEquals(upstream.requests[0]?.header(name), "POST");
      const [row] = await rows();
      assertEquals([row?.input_tokens, row?.output_tokens, row?.cost_micros], [5_000, 50_000, 506_250]);
    });
  });
}
