/** The threads of the SQLite store: nothing that they do blocks the caller, and nothing is lost with them. */

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Connection } from "../../src/storage/sqlite/connection.ts";
import { DatabaseThread } from "../../src/storage/sqlite/database_thread.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { StoreError } from "../../src/storage/store.ts";
import { shortPause } from "../../src/streams/turn.ts";
import {
  ALL_TOGETHER,
  auditRow,
  exchangeRow,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(`${folder}/x.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Adds usage of as many hours, so that a query by the hour takes long. */
function addHours(path: string, hours: number): void {
  const other = new Connection(path, { busyMs: 0 });
  other.run(
    `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${hours})
     INSERT INTO usage SELECT i * 3600000, 'p', 't' || i, '', 'e', 'm', 'c', 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0,
       1, 1, 0 FROM n`,
  );
  other.close();
}

/** The longest time in milliseconds for which this thread did not run while `work` went on. */
async function longestStall(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const end = work.then(() => isDone = true, () => isDone = true);
  let longest = 0;
  for (let last = performance.now(); !isDone;) {
    await shortPause();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  await end;
  return longest;
}

Deno.test("threads: closing completes the writes that were called, in their order", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    const written = [
      store.addExchanges([exchangeRow()]),
      store.addProject(projectRow("p1"), auditRow("project.create", "p1")),
      store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1")),
      store.addExchanges(Array.from({ length: 999 }, () => exchangeRow({ tokenId: "t1" }))),
    ];
    await store.close();
    await Promise.all(written);
    const again = openSqlite(path);
    const [sum] = await again.usage(ALL_TOGETHER, NO_FILTER);
    assertEquals([sum?.requests, (await again.findToken("t1"))?.requestCount], [1_000, 999]);
    await again.close();
  }));

Deno.test("threads: a database that is locked by another program blocks no caller, and the write fails", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    await store.addExchanges([exchangeRow()]);
    const other = new DatabaseSync(path);
    other.exec("BEGIN EXCLUSIVE");
    const began = performance.now();
    const writing = store.addExchanges([exchangeRow()]);
    const stall = await longestStall(writing);
    const error = await assertRejects(() => writing, StoreError);
    assertEquals(error.kind, "busy");
    const waitedMs = performance.now() - began;
    assertLess(stall, waitedMs / 2, `${stall} ms of ${waitedMs} ms`);
    other.exec("COMMIT");
    other.close();
    await store.addExchanges([exchangeRow()]);
    await store.close();
  }));

Deno.test("threads: a long read blocks no caller and no write", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    await store.addExchanges([exchangeRow()]);
    // The threads have started, and their code is compiled.
    await store.usage(ALL_TOGETHER, NO_FILTER);
    addHours(path, 300_000);
    const began = performance.now();
    let readMs: number | undefined;
    const reading = store.usage({ ...ALL_TOGETHER, group: "hour", split: "token", limit: 10 }, NO_FILTER)
      .then((rows) => {
        readMs = performance.now() - began;
        return rows;
      });
    const writing = store.addExchanges([exchangeRow()]).then(() =>
      assertEquals(readMs, undefined, "the write does not wait for the read")
    );
    const stall = await longestStall(Promise.all([reading, writing]));
    await writing;
    assertEquals((await reading).length, 10);
    assert(readMs !== undefined && stall < readMs / 2, `${stall} ms of ${readMs} ms`);
    await store.close();
  }));

Deno.test("threads: closing waits for the read that runs, so that no write-ahead log stays beside the file", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    addHours(path, 100_000);
    const grouping = { ...ALL_TOGETHER, group: "hour", split: "token", limit: 10 } as const;
    const reads = [store.usage(grouping, NO_FILTER), store.usage(grouping, NO_FILTER)];
    await store.addExchanges([exchangeRow()]);
    const rejected = reads.map((read) => assertRejects(() => read, StoreError, "the program ends"));
    await store.close();
    assertEquals([...Deno.readDirSync(path.replace(/x\.db$/, ""))].map(({ name }) => name), ["x.db"]);
    await Promise.all(rejected);
    await assertRejects(() => store.usage(ALL_TOGETHER, NO_FILTER), StoreError, "the program ends");
  }));

Deno.test("DatabaseThread: a thread that does not answer is ended after a limit, and its calls reject", () =>
  withFile(async (path) => {
    await openSqlite(path).close();
    addHours(path, 30_000);
    const thread = new DatabaseThread({ path, busyMs: 100 }, "test");
    const grouping = { ...ALL_TOGETHER, group: "hour", split: "token", limit: 10 } as const;
    const lost = assertRejects(() => thread.run("usage", [grouping, NO_FILTER]), StoreError);
    await thread.abandon(0);
    await lost;
    assertEquals(thread.isRunning, false);
  }));

Deno.test("threads: a file that was moved before the thread started is not created a second time", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    Deno.renameSync(path, `${path}.away`);
    for (
      const work of [() => store.addExchanges([exchangeRow()]), () => store.usage(ALL_TOGETHER, NO_FILTER)]
    ) {
      assertEquals((await assertRejects(work, StoreError)).kind, "moved");
    }
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    Deno.renameSync(`${path}.away`, path);
    await store.addExchanges([exchangeRow()]);
    const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
    assertEquals(sum?.requests, 1);
    await store.close();
  }));

Deno.test("DatabaseThread: calls of a thread that was stopped fail, also later ones", () =>
  withFile(async (path) => {
    await openSqlite(path).close();
    const thread = new DatabaseThread({ path, busyMs: 100 }, "test");
    const lost = thread.run("usage", [ALL_TOGETHER, NO_FILTER]);
    thread.stop();
    const error = await assertRejects(() => lost, StoreError);
    assertEquals(error.kind, "io_error");
    const late = await assertRejects(() => thread.run("usage", [ALL_TOGETHER, NO_FILTER]), StoreError);
    assertEquals(late.kind, "io_error", "no other thread starts");
  }));

Deno.test("threads: old exchanges are deleted in steps, which end when the store closes", () =>
  withFile(async (path) => {
    const store = openSqlite(path, { usesThreads: true });
    const limits = { exchangesBefore: Number.MAX_SAFE_INTEGER, hoursBefore: 0 };
    for (let batch = 0; batch < 5; batch++) {
      await store.addExchanges(Array.from({ length: 2_000 }, () => exchangeRow()));
    }
    const pruning = store.prune(limits);
    await store.close();
    const removed = await pruning;
    assertEquals(removed, 2_000);
    const again = openSqlite(path);
    assertEquals(await again.prune(limits), 8_000);
    await again.close();
  }));

Deno.test("DatabaseThread: errors of the store keep their kind, and others their message", () =>
  withFile(async (path) => {
    const store = openSqlite(path);
    await store.addProject(projectRow("p1", { name: "home" }), auditRow("project.create", "p1"));
    await store.close();
    const thread = new DatabaseThread({ path, busyMs: 100 }, "test");
    const twice = projectRow("p2", { name: "home" });
    const taken = await assertRejects(
      () => thread.run("addProject", [twice, auditRow("project.create", "p2")]),
      StoreError,
    );
    assertEquals([taken.kind, taken.message], ["taken", "the name is in use"]);
    // A value that a caller in TypeScript cannot pass.
    const rows = [null] as unknown as readonly ReturnType<typeof exchangeRow>[];
    const mistake = await assertRejects(() => thread.run("addExchanges", [rows]), StoreError);
    assertEquals(mistake.kind, "failed");
    await thread.close();
  }));
