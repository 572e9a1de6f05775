import { assertEquals, assertRejects } from "@std/assert";
import { BudgetCalendar } from "../../../src/limits/budget_calendar.ts";
import { connectLimits } from "../../../src/limits/shared/postgres/connect_limits.ts";
import {
  DEFINITIONS_LOCK,
  PostgresLimitsServer,
} from "../../../src/limits/shared/postgres/postgres_server.ts";
import { StoreError } from "../../../src/storage/store.ts";
import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import {
  NO_REPLICA,
  REPLICA_LIFETIME_MS,
  type SharedLimits,
} from "../../../src/limits/shared/shared_limits.ts";
import type { PostgresPool } from "../../../src/storage/postgres/pool.ts";
import { PostgresServer, withoutPostgres, withPool } from "../../support/processes/postgres_server.ts";
import { postgres } from "../../support/processes/shared_postgres.ts";
import { until } from "../../support/time/deadline.ts";
import type { FakeClock } from "../../support/time/fake_clock.ts";
import { clockStepTests } from "./clock_steps.ts";
import { sharedContract } from "./contract.ts";
import { disorderTest } from "./disorder.ts";
import { holding, SharedBench } from "./shared_bench.ts";
import { loadTests } from "./load.ts";
import { versionedNames } from "../../../src/limits/shared/postgres/versioned_names.ts";
import { unless } from "../../support/runner/left_out.ts";
import { sameAsModel } from "./same_as_model.ts";

const HOUR = 3_600_000;

const EMPTY = `DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'limit\\_%' LOOP
    EXECUTE 'TRUNCATE ' || name;
  END LOOP;
END $$`;

const TABLES = ["ledgers", "hours", "costs", "pages", "seconds", "holdings", "replicas", "state"].map((
  name,
) => `limit_${name}`);

const versioned = await versionedNames();

/** Runs statements on the tables of this version. */
async function run(sql: string): Promise<Record<string, unknown>[]> {
  return await withPool(postgres().url("postgres"), (pool) => pool.all(versioned(sql)));
}

async function open(clock: FakeClock): Promise<SharedLimits> {
  await run(EMPTY);
  return openAgain(clock);
}

/** Another connection to the same counts. */
function openAgain(clock: FakeClock): SharedLimits {
  const connect = () => connectLimits(postgres().url("postgres"));
  return new RemoteLimits(new PostgresLimitsServer({ connect, now: clock.epochMs }));
}

/** Shared counts on a server that ends with them. */
class OwnServerLimits extends RemoteLimits {
  readonly server: PostgresServer;

  private constructor(limits: PostgresLimitsServer, server: PostgresServer) {
    super(limits);
    this.server = server;
  }

  static async start(clock: FakeClock): Promise<OwnServerLimits> {
    const server = await PostgresServer.start();
    const connect = () => connectLimits(server.url("postgres"));
    return new OwnServerLimits(new PostgresLimitsServer({ connect, now: clock.epochMs }), server);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.server[Symbol.asyncDispose]();
  }
}

let own: OwnServerLimits | undefined;

