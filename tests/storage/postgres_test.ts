import { assert, assertEquals, assertRejects } from "@std/assert";
import { parsePostgresUrl } from "../../src/network/postgres_url.ts";
import { openStore } from "../../src/storage/open.ts";
import { inspectStore } from "../../src/storage/inspect.ts";
import { KEPT_CHANGES } from "../../src/storage/postgres/access_changes.ts";
import { migrate } from "../../src/storage/postgres/migrate.ts";
import { ACCESS_LOCK, type Migration, MIGRATIONS } from "../../src/storage/postgres/migrations.ts";
import { monthsIn } from "../../src/storage/postgres/partitions.ts";
import { PostgresPool } from "../../src/storage/postgres/pool.ts";
import { findServer } from "../../src/storage/postgres/server.ts";
import { type ExchangeRow, type Store, StoreError } from "../../src/storage/store.ts";
import {
  ALL_TOGETHER,
  AT,
  auditRow,
  exchangeRow,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";
import { withoutPostgres, withPool } from "../support/processes/postgres_server.ts";
import { inDatabase, postgres } from "../support/processes/shared_postgres.ts";
import { unless } from "../support/runner/left_out.ts";
import { until } from "../support/time/deadline.ts";
import { storeContract } from "./contract.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

storeContract("postgres", async () => {
  const name = await postgres().takeDatabase();
  return {
    isNotified: true,
    keptChanges: KEPT_CHANGES,
    open: () => openStore(postgres().url(name)),
    dispose: () => Promise.resolve(postgres().giveBack(name)),
  };
}, { reason: withoutPostgres() });

/** A test with an empty database, and the stores that it opens there. */
function test(
  what: string,
  work: (open: () => Promise<Store>, of: { url: string; name: string }) => Promise<void>,
): void {
  Deno.test({
    ...unless(withoutPostgres(), `postgres: ${what}`),
    fn: () =>
      inDatabase(async (url, name) => {
        const stores: Store[] = [];
        const open = async () => {
          const store = await openStore(url);
          stores.push(store);
          return store;
        };
        try {
          await work(open, { url, name });
        } finally {
          for (const store of stores) await store.close();
        }
      }),
  });
}

async function poolOf(url: string): Promise<PostgresPool> {
  const parsed = parsePostgresUrl(url);
  assert(!("problems" in parsed));
  return new PostgresPool(await findServer(parsed));
}

function rowsOf(count: number, more: Partial<ExchangeRow> = {}): ExchangeRow[] {
  return Array.from({ length: count }, () => exchangeRow({ requestId: crypto.randomUUID(), ...more }));
}

/** What all writes together must add up to. */
async function countsOf(store: Store): Promise<unknown[]> {
  const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
  const spending = await store.readSpending({ until: AT + DAY });
  const token = await store.findToken("t1");
  const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
  const { items } = await store.listExchanges({ limit: 1_000, before: undefined, ...filter });
  return [
    items.length,
    sum?.requests,
    sum?.costMicros,
    spending.find(({ key }) => key === "token:t1")?.totalMicros,
    spending.find(({ key }) => key === "token:t1")?.requests,
    token?.requestCount,
  ];
}

async function addToken(store: Store): Promise<void> {
  await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
  await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
}

test("a batch that is written twice counts once, also if some of it is new", async (open) => {
  const store = await open();
  await addToken(store);
  const rows = rowsOf(20, { tokenId: "t1", projectId: "p1", costMicros: 10 });
  await store.addExchanges(rows.slice(0, 15));
  const before = await countsOf(store);
  assertEquals(before, [15, 15, 150, 150, 15, 15]);
  await store.addExchanges(rows.slice(0, 15));
  assertEquals(await countsOf(store), before);
  await store.addExchanges(rows);
  assertEquals(await countsOf(store), [20, 20, 200, 200, 20, 20]);
  const [row] = rows;
  assert(row !== undefined);
  await store.addExchanges([{ ...row, requestId: "same" }, { ...row, requestId: "same" }]);
  assertEquals(await countsOf(store), [21, 21, 210, 210, 21, 21]);
});

/** Rows of three stores that have only one table in common: without an order there, they wait in a circle. */
const MEETINGS: Readonly<Record<string, (store: number) => Partial<ExchangeRow>>> = {
  "spending": () => ({ costMicros: 1 }),
  "sums": () => ({ costMicros: undefined }),
  "counts of tokens": (store) => ({ costMicros: undefined, firstByteMs: undefined, endpoint: `e${store}` }),
};
for (const [table, rowOf] of Object.entries(MEETINGS)) {
  test(`stores that write the same ${table} at the same time do not wait in a circle, and lose nothing`, async (open) => {
    const stores = [await open(), await open(), await open()];
    const [store] = stores;
    assert(store !== undefined);
    await addToken(store);
    const ids = Array.from({ length: 150 }, (_, index) => `t${index + 1}`);
    for (const id of ids.slice(1)) await store.addToken(tokenRow(id, "p1"), auditRow("token.create", id));
    await Promise.all(stores.map(async (one, index) => {
      for (let round = 0; round < 8; round++) {
        // The stores have the tokens, and so the sums, in opposite orders.
        const ordered = (index + round) % 2 === 0 ? ids : ids.toReversed();
        await one.addExchanges(
          ordered.flatMap((tokenId) =>
            rowsOf(1, { tokenId, projectId: "p1", modelAnswered: `m-${tokenId}`, ...rowOf(index) })
          ),
        );
      }
    }));
    const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
    assertEquals([sum?.requests, sum?.costMicros], [3_600, table === "spending" ? 3_600 : 0]);
    const { tokens } = await store.readAccess();
    assertEquals(new Set(tokens.map(({ requestCount }) => requestCount)), new Set([24]));
  });
}

test("a change that is committed late is not missed by a reader of later changes", async (open, { url }) => {
  const store = await open();
  const { position } = await store.readAccess();
  await withPool(url, async (pool) => {
    let second: Promise<void> | undefined;
    await pool.transaction(async (queries) => {
      // The change of another program takes its number, but is not committed yet.
      await queries.run(
        `INSERT INTO projects (id, name, active, rules, created_at, updated_at, version)
         VALUES ('early', 'early', true, '{}', 0, 0, 1)`,
      );
      second = store.addProject(projectRow("late"), auditRow("project.create", "late"));
      await until(async () => {
        const waiting = await pool.get(
          "SELECT 1 AS one FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1::bigint % 4294967296",
          [ACCESS_LOCK],
        );
        return waiting !== undefined;
      }, "the second change to wait for the first one");
      assertEquals((await store.readAccessChanges(position))?.projects, []);
    });
    await second;
  });
  const changes = await store.readAccessChanges(position);
  assertEquals(changes?.projects.map(({ id }) => id).sort(), ["early", "late"]);
});

test("after a lost connection it listens again, and reads everything", async (open, { name }) => {
  const [store, other] = [await open(), await open()];
  let { position } = await store.readAccess();
  await until(async () => (await listenersOf(name)).length === 1, "a listener");
  await addToken(other);
  await until(() => store.hasAccessChanged(position), "a notification");
  position = (await store.readAccessChanges(position))?.position ?? 0;
  await until(() => !store.hasAccessChanged(position), "notifications");
  const [lost] = await listenersOf(name);
  await postgres().admin(`SELECT pg_terminate_backend(${lost})`);
  await until(() => store.hasAccessChanged(position), "the loss to be noticed");
  await other.changeToken({ id: "t1", version: 1 }, { revokedAt: AT }, auditRow("token.revoke", "t1"));
  await until(async () => (await listenersOf(name)).some((one) => one !== lost), "the next listener");
  await until(
    async () => await store.readAccessChanges(position).then((all) => all === undefined, () => false),
    "a full read",
  );
  const access = await store.readAccess();
  assertEquals(access.tokens.map(({ revokedAt }) => revokedAt), [AT]);
  assertEquals(store.hasAccessChanged(access.position), false);
});

/** The processes of the server that listen for changes in a database. */
async function listenersOf(name: string): Promise<unknown[]> {
  const rows = await postgres().admin(
    `SELECT pid FROM pg_stat_activity WHERE datname = '${name}' AND query LIKE 'SELECT max(seq)%'
       AND pid <> pg_backend_pid() ORDER BY backend_start`,
  );
  return rows.map((row) => row["pid"]);
}

const NEWEST = MIGRATIONS.length;
const NEXT: Migration = {
  version: NEWEST + 1,
  name: "a later one",
  sql: `ALTER TABLE tokens ADD COLUMN later text NOT NULL DEFAULT 'x';
    ALTER TABLE exchanges ADD COLUMN later bigint; CREATE TABLE later (one bigint);`,
};

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: programs that open an empty database at the same time create the tables once",
  ),
  async fn() {
    // One of them waits for the others at a moment that differs each time.
    for (let round = 0; round < 5; round++) {
      await postgres().admin("CREATE DATABASE empty");
      const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(postgres().url("empty"))));
      for (const store of stores) {
        assertEquals((await store.readAccess()).projects, []);
        await store.close();
      }
      await postgres().dropDatabase("empty");
    }
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: a version works on later schemas, up to one that removes what it needs",
  ),
  async fn() {
    await postgres().admin("CREATE DATABASE rollout TEMPLATE migrated");
    const url = postgres().url("rollout");
    const [old, pool] = [await openStore(url), await poolOf(url)];
    await addToken(old);
    await old.addExchanges(rowsOf(1, { tokenId: "t1" }));
    // A replica of the next version starts while the old one runs.
    await migrate(pool, [...MIGRATIONS, NEXT]);
    await old.addExchanges(rowsOf(1, { tokenId: "t1" }));
    await old.addToken(tokenRow("t2", "p1"), auditRow("token.create", "t2"));
    assertEquals((await old.readAccess()).tokens.map(({ requestCount }) => requestCount), [2, 0]);
    const restarted = await openStore(url);
    await restarted.addExchanges(rowsOf(1, { tokenId: "t1" }));
    assertEquals((await restarted.usage(ALL_TOGETHER, NO_FILTER))[0]?.requests, 3);
    await restarted.close();
    // A release can have several migrations.
    const added = [...MIGRATIONS, NEXT, { version: NEWEST + 2, name: "another one", sql: "SELECT 1" }];
    await migrate(pool, added);
    await (await openStore(url)).close();
    await migrate(pool, [
      ...added,
      { version: NEWEST + 3, name: "one that removes", sql: "SELECT 1", worksSince: NEWEST + 1 },
    ]);
    const error = await assertRejects(
      () => openStore(url),
      StoreError,
      `is of a newer llm-proxy (schema ${NEWEST + 3}, for programs with schema ${NEWEST + 1} or later; ` +
        `this version has ${NEWEST})`,
    );
    const inspection = await inspectStore(url);
    assertEquals([inspection.schema, inspection.worksSince], [NEWEST + 3, NEWEST + 1]);
    assertEquals(error.kind, "newer");
    await old.close();
    await pool.close();
    await postgres().dropDatabase("rollout");
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: a migration that waits for a long query lets others use the table meanwhile",
  ),
  async fn() {
    await postgres().admin("CREATE DATABASE waiting TEMPLATE migrated");
    const url = postgres().url("waiting");
    const [old, pool] = [await openStore(url), await poolOf(url)];
    await addToken(old);
    const migrated = await withPool(url, (reader) =>
      reader.transaction(async (queries) => {
        // As pg_dump does.
        await queries.run("LOCK TABLE tokens IN ACCESS SHARE MODE");
        const migrating = migrate(pool, [...MIGRATIONS, NEXT], { lockMs: 200, retryMs: 50 });
        const waits =
          "SELECT count(*) AS waits FROM pg_locks WHERE NOT granted AND relation = 'tokens'::regclass";
        await until(async () => Number((await queries.get(waits))?.["waits"]) > 0, "a migration that waits");
        await old.addExchanges(rowsOf(1, { tokenId: "t1" }));
        assertEquals(
          (await queries.all("SELECT * FROM schema_migrations")).length,
          NEWEST,
          "not migrated yet",
        );
        return { migrating };
      }));
    await migrated.migrating;
    assertEquals((await inspectStore(url)).schema, NEWEST + 1);
    await old.close();
    await pool.close();
    await postgres().dropDatabase("waiting");
  },
});

