/** The adapter for PostgreSQL: a {@link Store} in one database, which several programs can share. */

import type { Access, AccessStore, ProjectStore, TokenStore } from "../access_store.ts";
import type { AuditStore } from "../audit_store.ts";
import type { AwaitedObjectStore, MadeObjectStore } from "../object_store.ts";
import type { ExchangeRow, ExchangeStore, Note, NoteStore, Store } from "../store.ts";
import { StoreError } from "../store.ts";
import type { ReplicaStore } from "../replica_store.ts";
import { accountStoreOf, accountWork, kindOf } from "../people/account_operations.ts";
import type { AccountStore } from "../people_store.ts";
import type { UsageStore } from "../usage_store.ts";
import type { PostgresUrl } from "../../network/postgres_url.ts";
import { fewAtOnce } from "../../time/few_at_once.ts";
import { readAccess, readAccessChanges } from "./access_changes.ts";
import { listenForAccess } from "./access_listener.ts";
import { pollAccess } from "./access_poller.ts";
import { type AccessWatch, partsOf, positionOf } from "./access_watch.ts";
import { audited, insertAudit, listAudit } from "./audit_table.ts";
import { insertExchanges } from "./exchange_insert.ts";
import { prune } from "./exchange_pruning.ts";
import { listExchanges } from "./exchange_queries.ts";
import * as madeObjects from "./made_object_tables.ts";
import { migrate } from "./migrate.ts";
import { ACCESS_LOCK } from "./migrations.ts";
import * as objects from "./object_tables.ts";
import { monthOf, Partitions } from "./partitions.ts";
import { PostgresPool, type Queries } from "./pool.ts";
import * as projects from "./project_tables.ts";
import * as replicas from "./replica_notes.ts";
import { runWork } from "./run_work.ts";
import { findServer } from "./server.ts";
import { Sequence } from "./sequence.ts";
import { dateSpending, readSpending } from "./spending.ts";
import { storedText } from "./stored_text.ts";
import * as tokens from "./token_tables.ts";
import { readUsage } from "./usage_queries.ts";

/**
 * The most sums of usage that are read at the same time. The other connections are for requests, which need
 * changed tokens and write usage.
 */
const MAX_SUMS = 3;
/**
 * How long a sum of usage may take, in milliseconds, and also how long it may wait for others. Its reader has
 * one of the few places of the management plane.
 */
const USAGE_MS = 30_000;

/**
 * How sums are read: from one state of the database, without the compiler of the server, which takes longer
 * than most of these queries, and with memory for the hash tables of groups and buckets.
 */
const READING_SUMS = {
  begin:
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off; SET LOCAL work_mem = '32MB'",
  timeoutMs: USAGE_MS,
};

