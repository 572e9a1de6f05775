import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openStore, sqlitePath } from "../../src/storage/open.ts";
import { Database } from "../../src/storage/sqlite/database.ts";
import { listExchanges } from "../../src/storage/sqlite/exchange_queries.ts";
import { insertExchanges } from "../../src/storage/sqlite/exchange_tables.ts";
import { lockExclusively } from "../../src/storage/sqlite/lock.ts";
import { type Migration, MIGRATIONS } from "../../src/storage/sqlite/migrations.ts";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { StoreError } from "../../src/storage/store.ts";
import { cases } from "../support/runner/cases.ts";
import { unless, withoutUnix } from "../support/runner/left_out.ts";
import { writeEmptyDatabase } from "../support/data/empty_database.ts";
import { ALL_TOGETHER, auditRow, exchangeRow, NO_FILTER, projectRow } from "../support/data/rows.ts";
import { storeContract } from "./contract.ts";
import { turns } from "../support/time/turns.ts";

storeContract("sqlite", async () => {
  const folder = await Deno.makeTempDir();
  await writeEmptyDatabase(`${folder}/test.db`);
  return {
    open: () => openStore(`sqlite:${folder}/test.db`),
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
}, { every: cases({ few: 9, all: 3 }) });

function inFolder(work: (folder: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = await Deno.makeTempDir();
    try {
      await work(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

function failure(work: () => unknown): StoreError {
  return assertThrows(work, StoreError);
}

Deno.test({
  ...unless(withoutUnix(), "sqlite: creates the folder, and files for their owner only"),
  fn: inFolder(async (folder) => {
    const store = openSqlite(`${folder}/a/b/test.db`);
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    const modes = ["", "-wal", "-shm"].map((end) =>
      (Deno.statSync(`${folder}/a/b/test.db${end}`).mode ?? 0) & 0o777
    );
    assertEquals(modes, [0o600, 0o600, 0o600]);
    assertEquals((Deno.statSync(`${folder}/a/b`).mode ?? 0) & 0o777, 0o700);
    store.close();
  }),
});

for (let version = 0; version < MIGRATIONS.length; version++) {
  Deno.test(
    `sqlite: a database of schema ${version} is migrated, and keeps its content`,
    inFolder(async (folder) => {
      const path = `${folder}/old.db`;
      const old = new Database(path, MIGRATIONS.slice(0, version));
      if (version >= 1) {
        old.run("INSERT INTO projects VALUES (1, 'p1', 'home', 1, '{}', 5, 6, 1)");
      }
      old.close();
      const store = openSqlite(path);
      assertEquals((await store.readAccess()).projects.map(({ name }) => name), version >= 1 ? ["home"] : []);
      await store.addExchanges([exchangeRow()]);
      await store.addProject(projectRow("p2"), auditRow("project.create", "p2"));
      store.close();
      const again = openSqlite(path);
      assertEquals((await again.readAccess()).projects.length, version >= 1 ? 2 : 1);
      again.close();
    }),
  );
}

Deno.test(
  "sqlite: the migration to booked spending takes the costs of exchanges, by the hour in which they began",
  inFolder(async (folder) => {
    const path = `${folder}/old.db`;
    const old = new Database(path, MIGRATIONS.slice(0, 6));
    const hour = Date.UTC(2026, 3, 29, 10);
    const sum = (start: number, [project, token, principal]: readonly string[], costs: number) => {
      const names = ["start", "project_id", "token_id", "principal", "endpoint", "model", "client"];
      const columns = old.all("SELECT name FROM pragma_table_info('usage')").map(({ name }) => String(name));
      const values = columns.map((column) => {
        const index = names.indexOf(column);
        const keys = [start, project ?? "", token ?? "", principal ?? "", "openai", "gpt-5", "sdk"];
        return index !== -1 ? keys[index] ?? "" : column === "cost_micros" ? costs : 1;
      });
      old.run(
        `INSERT INTO usage (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
        ...values,
      );
    };
    sum(hour, ["p1", "t1", ""], 5);
    sum(hour, ["p1", "t2", ""], 6);
    sum(hour - 3_600_000, ["p1", "t1", ""], 7);
    sum(hour, ["", "", "shared"], 8);
    sum(3_600_000, ["p1", "t1", ""], 9);
    sum(hour, ["", "", "free"], 0);
    old.close();
    const store = openSqlite(path);
    const spending = await store.readSpending({ until: hour, lastMs: 0 });
    assertEquals(
      spending.map(({ key, requests, totalMicros, hours }) =>
        `${key} ${requests} ${totalMicros}: ` +
        hours.map(({ start, micros, isDated }) => `${new Date(start).getUTCFullYear()} ${micros} ${isDated}`)
          .sort()
      ).sort(),
      [
        "project:p1 4 27: 1970 9 false,2026 11 true",
        "shared:free 1 0: ",
        "shared:shared 1 8: 2026 8 true",
        "token:t1 3 21: 1970 9 false,2026 5 true",
        "token:t2 1 6: 2026 6 true",
      ],
    );
    store.close();
  }),
);

Deno.test(
  "sqlite: the migration to sums by the day keeps the sums, the times to the first byte and the counts",
  inFolder(async (folder) => {
    const path = `${folder}/old.db`;
    const old = new Database(path, MIGRATIONS.slice(0, 9));
    const hour = Date.UTC(2026, 3, 29, 10);
    for (const start of [hour, hour + 3_600_000, hour - 24 * 3_600_000]) {
      old.run(
        "INSERT INTO usage VALUES (?, 'p1', 't1', '', 'openai', 'm', 'sdk', 2, 2, 0, 5, 6, 0, 0, 0, 0, 0, 7, 0, 0, 9, 1, 0)",
        start,
      );
      old.run("INSERT INTO first_bytes VALUES (?, 'p1', 't1', '', 'openai', 'm', 'sdk', 40, 2)", start);
    }
    old.close();
    const store = openSqlite(path);
    const [whole] = await store.usage(ALL_TOGETHER, NO_FILTER);
    const days = await store.usage({ ...ALL_TOGETHER, group: "day" }, NO_FILTER);
    assertEquals([whole?.requests, whole?.costMicros, whole?.firstByteMs?.median], [6, 21, 32]);
    assertEquals(days.map(({ key, requests, firstByteMs }) => [key, requests, firstByteMs?.median]), [
      ["2026-04-28", 2, 32],
      ["2026-04-29", 4, 32],
    ]);
    const [token] = (await store.readSpending({ until: hour })).filter(({ key }) => key === "token:t1");
    assertEquals(token?.requests, 6);
    await store.close();
  }),
);

Deno.test(
  "sqlite: rejects a newer schema, and does not change the file",
  inFolder((folder) => {
    const path = `${folder}/new.db`;
    const next: Migration = { version: MIGRATIONS.length + 1, name: "later", sql: "CREATE TABLE later (a) " };
    new Database(path, [...MIGRATIONS, next]).close();
    const before = Deno.readFileSync(path);
    const { kind, message } = failure(() => openSqlite(path));
    assertEquals(kind, "newer");
    assert(message.includes("newer llm-proxy"), message);
    assertEquals(Deno.readFileSync(path), before);
  }),
);

Deno.test(
  "sqlite: detects a changed migration by its checksum",
  inFolder((folder) => {
    const path = `${folder}/x.db`;
    new Database(path, MIGRATIONS.map((one) => one.version === 2 ? { ...one, sql: `${one.sql} ` } : one))
      .close();
    assertEquals(failure(() => openSqlite(path)).kind, "corrupt");
  }),
);

Deno.test(
  "sqlite: a failed migration does not change the database",
  inFolder((folder) => {
    const path = `${folder}/x.db`;
    new Database(path, MIGRATIONS.slice(0, 1)).close();
    const broken: Migration = {
      version: 2,
      name: "broken",
      sql: "CREATE TABLE fine (a); CREATE TABLE projects (a)",
    };
    failure(() => new Database(path, [...MIGRATIONS.slice(0, 1), broken]));
    const database = new Database(path, MIGRATIONS.slice(0, 1));
    assertEquals(database.get("SELECT name FROM sqlite_master WHERE name = 'fine'"), undefined);
    database.close();
  }),
);

Deno.test(
  "sqlite: rejects a text file, the database of another program, and a folder",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/text.db`, "some text that is no database, ".repeat(200));
    assertEquals(failure(() => openSqlite(`${folder}/text.db`)).kind, "corrupt");
    const foreign = new DatabaseSync(`${folder}/foreign.db`);
    foreign.exec("CREATE TABLE theirs (a)");
    foreign.close();
    assert(failure(() => openSqlite(`${folder}/foreign.db`)).message.includes("another program"));
    failure(() => openSqlite(folder));
    Deno.writeTextFileSync(`${folder}/file`, "");
    assert(failure(() => openSqlite(`${folder}/file/x.db`)).message.includes("cannot be created"));
  }),
);

Deno.test(
  "sqlite: the error for a damaged database says so",
  inFolder(async (folder) => {
    const path = `${folder}/x.db`;
    const store = openSqlite(path);
    for (let i = 0; i < 50; i++) {
      await store.addProject(projectRow(`p${i}`), auditRow("project.create", `p${i}`));
    }
    store.close();
    const bytes = Deno.readFileSync(path);
    bytes.fill(0xa5, 4096, Math.min(bytes.length, 40_960));
    Deno.writeFileSync(path, bytes);
    const error = await assertRejects(async () => {
      const damaged = openSqlite(path);
      try {
        await damaged.readAccess();
      } finally {
        damaged.close();
      }
    }, StoreError);
    assertEquals(error.kind, "corrupt");
  }),
);

Deno.test(
  "sqlite: the error for a locked database says so, at the start and later",
  inFolder(async (folder) => {
    const path = `${folder}/x.db`;
    const store = openSqlite(path);
    const other = new DatabaseSync(path);
    other.exec("BEGIN EXCLUSIVE");
    const error = await assertRejects(() => store.addExchanges([exchangeRow()]), StoreError);
    assertEquals(error.kind, "busy");
    assert(error.message.includes("locked by another program"));
    other.exec("COMMIT");
    await store.addExchanges([exchangeRow()]);
    store.close();
    other.exec("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO notes VALUES ('a', 'b')");
    assertEquals(failure(() => openSqlite(path)).kind, "busy");
    other.close();
  }),
);

Deno.test(
  "sqlite: a missing table is an error that keeps the exchanges in the queue",
  inFolder(async (folder) => {
    const path = `${folder}/x.db`;
    const store = openSqlite(path);
    const other = new DatabaseSync(path);
    other.exec("ALTER TABLE exchanges RENAME TO taken");
    assertEquals(
      (await assertRejects(() => store.addExchanges([exchangeRow()]), StoreError)).kind,
      "corrupt",
    );
    other.exec("ALTER TABLE taken RENAME TO exchanges");
    other.close();
    await store.addExchanges([exchangeRow()]);
    store.close();
  }),
);

Deno.test(
  "sqlite: the error for a full disk says so, and rolls the transaction back",
  inFolder(async (folder) => {
    const path = `${folder}/x.db`;
    const store = openSqlite(path);
    const rows = (count: number) =>
      Array.from({ length: count }, () => exchangeRow({ path: `/${"x".repeat(2_000)}` }));
    await store.addExchanges(rows(3));
    const full = new Database(path);
    full.run("SELECT 1");
    full.get("PRAGMA max_page_count = 30");
    const error = failure(() =>
      full.transaction(() => {
        for (let i = 0; i < 200; i++) full.run("INSERT INTO notes VALUES (?, ?)", `n${i}`, "x".repeat(4_000));
      })
    );
    assertEquals(error.kind, "full");
    assertEquals(full.get("SELECT count(*) AS n FROM notes")?.["n"], 0);
    full.close();
    store.close();
  }),
);

Deno.test(
  "sqlite: a backup is a whole database, also while other connections write",
  inFolder(async (folder) => {
    const store = openSqlite(`${folder}/x.db`);
    await store.addExchanges(Array.from({ length: 2_000 }, () => exchangeRow()));
    const backup = store.copies?.backup(`${folder}/copy.db`);
    await store.addProject(projectRow("late"), auditRow("project.create", "late"));
    await backup;
    store.close();
    const copy = openSqlite(`${folder}/copy.db`);
    const [sum] = await copy.usage(ALL_TOGETHER, NO_FILTER);
    assertEquals(sum?.requests, 2_000);
    copy.close();
  }),
);

Deno.test("openStore: rejects unknown schemes, and reads all forms of paths", async () => {
  await assertRejects(() => openStore("mysql://x"), StoreError, "is not a supported database URL");
  assertEquals(["./d/x.db", "/d/x.db", "///d/x.db", "//d/x.db"].map(sqlitePath), [
    "./d/x.db",
    "/d/x.db",
    "/d/x.db",
    "d/x.db",
  ]);
});

Deno.test(
  "lockExclusively: fails while a program has the database open, also through a symbolic link",
  inFolder(async (folder) => {
    const file = `${folder}/a.db`;
    const isLocked = (path: string): boolean => {
      const lock = lockExclusively(path);
      lock?.release();
      return lock === undefined;
    };
    const store = await openStore(`sqlite:${file}`);
    await Deno.symlink(file, `${folder}/link.db`);
    assertEquals([isLocked(file), isLocked(`${folder}/link.db`)], [true, true]);
    store.close();
    assertEquals([isLocked(file), isLocked(`${folder}/link.db`)], [false, false]);
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("link")), ["link.db"]);
  }),
);

Deno.test(
  "sqlite: a long search for exchanges ends its page early, and its cursor continues it",
  inFolder((folder) => {
    const database = new Database(`${folder}/test.db`);
    const rows = Array.from({ length: 10 }, (_, index) =>
      exchangeRow({
        requestId: `req_${index}`,
        startedAt: index * 1_000,
        status: index % 4 === 0 ? 500 : 200,
      }));
    database.transaction(() => insertExchanges(database, rows));
    const search = { ...NO_FILTER, ending: undefined, requestId: undefined, limit: 2, status: 500 };
    const step = { stepRows: 3, longestMs: 0 };
    const pages: string[] = [];
    let before: number | undefined;
    for (const _ of turns(10, "the list")) {
      const { items, next } = listExchanges(database, { ...search, before }, step);
      pages.push(items.map(({ requestId }) => requestId).join(" "));
      before = next;
      if (before === undefined) break;
    }
    assertEquals(pages, ["req_8", "req_4", "", "req_0"]);
    const { items, next } = listExchanges(database, { ...search, before: undefined }, {
      stepRows: 3,
      longestMs: 1e6,
    });
    assertEquals(items.map(({ requestId }) => requestId), ["req_8", "req_4"]);
    // The page is full, and one more exchange was found.
    assertEquals(next, items.at(-1)?.id);
    const period = { ...search, before: undefined, from: 3_000, to: 5_000 };
    assertEquals(listExchanges(database, period, step).items.map(({ requestId }) => requestId), ["req_4"]);
    assertEquals(listExchanges(database, period, step).next, undefined);
    database.close();
  }),
);

Deno.test(
  "sqlite: the index of the providers' request ids finds exchanges of all groups, and takes few writes",
  inFolder((folder) => {
    const path = `${folder}/test.db`;
    const database = new Database(path);
    database.get("PRAGMA wal_autocheckpoint = 0");
    // The ids come in an order that is not theirs, as at providers.
    const scattered = (index: number) => `resp_${Math.imul(index, 0x9e3779b1) >>> 0}`;
    const rowOf = (index: number) =>
      exchangeRow({
        requestId: `req_${index + 100_000}`,
        providerRequestId: scattered(index),
        startedAt: index,
      });
    const sizes: number[] = [];
    for (let first = 0; first < 12_000; first += 100) {
      const rows = Array.from({ length: 100 }, (_, index) => rowOf(first + index));
      database.transaction(() => insertExchanges(database, rows));
      sizes.push(Deno.statSync(`${path}-wal`).size);
    }
    const found = (requestId: string) =>
      listExchanges(database, {
        ...NO_FILTER,
        status: undefined,
        ending: undefined,
        requestId,
        limit: 10,
        before: undefined,
      }).items
        .map(({ requestId }) => requestId);
    for (const index of [0, 1, 1_022, 1_023, 1_024, 2_500, 4_999]) {
      assertEquals(found(scattered(index)), [`req_${index + 100_000}`]);
      assertEquals(found(`req_${index + 100_000}`), [`req_${index + 100_000}`]);
    }
    assertEquals(found("resp_unknown"), []);
    const bytesPerRow = ((sizes.at(-1) ?? 0) - (sizes.at(-11) ?? 0)) / 1_000;
    assert(bytesPerRow < 2_000, `the log takes ${bytesPerRow} bytes for each exchange`);
    database.close();
  }),
);
