/** Redis servers that never answer, or never end an answer. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisLimitsServer } from "../../../src/limits/shared/redis/redis_server.ts";
import { until, within } from "../../support/time/deadline.ts";

const MEGABYTE = 2 ** 20;

/**
 * A server with one function for all connections. It counts the connections and the bytes that were taken.
 */
class FakeRedis implements AsyncDisposable {
  readonly port: number;
  connections = 0;
  sent = 0;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;

  constructor(answer: (connection: Deno.TcpConn, server: FakeRedis) => Promise<void>) {
    this.port = this.#listener.addr.port;
    this.#running = this.#accept(answer);
  }

  /** Sends the same bytes until the client closes the connection. */
  async flood(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
    while (true) this.sent += await connection.write(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
    await this.#running;
  }

  async #accept(answer: (connection: Deno.TcpConn, server: FakeRedis) => Promise<void>): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      this.#open.add(connection);
      const serve = async () => {
        const bytes = new Uint8Array(65_536);
        await connection.read(bytes);
        await answer(connection, this);
        while (await connection.read(bytes) !== null) { /* Takes everything. */ }
      };
      // A connection that the client breaks is what these tests wait for.
      served.push(serve().catch(() => {}));
    }
    await Promise.all(served);
  }
}

const ENDLESS = [
  ["text of 2 GB", "$2000000000\r\n", "x"],
  ["line", "+", "x"],
  ["nested array", "", "*1\r\n"],
  ["row of answers", "", "+OK\r\n"],
] as const;

for (const [what, first, then] of ENDLESS) {
  Deno.test(`RedisLimitsServer: an endless ${what} breaks the connection`, async () => {
    const encoder = new TextEncoder();
    await using server = new FakeRedis(async (connection, self) => {
      if (self.connections > 1) return;
      if (first !== "") await connection.write(encoder.encode(first));
      await self.flood(connection, encoder.encode(then.repeat(MEGABYTE / 4)));
    });
    const limits = await RedisLimitsServer.open(placeOf(server));
    // The first of many answers is one to the call.
    await within(Promise.allSettled([limits.call("renew", {})]), "the end of the call");
    await until(() => server.connections > 1, "another connection");
    assert(server.sent < 32 * MEGABYTE, `${server.sent / MEGABYTE} MB were taken`);
    await limits.close();
  });
}

Deno.test("RedisLimitsServer: a server that answers nothing gets another connection", async () => {
  let answers = false;
  await using server = new FakeRedis(async (connection) => {
    if (answers) await connection.write(new TextEncoder().encode("*1\r\n$5\r\ntaken\r\n"));
  });
  const limits = await RedisLimitsServer.open(placeOf(server), { timeoutMs: 50 });
  await assertRejects(
    () => within(limits.call("take", {}), "the failure of the call", 4_000),
    Error,
    "no answer",
  );
  answers = true;
  let answer: readonly unknown[] = [];
  await until(async () => {
    answer = await limits.call("take", {}).catch(() => []);
    return answer.length > 0;
  }, "an answer on another connection");
  assertEquals([answer, server.connections], [["taken"], 2]);
  await limits.close();
});

function placeOf({ port }: FakeRedis) {
  return { at: { hostname: "127.0.0.1", port, tls: false } };
}
