/** The adapter for SQLite: a {@link Store} in one file. */

import { dirname } from "node:path";
import type { AccessStore, ProjectStore, TokenStore } from "../access_store.ts";
import type { AuditStore } from "../audit_store.ts";
import type { AwaitedObjectStore, MadeObjectStore } from "../object_store.ts";
import type { ExchangeStore, Note, NoteStore, Store, WholeDatabase } from "../store.ts";
import type { ReplicaStore } from "../replica_store.ts";
import { PackedExchanges } from "../packed_exchanges.ts";
import { accountStoreOf, accountWork, kindOf } from "../people/account_operations.ts";
import type { AccountStore } from "../people_store.ts";
import type { UsageStore } from "../usage_store.ts";
import { latestChange, readAccess, readAccessChanges } from "./access_changes.ts";
import { listClosablePeriods } from "./exchange_sums.ts";
import * as projects from "./project_tables.ts";
import * as tokens from "./token_tables.ts";
import { copyDatabase } from "./copy.ts";
import { Database } from "./database.ts";
import type { DatabaseLock } from "./lock.ts";
import { renewIdentity } from "./identity.ts";
import * as madeObjects from "./made_object_tables.ts";
import * as objects from "./object_tables.ts";
import { OperationRunner } from "./operation_runner.ts";
import { runWork } from "./run_work.ts";
import { readSpending } from "./spending.ts";

/** The most exchanges that a transaction deletes. Other writes run between two of these transactions. */
const DELETED_AT_ONCE = 2_000;
/** Shorter pages of lists are read at once. */
const SHORT_PAGE = 10;

/** How {@link openSqlite} opens a database. */
export interface SqliteOptions {
  /** The lock of the database. Closing the store releases it. */
  readonly lock?: DatabaseLock;
  /**
   * Whether writes and long reads run on threads. Each thread takes memory, so each one starts when it is
   * needed: the first exchange starts that of all writes, the first long read the other one.
   */
  readonly usesThreads?: boolean;
}

/** Opens or creates the database file. Throws a `StoreError` if the file cannot be opened. */
export function openSqlite(path: string, { lock, usesThreads = false }: SqliteOptions = {}): Store {
  const database = new Database(path);
  if (lock !== undefined) markAsOpened(database, lock);
  const runner = new OperationRunner(database, { usesThreads, lock });
  return {
    ...accessStore(runner),
    ...projectStore(runner),
    ...tokenStore(runner),
    ...exchangeStore(runner),
    ...usageStore(runner),
    ...auditStore(runner),
    ...awaitedObjectStore(runner),
    ...madeObjectStore(runner),
    ...noteStore(runner),
    ...replicaStore(runner),
    ...accountStore(runner),
    ...wholeDatabase(runner),
  };
}

function accessStore(runner: OperationRunner): AccessStore {
  const { database } = runner;
  let dataVersion = readDataVersion(database);
  let latest = latestChange(database);
  /** Keeps the position of what was read, so that the store does not report its own changes. */
  const upTo = <Read extends { readonly position: number } | undefined>(read: Read): Read => {
    latest = read?.position ?? latest;
    return read;
  };
  return {
    readAccess: () => runner.now(() => upTo(readAccess(database))),
    readAccessChanges: (position) => runner.now(() => upTo(readAccessChanges(database, position))),
    hasAccessChanged(position) {
      const before = dataVersion;
      dataVersion = readDataVersion(database);
      // Another connection commits usage too, which changes no project or token.
      if (dataVersion !== before) latest = latestChange(database);
      return latest !== position;
    },
  };
}

function projectStore(runner: OperationRunner): ProjectStore {
  return {
    addProject: (project, audit) => runner.write("addProject", project, audit),
    findProject: (id) => runner.now((database) => projects.findProject(database, id)),
    listProjects: (page) => runner.read("listProjects", page),
    changeProject: ({ id, version }, change, audit) =>
      runner.write("changeProject", { id, version }, change, audit),
    deleteProject: ({ id, version }, audit) => runner.write("deleteProject", { id, version }, audit),
  };
}

function tokenStore(runner: OperationRunner): TokenStore {
  return {
    addToken: (token, audit) => runner.write("addToken", token, audit),
    findToken: (id) => runner.now((database) => tokens.findToken(database, id)),
    isTokenNameUsed: (projectId, name) =>
      runner.now((database) => tokens.isTokenNameUsed(database, projectId, name)),
    listTokens: (page) =>
      page.limit <= SHORT_PAGE
        ? runner.now((database) => tokens.listTokens(database, page))
        : runner.read("listTokens", page),
    changeToken: ({ id, version }, change, audit) =>
      runner.write("changeToken", { id, version }, change, audit),
    deleteToken: ({ id, version }, audit) => runner.write("deleteToken", { id, version }, audit),
    revokeTokens: (projectId, audit) => runner.write("revokeTokens", projectId, audit),
  };
}