Deno.test({
  ...unless(withoutPostgres(), "postgres: rejects the tables of another program, and a changed migration"),
  async fn() {
    await postgres().admin("CREATE DATABASE foreign_tables");
    const url = postgres().url("foreign_tables");
    await postgres().admin("CREATE TABLE tokens (a bigint)", "foreign_tables");
    const foreign = await assertRejects(
      () => openStore(url),
      StoreError,
      "has the tables of another program",
    );
    assertEquals(foreign.kind, "corrupt");
    await postgres().admin("DROP TABLE tokens", "foreign_tables");
    await (await openStore(url)).close();
    await postgres().admin("UPDATE schema_migrations SET checksum = 'x'", "foreign_tables");
    await assertRejects(() => openStore(url), StoreError, "does not match its version 1");
    await postgres().dropDatabase("foreign_tables");
  },
});

test("stores that write spending while others date it do not wait in a circle, and lose nothing", async (open) => {
  const stores = [await open(), await open(), await open()] as const;
  const [store] = stores;
  const hour = AT - AT % HOUR;
  const subjects = Array.from({ length: 40 }, (_, index) => `t${index}`);
  const [rounds, places] = [15, 4];
  const writes = stores.flatMap((one, index) =>
    [0, 1].map(async () => {
      for (let round = 0; round < rounds; round++) {
        await one.addExchanges(subjects.flatMap((principal) =>
          Array.from({ length: places }, (_, place) =>
            exchangeRow({
              requestId: crypto.randomUUID(),
              principal,
              costMicros: 1,
              booking: { hour: hour - place * HOUR, isDated: (place + index) % 2 === 0, modelRules: [] },
            }))
        ));
      }
    })
  );
  let isWriting = true;
  const dating = Promise.allSettled(stores.map(async (one, index) => {
    while (isWriting) await one.dateSpending(hour - index * HOUR);
  }));
  const written = await Promise.allSettled(writes);
  isWriting = false;
  const ends = [...written, ...await dating];
  assertEquals(ends.filter(({ status }) => status === "rejected"), []);
  const spending = await store.readSpending({ until: AT + DAY });
  const expected = stores.length * 2 * rounds * places;
  assertEquals(spending.map(({ totalMicros }) => totalMicros), subjects.map(() => expected));
});

