/**
 * Closed days that lack sums. The version before makes fewer sums of a day, and on PostgreSQL both versions
 * run beside each other during an upgrade: the sums that this version made of the day are then old.
 */

import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { openStore } from "../../src/storage/open.ts";
import { DIALECT } from "../../src/storage/postgres/dialect.ts";
import type { PostgresPool } from "../../src/storage/postgres/pool.ts";
import { closingStatements } from "../../src/storage/rows/closed_sums.ts";
import type { ExchangeRow, Store } from "../../src/storage/store.ts";
import {
  ALL_TOGETHER,
  auditRow,
  exchangeRow,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";
import { withoutPostgres, withPool } from "../support/processes/postgres_server.ts";
import { inDatabase } from "../support/processes/shared_postgres.ts";
import { unless } from "../support/runner/left_out.ts";
import { until } from "../support/time/deadline.ts";

const DAY = 24 * 3_600_000;
const START = Date.UTC(2026, 2, 10);

/** A test with three days of usage, and a connection beside the store. */
function test(what: string, work: (store: Store, pool: PostgresPool) => Promise<void>): void {
  Deno.test({
    ...unless(withoutPostgres(), `closed editions: ${what}`),
    fn: () =>
      inDatabase(async (url) => {
        const store = await openStore(url);
        try {
          await fill(store);
          await withPool(url, (pool) => work(store, pool));
        } finally {
          await store.close();
        }
      }),
  });
}

async function fill(store: Store): Promise<void> {
  await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
  await store.addToken(tokenRow("t1", "p1", { ownerId: "ben" }), auditRow("token.create", "t1"));
  for (const model of ["m1", "m2"]) {
    await store.addExchanges([0, 1, 2].map((day) => rowOf(day, { modelAnswered: model })));
  }
}

function rowOf(day: number, more: Partial<ExchangeRow> = {}): ExchangeRow {
  const startedAt = START + day * DAY + 23 * 3_600_000;
  return exchangeRow({ requestId: crypto.randomUUID(), startedAt, tokenId: "t1", projectId: "p1", ...more });
}

const close = (store: Store) => store.prune({ exchangesBefore: 0, hoursBefore: 0 });

/** What the version before makes of a day, and how it notes that. */
async function closeAsBefore(pool: PostgresPool, from: number): Promise<void> {
  const to = from + DAY;
  const made = closingStatements({ from, to, edition: 0 }, DIALECT).filter((sql) =>
    !sql.includes("usage_of_all")
  );
  for (const sql of made) await pool.run(sql);
  await pool.run("INSERT INTO closed_sums (start, until, run, complete) VALUES ($1, $2, 'before', true)", [
    from,
    to,
  ]);
}

async function editions(pool: PostgresPool): Promise<unknown> {
  const rows = await pool.all(
    `SELECT start, edition FROM closed_sums WHERE complete AND until - start = ${DAY} ORDER BY start`,
  );
  return rows.map((row) => [(Number(row["start"]) - START) / DAY, Number(row["edition"])]);
}

/** Requests by the day and model of an endpoint, in UTC and elsewhere. */
async function sums(store: Store): Promise<(readonly [string, string | undefined, number])[][]> {
  return await Promise.all([undefined, "Europe/Berlin", "America/Los_Angeles"].map(async (timeZone) => {
    const rows = await store.usage(
      { ...ALL_TOGETHER, group: "day", split: "model", timeZone },
      { ...NO_FILTER, endpoint: "openai" },
    );
    return rows.map(({ key, split, requests }) => [`${key} ${split?.key}`, split?.key, requests] as const)
      .sort();
  }));
}

/** Runs work while the sums of the newest day are made, but for the last ones, and waits for their end. */
async function whileClosing(store: Store, pool: PostgresPool, work: () => Promise<void>): Promise<void> {
  const { closing } = await pool.transaction(async (queries) => {
    await queries.run("LOCK TABLE usage_of_all_by_hour IN ACCESS EXCLUSIVE MODE");
    const begun = close(store);
    await waiting(queries, "relation = 'usage_of_all_by_hour'::regclass");
    await work();
    return { closing: begun };
  });
  await closing;
}

/** Resolves when a transaction waits for a lock. */
async function waiting(queries: Pick<PostgresPool, "get">, condition: string): Promise<void> {
  const sql = `SELECT count(*) AS waits FROM pg_locks WHERE NOT granted AND ${condition}`;
  await until(
    async () => Number((await queries.get(sql))?.["waits"]) > 0,
    `a transaction that waits: ${condition}`,
  );
}

test(
  "a day that the version before has closed again has no old sums, and gets new ones",
  async (store, pool) => {
    await close(store);
    assertEquals(await editions(pool), [[0, 2], [1, 2], [2, 2]]);
    await store.addExchanges([rowOf(1, { modelAnswered: "m2" })]);
    assertEquals(await editions(pool), [[0, 2], [2, 2]], "a late exchange opens its day");
    const expected = await sums(store);
    await closeAsBefore(pool, START + DAY);
    assertEquals(await editions(pool), [[0, 2], [1, 1], [2, 2]]);
    const old = await pool.get("SELECT sum(requests) AS requests FROM usage_of_all_by_day WHERE start = $1", [
      START + DAY,
    ]);
    assertEquals(Number(old?.["requests"]), 2, "the old sums are still there");
    assertEquals(await sums(store), expected, "closed by the version before");
    await close(store);
    assertEquals(await editions(pool), [[0, 2], [1, 2], [2, 2]]);
    assertEquals(await sums(store), expected, "closed by this version");
    const now = await pool.get("SELECT sum(requests) AS requests FROM usage_of_all_by_day WHERE start = $1", [
      START + DAY,
    ]);
    assertEquals(Number(now?.["requests"]), 3);
  },
);

test("an exchange that comes while a day gets the sums that it lacks opens the day", async (store, pool) => {
  await closeAsBefore(pool, START);
  await closeAsBefore(pool, START + DAY);
  await closeAsBefore(pool, START + 2 * DAY);
  await whileClosing(store, pool, async () => {
    // The newest day is the first one.
    await store.addExchanges([rowOf(2, { modelAnswered: "m2" })]);
  });
  assertEquals(await editions(pool), [[0, 2], [1, 2]]);
  const found = (await sums(store))[0];
  assert(
    found?.some(([key, , requests]) => key === "2026-03-12 m2" && requests === 2),
    JSON.stringify(found),
  );
});

test(
  "another owner of a token that comes while sums by person are made opens the day",
  async (store, pool) => {
    await store.addExchanges([0, 1, 2].map((day) => rowOf(day, { tokenId: "jwt_1", projectId: undefined })));
    let touched: Promise<void> | undefined;
    await whileClosing(store, pool, async () => {
      touched = store.touchAccount({ tokenId: "jwt_1", name: "Dora", ownerId: "dora" });
      await waiting(pool, "locktype = 'advisory'");
    });
    await touched;
    const byPerson = async () =>
      (await store.usage({ ...ALL_TOGETHER, group: "day", split: "person" }, NO_FILTER))
        .map(({ key, split, requests }) => [key, split?.key, requests]).sort();
    const expected = [10, 11, 12].flatMap((
      day,
    ) => [[`2026-03-${day}`, "ben", 2], [`2026-03-${day}`, "dora", 1]]);
    assertEquals(await byPerson(), expected);
    await close(store);
    assertEquals(await editions(pool), [[0, 2], [1, 2], [2, 2]]);
    assertEquals(await byPerson(), expected);
  },
);

Deno.test("closed editions: SQLite makes the sums that days from before an upgrade lack", async () => {
  const folder = await Deno.makeTempDir();
  const url = `sqlite:${folder}/test.db`;
  const beside = <Result>(work: (database: DatabaseSync) => Result): Result => {
    const database = new DatabaseSync(`${folder}/test.db`);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  try {
    let store = await openStore(url);
    await fill(store);
    const expected = await sums(store);
    await close(store);
    await store.close();
    beside((database) =>
      database.exec(`UPDATE closed_sums SET edition = 1; DELETE FROM usage_by_day WHERE dimension = 'person';
        DELETE FROM usage_of_all_by_hour; UPDATE usage_of_all_by_day SET requests = 100`)
    );
    store = await openStore(url);
    try {
      assertEquals(await sums(store), expected);
      await close(store);
      assertEquals(await sums(store), expected);
    } finally {
      await store.close();
    }
    const found = beside((database) =>
      database.prepare(`SELECT (SELECT min(edition) FROM closed_sums) AS edition,
        (SELECT sum(requests) FROM usage_of_all_by_hour) AS hours,
        (SELECT sum(requests) FROM usage_of_all_by_day) AS days,
        (SELECT sum(requests) FROM usage_by_day WHERE dimension = 'person') AS persons`).get()
    );
    assertEquals({ ...found }, { edition: 2, hours: 6, days: 6, persons: 6 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
