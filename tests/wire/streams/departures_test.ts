/** Clients that leave by the thousand: a proxy keeps nothing of them. */

import { assertEquals, assertLess } from "@std/assert";
import { within } from "../../support/time/deadline.ts";
import { leaveAt, leftAlone, nothingSeen, WINDOWS } from "../../support/clients/departures.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { unless, withoutProc } from "../../support/runner/left_out.ts";
import { memoryMb, openFiles } from "../../support/processes/process_stats.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

Deno.test({
  ...unless(withoutProc(), "1,000 departures in each window leave nothing behind"),
  async fn() {
    const rounds = 1_000;
    const settled = 250;
    await using upstream = new FakeUpstream();
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    for (const window of WINDOWS) {
      let filesThen = 0;
      let memoryThen = 0;
      for (let round = 0; round < rounds; round++) {
        const seen = nothingSeen();
        upstream.script(leftAlone(window, seen));
        await leaveAt(proxy.url, window, seen);
        await within(seen.departure.promise, "the departure at the upstream");
        if (round === settled) {
          filesThen = openFiles(proxy.pid);
          memoryThen = memoryMb(proxy.pid);
        }
      }
      // One more exchange that ends well: by its answer, the proxy has seen all departures before it.
      upstream.script(undefined);
      const response = await fetch(`${proxy.url}/openai/v1/models`, {
        headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
      });
      await response.json();
      assertLess(openFiles(proxy.pid), filesThen + 10, `open files, leaving ${window.name}`);
      assertLess(memoryMb(proxy.pid), memoryThen * 1.5 + 20, `memory, leaving ${window.name}`);
    }
  },
});

Deno.test("departures: connections that are reset in the middle of a burst of answers do not end the proxy", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
  const { hostname, port } = new URL(proxy.url);
  const burst = new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n".repeat(2_000));
  const leave = async (bytes: number): Promise<void> => {
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const sending = connection.write(burst).catch(() => 0);
    const buffer = new Uint8Array(16_384);
    for (let got = 0; got < bytes;) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) break;
      got += count;
    }
    // What was not read makes a reset of the end.
    connection.close();
    await sending;
  };
  for (let round = 0; round < 100; round++) {
    await Promise.all([20_000, 35_000, 50_000, 65_000].map((bytes) => leave(bytes + round * 100)));
  }
  const answer = await fetch(`${proxy.url}/healthz`);
  assertEquals(await answer.text(), "ok");
  assertEquals(proxy.output.includes('"unexpected"'), false, "a failure that nobody waited for");
});

Deno.test({
  ...unless(
    withoutProc(),
    "departures: a connection that sent thousands of requests ahead holds no memory for them",
  ),
  async fn() {
    await using upstream = new FakeUpstream();
    await using proxy = await ProxyProcess.start({ upstream: upstream.origin });
    const { hostname, port } = new URL(proxy.url);
    const one = "GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n";
    const requests = 6_000;
    const burst = new TextEncoder().encode(one.repeat(requests));
    const open = async (): Promise<Deno.Conn> => {
      const connection = await Deno.connect({ hostname, port: Number(port) });
      const sending = (async () => {
        for (let sent = 0; sent < burst.length;) sent += await connection.write(burst.subarray(sent));
      })();
      const buffer = new Uint8Array(65_536);
      let answers = 0;
      while (answers < requests) {
        const count = await within(connection.read(buffer), `answer ${answers + 1}`);
        if (count === null) throw new Error(`${answers} answers came`);
        // The last letter of each body.
        for (const byte of buffer.subarray(0, count)) if (byte === 0x6b) answers++;
      }
      await sending;
      return connection;
    };
    (await open()).close();
    const before = memoryMb(proxy.pid);
    const connections: Deno.Conn[] = [];
    for (let index = 0; index < 40; index++) connections.push(await open());
    const grown = memoryMb(proxy.pid) - before;
    for (const connection of connections) connection.close();
    assertLess(grown, 90, `${grown} MB more for 40 idle connections`);
  },
});