const reason = withoutPostgres();
sharedContract("PostgresLimitsServer", {
  reason,
  open,
  losses: {
    "a restart": {
      open: async (clock) => own = await OwnServerLimits.start(clock),
      async happen() {
        await own?.server.stop();
        await own?.server.resume();
        await until(() => own?.leave("nobody").then(() => true, () => false) ?? false, "a connection");
      },
    },
    "a crash": { happen: async () => void await run(EMPTY) },
    "a restored backup": {
      save: async () =>
        void await run(TABLES.map((name) => `CREATE TABLE saved_${name} AS TABLE ${name}`).join(";")),
      happen: async () =>
        void await run([
          EMPTY,
          ...TABLES.map((name) => `INSERT INTO ${name} TABLE saved_${name}; DROP TABLE saved_${name}`),
          "UPDATE limit_state SET run = 'that of the backup'",
        ].join(";")),
    },
  },
});
clockStepTests("PostgresLimitsServer", { reason, open });
sameAsModel("PostgresLimitsServer", { reason, open }, 12);
disorderTest(
  "PostgresLimitsServer",
  { reason, open, lose: async () => void await run(EMPTY) },
  2,
);
loadTests("PostgresLimitsServer", {
  reason,
  open: () =>
    Promise.resolve(
      new RemoteLimits(
        new PostgresLimitsServer({ connect: () => connectLimits(postgres().url("postgres")) }),
      ),
    ),
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: a request that names a ledger twice counts once"),
  async fn() {
    const bench = await SharedBench.open({ open });
    try {
      const take = (id: string) => {
        const ledger = { key: "t", limits: { concurrentRequests: 2 }, maxRequests: undefined };
        const spans = new BudgetCalendar({ timeZone: "UTC", window: "calendar" }).spans(bench.hour);
        return bench.limits.take({
          id,
          from: bench.from("a"),
          ledgers: [ledger, ledger],
          reservation: { tokens: 1, micros: 1 },
          isFree: false,
          hour: bench.hour,
          spans,
        });
      };
      assertEquals([(await take("1")).kind, (await take("2")).kind], ["taken", "taken"]);
      assertEquals((await take("3")).kind, "rejected");
      assertEquals(await bench.settle("1", { tokens: 5, micros: 5 }), true);
      assertEquals((await take("4")).kind, "taken");
    } finally {
      await bench.limits.close();
    }
  },
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: the oldest of more than ten thousand addresses are forgotten"),
  async fn() {
    const bench = await SharedBench.open({ open });
    try {
      const count = async () => Number((await run("SELECT count(*) AS n FROM limit_guesses"))[0]?.["n"]);
      await run(
        `INSERT INTO limit_guesses (address, last) SELECT 'a' || n, ${bench.clock.epochMs()} - n
         FROM generate_series(1, 12000) AS n`,
      );
      await bench.limits.guess("192.0.2.1", "g");
      assertEquals(await count(), 12_001);
      await bench.renew("a");
      assertEquals(await count(), 10_000);
    } finally {
      await bench.limits.close();
    }
  },
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: rows that no limit needs any more are deleted"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const { hour, limits } = bench;
    try {
      const count = async (table: string) =>
        (await run(`SELECT key, count(*)::int AS n FROM ${table} GROUP BY key ORDER BY key`))
          .map(({ key, n }) => `${key}: ${n}`);
      const balance = (key: string, start: number) => ({
        key,
        requests: 1,
        totalMicros: 7,
        hours: [{ start: start - HOUR, micros: 4 }, { start, micros: 3 }],
      });
      const budget = { t: { totalBudgetMicros: 100 } };
      await bench.raise([balance("t", hour), balance("unused", hour)], { a: 1, b: 1 });
      const costs = [{ key: "t", page: 2, hour, micros: 1 }];
      await limits.hold({ from: bench.from("b"), holdings: [], costs });
      await bench.hold([
        holding("object", { owner: NO_REPLICA, keys: ["held"], isRunning: false, micros: 1 }),
      ]);
      assertEquals(await count("limit_pages"), ["t: 2", "unused: 2"]);
      await limits.leave("b");
      await bench.raise([balance("t", hour)], { a: 1, b: 1 });
      assertEquals(await count("limit_pages"), ["t: 1", "unused: 2"]);
      // Two months later.
      bench.clock.pass(62 * 24 * HOUR + 2 * HOUR);
      await bench.raise([balance("t", bench.hour)]);
      assertEquals(await count("limit_hours"), ["t: 2", "unused: 2"]);
      assertEquals(await count("limit_costs"), []);
      await bench.renew("a");
      assertEquals(await count("limit_ledgers"), ["held: 1", "t: 1"]);
      assertEquals([await count("limit_hours"), await count("limit_pages")], [["t: 2"], ["t: 1"]]);
      const take = bench.takeOf(budget, { id: "1" });
      const other = bench.takeOf({ unused: { totalBudgetMicros: 100 } }, { id: "2" });
      await bench.renew("a");
      assertEquals((await limits.take(take)).kind, "taken");
      assertEquals(await limits.take(other), { kind: "unseeded", keys: ["unused"] });
    } finally {
      await limits.close();
    }
  },
});