test("each reader of a store reads everything after the database was restored", async (open, { url }) => {
  const store = await open();
  await addToken(store);
  await withPool(url, async (pool) => {
    const change = () => pool.run("UPDATE tokens SET active = NOT active");
    const { position } = await store.readAccess();
    await until(() => !store.hasAccessChanged(position), "a store that listens");
    for (let count = 0; count < 3; count++) await change();
    await until(() => store.hasAccessChanged(position), "a notification");
    const [first, second] = [await store.readAccess(), await store.readAccess()];
    await pool.run("DELETE FROM access_changes WHERE seq > 1");
    await pool.run("SELECT setval(pg_get_serial_sequence('access_changes', 'seq'), 1)");
    await change();
    await until(() => store.hasAccessChanged(first.position), "a notification of the restored database");
    assertEquals(await store.readAccessChanges(first.position), undefined);
    const restored = await store.readAccess();
    for (let count = 0; count < 10; count++) await change();
    await until(() => store.hasAccessChanged(restored.position), "further notifications");
    assertEquals((await store.readAccessChanges(restored.position))?.tokens.length, 1);
    assertEquals(await store.readAccessChanges(second.position), undefined, "the second reader");
  });
});

test(
  "a reader that has waited very long for the sums of others gives up its place",
  async (open, { url }) => {
    const store = await open();
    const grouping = { ...ALL_TOGETHER, group: "person" } as const;
    const now = performance.now.bind(performance);
    try {
      const sums = await withPool(url, (pool) =>
        pool.transaction(async (queries) => {
          await queries.run("LOCK TABLE people IN ACCESS EXCLUSIVE MODE");
          const sums = Array.from({ length: 20 }, () => store.usage(grouping, NO_FILTER));
          const settled = Promise.allSettled(sums);
          const waits =
            "SELECT count(*) AS waits FROM pg_locks WHERE NOT granted AND relation = 'people'::regclass";
          await until(async () => Number((await queries.get(waits))?.["waits"]) === 3, "sums that wait");
          performance.now = () => now() + 60_000;
          return { settled };
        }));
      const ends = await sums.settled;
      assertEquals(ends.filter(({ status }) => status === "fulfilled").length, 3);
      for (const end of ends) {
        if (end.status === "fulfilled") continue;
        assert(end.reason instanceof StoreError);
        assertEquals(end.reason.kind, "busy");
      }
      assertEquals((await store.usage(grouping, NO_FILTER)).length, 0, "the places are free again");
    } finally {
      performance.now = now;
    }
  },
);

