/** Servers that never close a connection, or never end an answer: nothing waits for them without a limit. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { parsePostgresUrl } from "../../src/network/postgres_url.ts";
import { listenForAccess } from "../../src/storage/postgres/access_listener.ts";
import { PostgresPool } from "../../src/storage/postgres/pool.ts";
import { findServer } from "../../src/storage/postgres/server.ts";
import { StoreError } from "../../src/storage/store.ts";
import { FakePostgres, message } from "../support/processes/fake_postgres.ts";
import { within } from "../support/time/deadline.ts";

const MEGABYTE = 2 ** 20;
const PLAIN = "?sslmode=disable&pgbouncer=true";

Deno.test("findServer: a server that answers the question for TLS with other bytes, and stays", async () => {
  await using server = new FakePostgres(async (connection) => {
    await connection.write(new Uint8Array(25_000).fill(88));
  });
  const error = await assertRejects(() => within(find(server, ""), "the end of the search"), StoreError);
  assertEquals(error.kind, "unreachable");
});

const LONG: readonly (readonly [what: string, bytes: Uint8Array, then: Uint8Array, maxMegabytes: number])[] =
  [
    ["message of 2 GB", message("N", new Uint8Array(), 2 ** 31 - 1), new Uint8Array(MEGABYTE), 16],
    ["row of notices", new Uint8Array(), notices(), 16],
  ];

for (const [what, first, then, maxMegabytes] of LONG) {
  Deno.test(`findServer: an endless ${what} is cut off`, async () => {
    await using server = new FakePostgres(async (connection) => {
      if (first.length > 0) await connection.write(first);
      await server.flood(connection, then);
    });
    const error = await assertRejects(
      () => within(find(server, PLAIN), "the end of the search"),
      StoreError,
      "too long",
    );
    assertEquals(error.kind, "unreachable");
    assert(server.sent < maxMegabytes * MEGABYTE, `${server.sent / MEGABYTE} MB were read`);
  });
}

Deno.test("PostgresPool: close() ends if the server closes no connection", async () => {
  await using server = new FakePostgres();
  const pool = new PostgresPool(await within(find(server, PLAIN), "the server"));
  assertEquals(await pool.all("SELECT 1"), []);
  await within(pool.close(), "the end of the pool");
});

Deno.test("PostgresPool: a server that does not answer is not called a broken connection", async () => {
  await using server = new FakePostgres(() => Promise.resolve());
  await using other = new FakePostgres();
  const { client, ...found } = await find(other, PLAIN);
  const pool = new PostgresPool({
    ...found,
    client: { ...client, port: server.port, connectionTimeoutMillis: 100 },
  });
  for (let count = 0; count < 2; count++) {
    await assertRejects(() => pool.all("SELECT 1"), StoreError, "does not answer in time");
  }
  await within(pool.close(), "the end of the pool");
});

Deno.test("listenForAccess: a change may have been missed until it listens", async () => {
  await using other = new FakePostgres();
  const { client, ...found } = await within(find(other, PLAIN), "the server");
  await using silent = new FakePostgres(() => Promise.resolve());
  const watch = listenForAccess({ ...found, client: { ...client, port: silent.port } });
  watch.wasRead(5);
  assertEquals([watch.isDown, watch.hasMoved(5)], [false, true]);
  await within(watch.close(), "the end of the listener");
});

Deno.test("listenForAccess: close() ends if the server closes no connection, or does not answer", async () => {
  await using server = new FakePostgres();
  const found = await within(find(server, PLAIN), "the server");
  const watch = listenForAccess(found);
  await within(watch.close(), "the end of the listener");
  await using silent = new FakePostgres(() => Promise.resolve());
  const waiting = listenForAccess({ ...found, client: { ...found.client, port: silent.port } });
  await within(waiting.close(), "the end of the listener that connects", 4_000);
});

function find(server: FakePostgres, parameters: string) {
  const url = parsePostgresUrl(server.url(parameters));
  assert(!("problems" in url));
  return findServer(url);
}

/** Many short messages for the log. */
function notices(): Uint8Array {
  const one = message("N", new TextEncoder().encode("SNOTICE\0Mhello\0\0"));
  const all = new Uint8Array(one.length * 10_000);
  for (let at = 0; at < all.length; at += one.length) all.set(one, at);
  return all;
}