Deno.test({
  ...unless(
    reason,
    "PostgresLimitsServer: a request that waited for a lock until its replica gave it up holds nothing",
  ),
  async fn() {
    const bench = await SharedBench.open({ open });
    const other = openAgain(bench.clock);
    try {
      const limits = { t: { concurrentRequests: 1, totalBudgetMicros: 100 } };
      const reservation = { tokens: 0, micros: 100 };
      assertEquals(await bench.outcome(limits, { id: "1" }), "taken");
      assertEquals(await bench.settle("1"), true);
      await withPool(postgres().url("postgres"), async (pool) => {
        let late: Promise<unknown> = Promise.resolve();
        await pool.transaction(async (queries) => {
          await queries.all(versioned("SELECT 1 FROM limit_ledgers FOR UPDATE"));
          late = bench.limits.take(bench.takeOf(limits, { id: "late", reservation }));
          await untilWaiting(pool, "limits_take");
          bench.nextSession("a");
          await other.renew({ from: bench.from("a"), waitsMark: 0, heldIds: [] });
        });
        assertEquals(await late, { kind: "unknown_replica" });
      });
      assertEquals(await bench.outcome(limits, { id: "2", replica: "b", reservation }), "taken");
    } finally {
      await other.close();
      await bench.limits.close();
    }
  },
});

/** Resolves when a call of a function waits for a lock. */
async function untilWaiting(pool: PostgresPool, name: string): Promise<void> {
  const waiting = versioned(
    `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${name}(%'`,
  );
  await until(async () => (await pool.all(waiting)).length > 0, `a call of ${name} that waits`);
}

Deno.test({
  ...unless(reason, "PostgresLimitsServer: a replica that renews while another one finds it silent stays"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const other = openAgain(bench.clock);
    try {
      await other.leave("nobody");
      bench.clock.pass(REPLICA_LIFETIME_MS + 1);
      await withPool(postgres().url("postgres"), async (pool) => {
        let renewed: Promise<unknown> = Promise.resolve();
        await pool.transaction(async (queries) => {
          bench.nextSession("a");
          const renewal = JSON.stringify({ from: bench.from("a"), waitsMark: 0, heldIds: [] });
          const renew = versioned("SELECT limits_renew($1, $2)");
          await queries.all(renew, [renewal, bench.clock.epochMs()]);
          renewed = other.renew({ from: bench.from("b"), waitsMark: 0 });
          await untilWaiting(pool, "limits_renew");
        });
        await renewed;
      });
      assertEquals(await bench.outcome({ t: { concurrentRequests: 1 } }, { id: "1" }), "taken");
    } finally {
      await other.close();
      await bench.limits.close();
    }
  },
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: an object that gets other ledgers while it is settled is settled"),
  async fn() {
    const bench = await SharedBench.open({ open });
    const other = openAgain(bench.clock);
    try {
      const object = holding("object", { owner: NO_REPLICA, isRunning: false, keys: ["a", "b"], micros: 5 });
      await bench.hold([object]);
      await other.leave("nobody");
      await withPool(postgres().url("postgres"), async (pool) => {
        let settled: Promise<unknown> = Promise.resolve();
        await pool.transaction(async (queries) => {
          const told = { from: bench.from("b"), holdings: [{ ...object, keys: ["b", "c"] }], costs: [] };
          const hold = versioned("SELECT limits_hold($1, $2)");
          await queries.all(hold, [JSON.stringify(told), bench.clock.epochMs()]);
          settled = other.settle({ from: bench.from("a"), id: "object", tokens: 0, costs: [] });
          await untilWaiting(pool, "limits_settle");
        });
        assertEquals(await settled, true);
      });
      const left = await run("SELECT key FROM limit_ledgers WHERE micros <> 0");
      assertEquals(left, []);
    } finally {
      await other.close();
      await bench.limits.close();
    }
  },
});