/** Connects to the database, and creates or migrates its tables. Throws a {@link StoreError}. */
export async function openPostgres(url: PostgresUrl): Promise<Store> {
  const pool = new PostgresPool(await findServer(url));
  try {
    await migrate(pool);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return storeOn(pool);
}

/** The store on a pool of connections to a migrated database. Closing the store closes the pool. */
export function storeOn(pool: PostgresPool): Store {
  const access = accessStore(pool);
  return {
    ...access.store,
    ...projectStore(pool),
    ...tokenStore(pool),
    ...exchangeStore(pool),
    ...usageStore(pool),
    ...auditStore(pool),
    ...awaitedObjectStore(pool),
    ...madeObjectStore(pool),
    ...noteStore(pool),
    ...replicaStore(pool),
    ...accountStore(pool),
    // The owner of the server makes the backups.
    copies: undefined,
    async size() {
      const row = await pool.get("SELECT pg_database_size(current_database()) AS bytes");
      return Number(row?.["bytes"]);
    },
    async close() {
      await access.close();
      await pool.close();
    },
  };
}

function accessStore(pool: PostgresPool): { store: AccessStore; close: () => Promise<void> } {
  // Commands do not need it, and a connection costs memory of the server. So the first read begins to watch.
  let watch: AccessWatch | undefined;
  const watching = (): AccessWatch =>
    watch ??= pool.server.isPooled ? pollAccess(pool) : listenForAccess(pool.server);
  /** Requests wait for these reads. Without a server, they must not wait for a timeout. */
  const checkReachable = ({ isDown }: AccessWatch): void => {
    if (isDown) throw new StoreError("unreachable", `${pool.server.place} cannot be reached`);
  };
  /** Gives a read its position, which has the run in which the read began. */
  const read = <Rows extends Access>(watched: AccessWatch, rows: Rows, run: number): Rows => {
    const position = positionOf(run, rows.position);
    watched.wasRead(position);
    return { ...rows, position };
  };
  return {
    store: {
      async readAccess() {
        const watched = watching();
        checkReachable(watched);
        // The run may end during the read.
        const { run } = watched;
        return read(watched, await readAccess(pool), run);
      },
      async readAccessChanges(position) {
        const watched = watching();
        checkReachable(watched);
        const { run, change } = partsOf(position);
        if (run !== watched.run) return undefined;
        const changes = await readAccessChanges(pool, change);
        return changes && read(watched, changes, run);
      },
      hasAccessChanged: (position) => watching().hasMoved(position),
    },
    close: async () => await watch?.close(),
  };
}

function projectStore(pool: PostgresPool): ProjectStore {
  return {
    addProject: (project, audit) =>
      audited(pool, audit, (queries) => projects.insertProject(queries, project)),
    findProject: (id) => projects.findProject(pool, id),
    listProjects: (page) => projects.listProjects(pool, page),
    changeProject: ({ id, version }, change, audit) =>
      audited(
        pool,
        audit,
        (queries) => projects.updateProject(queries, { id, version, at: audit.at }, change),
      ),
    async deleteProject(of, audit) {
      let result: Awaited<ReturnType<typeof projects.deleteProject>> = "changed";
      await audited(pool, audit, async (queries) => {
        result = await projects.deleteProject(queries, of);
        return result === "deleted";
      });
      return result;
    },
  };
}

function tokenStore(pool: PostgresPool): TokenStore {
  return {
    addToken: (token, audit) =>
      audited(pool, audit, (queries) => tokens.insertToken(queries, token, audit.at)),
    findToken: (id) => tokens.findToken(pool, id),
    isTokenNameUsed: (projectId, name) => tokens.isTokenNameUsed(pool, projectId, name),
    listTokens: (page) => tokens.listTokens(pool, page),
    changeToken: ({ id, version }, change, audit) =>
      audited(pool, audit, (queries) => tokens.updateToken(queries, { id, version, at: audit.at }, change)),
    deleteToken: (of, audit) => audited(pool, audit, (queries) => tokens.deleteToken(queries, of)),
    revokeTokens: (projectId, audit) =>
      audited(pool, audit, (queries) => tokens.revokeTokens(queries, projectId, audit.at)),
  };
}

function exchangeStore(pool: PostgresPool): ExchangeStore {
  const partitions = new Partitions(pool);
  /** Runs work that writes exchanges, after their partitions exist. */
  const withPartitions = async <Result>(
    rows: readonly ExchangeRow[],
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const moments = rows.map(({ startedAt }) => startedAt);
    await partitions.create(moments);
    try {
      return await work();
    } catch (error) {
      // Another program may have dropped the partition of an old exchange meanwhile.
      if (!(error instanceof StoreError) || error.kind !== "failed") throw error;
      partitions.forget();
      await partitions.create(moments);
      return await work();
    }
  };
  const add = (rows: readonly ExchangeRow[], note?: Note): Promise<void> =>
    withPartitions(rows, () =>
      pool.transaction(async (queries) => {
        await insertExchanges(queries, rows);
        if (note !== undefined) await writeNote(queries, note);
      }));
  return {
    addExchanges: (rows) => add(rows),
    addPackedExchanges: (rows, note) => add(rows.rows(), note),
    listExchanges: (page) => listExchanges(pool, page),
    settleObject: (object, settled) =>
      withPartitions(
        settled.rows,
        () => pool.transaction((queries) => objects.settleObject(queries, object, settled)),
      ),
    readSpending: (of) => pool.transaction((queries) => readSpending(queries, of), READING_SUMS),
    dateSpending: (hour) => pool.transaction((queries) => dateSpending(queries, hour)),
    async prune(limits) {
      const now = Date.now();
      // The exchanges of the next month must not wait for their partition.
      await partitions.create([now, monthOf(now).to]);
      const removed = await prune(pool, limits);
      partitions.forget();
      return removed;
    },
  };
}

function usageStore(pool: PostgresPool): UsageStore {
  const limited = fewAtOnce(MAX_SUMS);
  return {
    usage(grouping, filter) {
      const latest = performance.now() + USAGE_MS;
      return limited(async () => {
        if (performance.now() > latest) throw new StoreError("busy", `${pool.server.place} is too busy`);
        return await pool.transaction((queries) => readUsage(queries, grouping, filter), READING_SUMS);
      });
    },
  };
}

function auditStore(pool: PostgresPool): AuditStore {
  return {
    addAudit: (entry) => insertAudit(pool, entry),
    listAudit: (page) => listAudit(pool, page),
  };
}

function awaitedObjectStore(pool: PostgresPool): AwaitedObjectStore {
  return {
    addObject: (object) => objects.insertObject(pool, object),
    findObject: (key) => objects.findObject(pool, key),
    listUnsettledObjects: () => objects.listUnsettledObjects(pool),
    listChangedObjects: (since) => objects.listChangedObjects(pool, since),
    setResultsId: (key, resultsId) => objects.setResultsId(pool, key, resultsId),
    raiseReceivedBytes: (key, bytes) => objects.raiseReceivedBytes(pool, key, bytes),
    pruneObjects: (limits) => pool.transaction((queries) => objects.pruneObjects(queries, limits)),
  };
}

function madeObjectStore(pool: PostgresPool): MadeObjectStore {
  // A caller removes an object and adds another one with its id, without waiting in between.
  const inOrder = new Sequence();
  return {
    addMadeObjects: (rows) =>
      inOrder.run(() => pool.transaction((queries) => madeObjects.insertMadeObjects(queries, rows))),
    removeMadeObjects: (rows) => inOrder.run(() => madeObjects.deleteMadeObjects(pool, rows)),
    findMadeObjects: (ids) => madeObjects.findMadeObjects(pool, ids),
    listObjectMakers: () => madeObjects.listObjectMakers(pool),
    pruneMadeObjects: (limits) =>
      pool.transaction((queries) => madeObjects.pruneMadeObjects(queries, limits)),
  };
}

function accountStore(pool: PostgresPool): AccountStore {
  return accountStoreOf((name, args) => {
    const kind = kindOf(name);
    if (kind === "read") return runWork(pool, accountWork(name, args));
    return pool.transaction(
      (queries) => runWork(queries, accountWork(name, args)),
      // Changes of people can switch tokens on and off: see `audited`.
      kind === "change" ? { begin: `SELECT pg_advisory_xact_lock(${ACCESS_LOCK})` } : {},
    );
  });
}

function noteStore(pool: PostgresPool): NoteStore {
  return {
    async readNote(name) {
      const row = await pool.get("SELECT value FROM notes WHERE name = $1", [name]);
      return row === undefined ? undefined : String(row["value"]);
    },
    async readNotes(prefix) {
      const rows = await pool.all("SELECT name, value FROM notes WHERE starts_with(name, $1)", [prefix]);
      return rows.map((row) => ({ name: String(row["name"]), value: String(row["value"]) }));
    },
    writeNote: (name, value) => writeNote(pool, { name, value }),
  };
}

async function writeNote(queries: Queries, { name, value }: Note): Promise<void> {
  await queries.run(
    "INSERT INTO notes (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [name, storedText(value)],
  );
}

function replicaStore(pool: PostgresPool): ReplicaStore {
  return {
    claimTask: (name, everyMs) => replicas.claimTask(pool, name, everyMs),
    announceReplica: (id, text, keptMs) => replicas.announceReplica(pool, { id, text, keptMs }),
    removeReplica: (id) => replicas.removeReplica(pool, id),
  };
}
