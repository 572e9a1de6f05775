/**
 * Compressed bodies that break off far behind their beginning: the runtime's reader of zstd throws there
 * beside all handlers.
 */

import { assertEquals } from "@std/assert";
import { zstdCompressSync } from "node:zlib";
import { concat } from "../../../src/streams/bytes.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { random } from "../../support/data/random.ts";

/** Broken copies of a JSON text in zstd, each in another place. */
function brokenBodies(count: number): Uint8Array[] {
  const { below } = random(5);
  const words = Array.from({ length: 40_000 }, () => `word ${below(9_000)}`);
  const whole = new Uint8Array(
    zstdCompressSync(new TextEncoder().encode(JSON.stringify({ model: "m", words }))),
  );
  return Array.from({ length: count }, () => {
    const bytes = whole.slice();
    const from = (bytes.length >> 1) + below(bytes.length >> 1);
    for (let at = from; at < Math.min(bytes.length, from + 20); at++) bytes[at] = below(256);
    return bytes;
  });
}

Deno.test("zstd that breaks off is the client's fault, and nobody else notices", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ allowed_models: ["demo-small"] });
  const statuses = new Set<number>();
  for (const body of brokenBodies(10)) {
    const response = await proxy.chat(value, body, { headers: { "content-encoding": "zstd" } });
    await response.body?.cancel();
    statuses.add(response.status);
  }
  assertEquals([...statuses], [400]);
  const other = await proxy.chat(value);
  await other.body?.cancel();
  assertEquals(other.status, 200);
});

Deno.test("an answer in zstd that breaks off passes byte for byte, and nobody else notices", async () => {
  const bodies = brokenBodies(10);
  let next = 0;
  await using upstream = new FakeUpstream({
    async script(exchange) {
      const body = bodies[next++] ?? new Uint8Array();
      const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: zstd\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`;
      await exchange.write(concat([new TextEncoder().encode(head), body]));
    },
  });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token();
  for (const body of bodies) {
    const response = await proxy.chat(value, { model: "m" });
    assertEquals(response.status, 200);
    assertEquals(new Uint8Array(await response.arrayBuffer()).length, body.length);
  }
  assertEquals(await (await fetch(`${proxy.url}/healthz`)).text(), "ok");
});
