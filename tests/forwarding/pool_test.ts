import { nextPiece } from "../../src/streams/byte_source.ts";
import { assertEquals } from "@std/assert";
import { ConnectionPool } from "../../src/forwarding/transport/pool.ts";
import { UpstreamConnection } from "../../src/forwarding/transport/connection.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { fakeConnection, upstreamRequest } from "../support/upstreams/upstream_exchange.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/** A connection that has served a request; these bytes come behind its answer, in a piece of their own. */
async function served(behind: string): Promise<UpstreamConnection> {
  const input = inputOf(latin1(ANSWER + behind), ANSWER.length, "silence");
  const connection = new UpstreamConnection(fakeConnection(input), {
    host: "upstream.test",
    onIdle() {},
    onClose() {},
  });
  const { body } = await connection.exchange(upstreamRequest(), null);
  while (body !== null && await nextPiece(body)) { /* the next piece */ }
  return connection;
}

/** Lets what is at hand be read. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("UpstreamConnection: a byte that belongs to no answer makes it unusable", async () => {
  for (const [behind, isUsable] of [["", true], ["H", false], [ANSWER, false]] as const) {
    const connection = await served(behind);
    assertEquals(connection.isUsable, true);
    connection.idle(0);
    await turns();
    assertEquals([connection.closed, connection.isUsable], [!isUsable, isUsable], behind);
    connection.close();
    assertEquals(connection.isUsable, false);
  }
});

Deno.test("ConnectionPool: an idle connection that becomes unusable is closed and never given", async () => {
  for (const [behind, isGiven] of [["", true], ["H", false]] as const) {
    const pool = new ConnectionPool({ maxIdle: 2, idleMs: 60_000 });
    const connection = await served(behind);
    pool.keep(connection);
    await turns();
    assertEquals(connection.closed, !isGiven, behind);
    assertEquals(pool.take() === connection, isGiven);
    pool.close();
  }
});

Deno.test("ConnectionPool: keeps connections up to its limit, and closes the others at once", async () => {
  const pool = new ConnectionPool({ maxIdle: 2, idleMs: 60_000 });
  const connections = [await served(""), await served(""), await served("")];
  for (const connection of connections) pool.keep(connection);
  assertEquals(connections.map(({ closed }) => closed), [false, false, true]);
  pool.close();
  assertEquals(connections.map(({ closed }) => closed), [true, true, true]);
});