/** Runs work with a database that no other test uses. */
async function inOwnDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const name = await postgres().takeDatabase();
  await work(postgres().url(name));
  await postgres().dropDatabase(name);
}

/** Tables and a function of another version. `name` begins their names. Its replicas renewed at a time. */
const otherVersion = (name: string, replicas: string, renewedAt = Date.now()) => `
  CREATE TABLE ${name}_ledgers (key text);
  CREATE TABLE ${name}_replicas AS SELECT unnest('{${replicas}}'::text[]) AS replica, ${
  renewedAt + REPLICA_LIFETIME_MS
}::bigint AS deadline;
  CREATE FUNCTION ${
  name.replace("limit", "limits")
}_take(one ${name}_ledgers) RETURNS text LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION ${
  name.replace("limit", "limits")
}_now(given bigint) RETURNS text LANGUAGE sql AS 'SELECT 1'`;

Deno.test({
  ...unless(
    reason,
    "PostgresLimitsServer: each version has its own counts, and those that nobody uses are dropped",
  ),
  fn: () =>
    inOwnDatabase(async (url) => {
      await withPool(url, async (pool) => {
        await pool.all(
          [
            otherVersion("limit_v00000001", ""),
            otherVersion("limit_v00000002", "a"),
            otherVersion("limit_v00000003", "killed", Date.now() - 2 * HOUR),
            otherVersion("limit", ""),
            "CREATE TABLE limit_of_another_program (a text)",
          ].join(";"),
        );
        const limits = new RemoteLimits(new PostgresLimitsServer({ connect: () => connectLimits(url) }));
        await limits.leave("nobody");
        await limits.close();
        const names = await pool.all(
          `SELECT relname AS name FROM pg_class WHERE relname LIKE 'limit%' AND relkind = 'r'
             AND relname NOT LIKE $1 || '%'
           UNION SELECT proname FROM pg_proc WHERE proname LIKE 'limits%' AND proname NOT LIKE $2 || '%'
           ORDER BY name`,
          [versioned("limit_x").slice(0, -1), versioned("limits_x").slice(0, -1)],
        );
        assertEquals(names.map(({ name }) => name), [
          "limit_of_another_program",
          "limit_v00000002_ledgers",
          "limit_v00000002_replicas",
          "limits_v00000002_now",
          "limits_v00000002_take",
        ]);
      });
    }),
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: tables that another program dropped are made again"),
  fn: () =>
    inOwnDatabase(async (url) => {
      const limits = new RemoteLimits(new PostgresLimitsServer({ connect: () => connectLimits(url) }));
      await limits.leave("nobody");
      await withPool(url, (pool) => pool.all(versioned("DROP TABLE limit_state CASCADE")));
      await assertRejects(() => limits.leave("nobody"), StoreError);
      await limits.leave("nobody");
      await limits.close();
    }),
});

Deno.test({
  ...unless(reason, "PostgresLimitsServer: the first replica of new counts does not disturb another start"),
  fn: () =>
    inOwnDatabase(async (url) => {
      const limits = new RemoteLimits(new PostgresLimitsServer({ connect: () => connectLimits(url) }));
      await limits.leave("nobody");
      await withPool(url, async (pool) => {
        let renewed: Promise<unknown> = Promise.resolve();
        // What a program does that makes the tables if they are not there.
        const begin = versioned(
          `SELECT pg_advisory_xact_lock(${DEFINITIONS_LOCK});
           CREATE INDEX IF NOT EXISTS limit_holdings_owner ON limit_holdings (owner)`,
        );
        await pool.transaction(async (queries) => {
          const from = { replica: "a", session: 1 };
          renewed = limits.renew({ from, waitsMark: 0, heldIds: [] });
          renewed.catch(() => {});
          await untilWaiting(pool, "limits_renew");
          await queries.all(versioned("SELECT key FROM limit_ledgers"));
        }, { begin });
        await renewed;
      });
      await limits.close();
    }),
});