function exchangeStore(runner: OperationRunner): ExchangeStore {
  return {
    addExchanges: (rows) =>
      runner.usesThreads
        ? sendExchanges(runner, PackedExchanges.of(rows))
        : runner.write("addExchanges", rows),
    addPackedExchanges: (rows, note) =>
      runner.usesThreads
        ? sendExchanges(runner, rows, note)
        : runner.write("addExchanges", rows.rows(), note),
    listExchanges: (page) => runner.read("listExchanges", page),
    settleObject: (object, of) => runner.write("settleObject", object, of),
    readSpending: (of) => runner.now((database) => readSpending(database, of)),
    dateSpending: (hour) => runner.write("dateSpending", hour),
    async prune(limits) {
      const step = { before: limits.exchangesBefore, count: DELETED_AT_ONCE };
      let removed = 0;
      // The hourly work can be under way when the store closes. The next start completes it.
      for (let last = DELETED_AT_ONCE; last === DELETED_AT_ONCE && !runner.isClosed; removed += last) {
        last = await runner.write("deleteExchanges", step);
      }
      if (!runner.isClosed) await runner.write("rollUp", limits);
      await closeSums(runner);
      return removed;
    },
  };
}

/** Makes the sums of past days and months. */
async function closeSums(runner: OperationRunner): Promise<void> {
  if (runner.isClosed) return;
  // Short work, and a thread that starts with the program could create files after the program has ended.
  const periods = await runner.now((database) => listClosablePeriods(database, Date.now()));
  // Each takes up to seconds, which requests must not wait for.
  if (runner.usesThreads && periods.length > 0) runner.writeOnThread();
  for (const period of periods) {
    if (runner.isClosed) return;
    await runner.write("closePeriod", period);
  }
}

/** Writes exchanges on the thread of the database. */
function sendExchanges(runner: OperationRunner, rows: PackedExchanges, note?: Note): Promise<void> {
  runner.writeOnThread();
  return runner.write("addPackedExchanges", rows.message(), note);
}

function usageStore(runner: OperationRunner): UsageStore {
  return { usage: (grouping, filter) => runner.read("usage", grouping, filter) };
}

function auditStore(runner: OperationRunner): AuditStore {
  return {
    addAudit: (entry) => runner.write("addAudit", entry),
    listAudit: (page) => runner.read("listAudit", page),
  };
}

function awaitedObjectStore(runner: OperationRunner): AwaitedObjectStore {
  return {
    addObject: (object) => runner.write("addObject", object),
    findObject: (key) => runner.now((database) => objects.findObject(database, key)),
    listUnsettledObjects: () => runner.now(objects.listUnsettledObjects),
    listChangedObjects: (since) => runner.now((database) => objects.listChangedObjects(database, since)),
    setResultsId: (key, resultsId) => runner.write("setResultsId", key, resultsId),
    raiseReceivedBytes: (key, bytes) => runner.write("raiseReceivedBytes", key, bytes),
    pruneObjects: (limits) => runner.write("pruneObjects", limits),
  };
}

function madeObjectStore(runner: OperationRunner): MadeObjectStore {
  return {
    addMadeObjects: (rows) => runner.write("addMadeObjects", rows),
    removeMadeObjects: (rows) => runner.write("removeMadeObjects", rows),
    findMadeObjects: (ids) => runner.now((database) => madeObjects.findMadeObjects(database, ids)),
    listObjectMakers: () => runner.now(madeObjects.listObjectMakers),
    pruneMadeObjects: (limits) => runner.write("pruneMadeObjects", limits),
  };
}

function noteStore(runner: OperationRunner): NoteStore {
  return {
    readNote: (name) =>
      runner.now((database) => {
        const row = database.get("SELECT value FROM notes WHERE name = ?", name);
        return row === undefined ? undefined : String(row["value"]);
      }),
    readNotes: (prefix) =>
      runner.now((database) =>
        database.all("SELECT name, value FROM notes WHERE substr(name, 1, ?) = ?", prefix.length, prefix)
          .map((row) => ({ name: String(row["name"]), value: String(row["value"]) }))
      ),
    writeNote: (name, value) => runner.write("writeNote", name, value),
  };
}

function replicaStore(runner: OperationRunner): ReplicaStore {
  return {
    claimTask: (name, everyMs) => runner.write("claimTask", name, everyMs, Date.now()),
    announceReplica: (id, text, keptMs) =>
      runner.write("announceReplica", { id, text, keptMs, now: Date.now() }),
    removeReplica: (id) => runner.write("removeReplica", id),
  };
}

function accountStore(runner: OperationRunner): AccountStore {
  return accountStoreOf((name, args) =>
    kindOf(name) === "read"
      ? runner.now((database) => runWork(database, accountWork(name, args)))
      : runner.write("account", name, args)
  );
}

function wholeDatabase(runner: OperationRunner): WholeDatabase {
  const { path } = runner.database;
  return {
    copies: { folder: dirname(path), backup: (file) => copyDatabase(path, file) },
    size: () => runner.now(sizeOf),
    close: () => runner.close(),
  };
}

/** Gives the file a new identity if no other program has it open, and lets other programs open it. */
function markAsOpened(database: Database, lock: DatabaseLock): void {
  try {
    renewIdentity(database, lock);
    if (lock.isExclusive) lock.share();
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The size of the database in bytes. */
function sizeOf(database: Database): number {
  const row = database.get("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size");
  return Number(row?.["bytes"]);
}

/** A number that changes when another connection commits. */
function readDataVersion(database: Database): number {
  return Number(database.get("PRAGMA data_version")?.["data_version"]);
}