test("tokens are read and usage is written while many readers wait for slow sums", async (open, { url }) => {
  const store = await open();
  await addToken(store);
  const { position } = await store.readAccess();
  const grouping = { ...ALL_TOGETHER, group: "person" } as const;
  const sums = await withPool(url, (pool) =>
    pool.transaction(async (queries) => {
      await queries.run("LOCK TABLE people IN ACCESS EXCLUSIVE MODE");
      const sums = Promise.allSettled(Array.from({ length: 20 }, () => store.usage(grouping, NO_FILTER)));
      const waits =
        "SELECT count(*) AS waits FROM pg_locks WHERE NOT granted AND relation = 'people'::regclass";
      await until(async () => Number((await queries.get(waits))?.["waits"]) > 1, "sums that wait");
      const begun = performance.now();
      await store.readAccessChanges(position);
      await store.addExchanges(rowsOf(1, { tokenId: "t1" }));
      const ms = performance.now() - begun;
      assert(ms < 1_000, `${ms} ms`);
      return { sums };
    }));
  assertEquals(new Set((await sums.sums).map(({ status }) => status)), new Set(["fulfilled"]));
});

test("months are created when they are needed, and dropped as a whole", async (open, { url }) => {
  const store = await open();
  const moments = [AT - 70 * DAY, AT - 40 * DAY, AT - 15 * DAY, AT];
  await store.addExchanges(moments.flatMap((startedAt) => rowsOf(3, { startedAt })));
  await withPool(url, async (pool) => {
    const tables = async () => (await monthsIn(pool)).map(({ table }) => table);
    assertEquals(await tables(), ["exchanges_y2026m02", "exchanges_y2026m03", "exchanges_y2026m04"]);
    const before = AT - 10 * DAY;
    assertEquals(await store.prune({ exchangesBefore: before, hoursBefore: before }), 9);
    assertEquals((await tables()).filter((table) => table < "exchanges_y2026m04"), []);
    // The partition of the present month and of the next one wait for their exchanges.
    assert((await tables()).length >= 3);
  });
  // A replica whose clock was wrong writes into a month that was dropped.
  await store.addExchanges(rowsOf(2, { startedAt: AT - 70 * DAY }));
  assertEquals((await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.requests, 14);
});

test("a month that another store has dropped is created again", async (open) => {
  const [store, other] = [await open(), await open()];
  await store.addExchanges(rowsOf(1, { startedAt: AT - 70 * DAY }));
  assertEquals(await other.prune({ exchangesBefore: AT - 10 * DAY, hoursBefore: AT - 10 * DAY }), 1);
  await store.addExchanges(rowsOf(1, { startedAt: AT - 70 * DAY }));
  assertEquals((await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.requests, 2);
});

test("texts that PostgreSQL cannot store are written with replacement characters", async (open) => {
  const store = await open();
  const bad = "a\0b\ud800c \\u0000";
  await store.addProject(projectRow("p1", { name: bad, rules: { models: [bad] } }), auditRow("x", "p1"));
  assertEquals((await store.findProject("p1"))?.name, "a\ufffdb\ufffdc \\u0000");
  assertEquals((await store.findProject("p1"))?.rules, { models: ["a\ufffdb\ufffdc \\u0000"] });
  const attemptLog = [{ backend: bad, afterMs: 1, detail: undefined }];
  await store.addExchanges(rowsOf(1, { modelAsked: bad, path: bad, attemptLog }));
  const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
  const { items: [row] } = await store.listExchanges({ limit: 5, before: undefined, ...filter });
  assertEquals([row?.path, row?.attemptLog?.[0]?.backend], [
    "a\ufffdb\ufffdc \\u0000",
    "a\ufffdb\ufffdc \\u0000",
  ]);
});

test("errors name what failed, and contain no value", async (open, { url, name }) => {
  const store = await open();
  await store.addProject(projectRow("p1", { name: "secret-name" }), auditRow("project.create", "p1"));
  const taken = await assertRejects(
    () => store.addProject(projectRow("p2", { name: "secret-name" }), auditRow("project.create", "p2")),
    StoreError,
  );
  const failed = await assertRejects(
    () => store.addExchanges(rowsOf(1, { status: 1.5, path: "/secret-name" })),
    StoreError,
  );
  assertEquals([taken.kind, failed.kind], ["taken", "failed"]);
  for (const error of [taken, failed]) {
    assert(!Deno.inspect(error, { depth: 9 }).includes("secret-name"), Deno.inspect(error));
  }
  await postgres().admin(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  const reader = await openStore(url);
  const readonly = await assertRejects(() => reader.writeNote("a", "b"), StoreError);
  assertEquals(readonly.kind, "readonly");
  await reader.close();
  await postgres().admin(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  const nowhere = await assertRejects(() => openStore("postgres://u:hunter22@127.0.0.1:1/x"), StoreError);
  assertEquals([nowhere.kind, nowhere.message.includes("hunter22")], ["unreachable", false]);
  const missing = await assertRejects(() => openStore(postgres().url("none")), StoreError, "does not exist");
  assertEquals(missing.kind, "unreachable");
});

test("a query that takes too long ends, and the pool goes on", async (_, { url }) => {
  await withPool(url, async (pool) => {
    const slow = await assertRejects(
      () => pool.get("SELECT pg_sleep(30)", [], { timeoutMs: 50 }),
      StoreError,
    );
    assertEquals(slow.kind, "unreachable");
    const locked = await assertRejects(
      () => pool.transaction((queries) => queries.run("SELECT pg_sleep(30)"), { timeoutMs: 50 }),
      StoreError,
    );
    assert(["busy", "unreachable"].includes(locked.kind));
    assertEquals(await pool.get("SELECT 1 AS one"), { one: 1 });
  });
});

test("the server is used by its Unix socket too", async (_, { name }) => {
  const store = await openStore(postgres().socketUrl(name));
  await store.writeNote("a", "b");
  assertEquals(await store.readNote("a"), "b");
  await store.close();
});
