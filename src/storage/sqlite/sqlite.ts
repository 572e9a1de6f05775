/** The adapter for SQLite: a {@link Store} in one file. */

import { dirname } from "node:path";
import type { Store } from "../store.ts";
import { latestChange, readAccess, readAccessChanges } from "./access_changes.ts";
import * as projects from "./project_tables.ts";
import * as tokens from "./token_tables.ts";
import { copyDatabase } from "./copy.ts";
import { Database } from "./database.ts";
import { DatabaseThread } from "./database_thread.ts";
import type { DatabaseLock } from "./lock.ts";
import { renewIdentity } from "./identity.ts";
import * as madeObjects from "./made_object_tables.ts";
import * as objects from "./object_tables.ts";
import { type ArgumentsOf, type READS, type ResultOf, runOperation, type WRITES } from "./operations.ts";
import { packRows } from "./packed_rows.ts";
import { readSpending } from "./spending.ts";

/** How long a thread waits for a transaction of another program. Requests do not wait for it. */
const THREAD_BUSY_MS = 1_000;
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
  let dataVersion = readDataVersion(database);
  let latest = latestChange(database);
  /** Keeps the position of what was read, so that the store does not report its own changes. */
  const upTo = <Read extends { readonly position: number } | undefined>(read: Read): Read => {
    latest = read?.position ?? latest;
    return read;
  };

  const file = { path, inode: database.inode, busyMs: THREAD_BUSY_MS };
  const writer = new DatabaseThread(file, "database");
  const reader = new DatabaseThread({ ...file, isReadOnly: true }, "database reads");
  /** Whether the thread of the writer does all writes. Two connections that write would wait for each other. */
  let writesOnThread = false;
  let isClosed = false;

  async function write<Name extends keyof typeof WRITES>(
    name: Name,
    ...args: ArgumentsOf<Name>
  ): Promise<ResultOf<Name>> {
    return writesOnThread ? await writer.run(name, args) : runOperation(database, name, args);
  }
  async function read<Name extends keyof typeof READS>(
    name: Name,
    ...args: ArgumentsOf<Name>
  ): Promise<ResultOf<Name>> {
    return usesThreads ? await reader.run(name, args) : runOperation(database, name, args);
  }

  return {
    folder: dirname(database.path),
    readAccess: () => asPromise(() => upTo(readAccess(database))),
    readAccessChanges: (position) => asPromise(() => upTo(readAccessChanges(database, position))),
    hasAccessChanged(position) {
      const before = dataVersion;
      dataVersion = readDataVersion(database);
      // Another connection commits usage too, which changes no project or token.
      if (dataVersion !== before) latest = latestChange(database);
      return latest !== position;
    },
    readSpending: (hours) => asPromise(() => readSpending(database, hours)),
    dateSpending: (hour) => write("dateSpending", hour),

    addProject: (project, audit) => write("addProject", project, audit),
    findProject: (id) => asPromise(() => projects.findProject(database, id)),
    listProjects: (page) => read("listProjects", page),
    changeProject: ({ id, version }, change, audit) => write("changeProject", { id, version }, change, audit),
    deleteProject: ({ id, version }, audit) => write("deleteProject", { id, version }, audit),
    addToken: (token, audit) => write("addToken", token, audit),
    findToken: (id) => asPromise(() => tokens.findToken(database, id)),
    isTokenNameUsed: (projectId, name) => asPromise(() => tokens.isTokenNameUsed(database, projectId, name)),
    listTokens: (page) =>
      page.limit <= SHORT_PAGE
        ? asPromise(() => tokens.listTokens(database, page))
        : read("listTokens", page),
    changeToken: ({ id, version }, change, audit) => write("changeToken", { id, version }, change, audit),
    deleteToken: ({ id, version }, audit) => write("deleteToken", { id, version }, audit),
    revokeTokens: (projectId, audit) => write("revokeTokens", projectId, audit),

    addExchanges(rows) {
      if (!usesThreads) return write("addExchanges", rows);
      writesOnThread = true;
      return write("addPackedExchanges", packRows(rows));
    },
    usage: (grouping, filter) => read("usage", grouping, filter),
    listExchanges: (page) => read("listExchanges", page),
    addAudit: (entry) => write("addAudit", entry),
    listAudit: (page) => read("listAudit", page),
    async prune(limits) {
      const step = { before: limits.exchangesBefore, count: DELETED_AT_ONCE };
      let removed = 0;
      // The hourly work can be under way when the store closes. The next start completes it.
      for (let last = DELETED_AT_ONCE; last === DELETED_AT_ONCE && !isClosed; removed += last) {
        last = await write("deleteExchanges", step);
      }
      if (!isClosed) await write("rollUp", limits);
      return removed;
    },

    addObject: (object, at) => write("addObject", object, at),
    findObject: (key) => asPromise(() => objects.findObject(database, key)),
    listUnsettledObjects: () => asPromise(() => objects.listUnsettledObjects(database)),
    listChangedObjects: (since) => asPromise(() => objects.listChangedObjects(database, since)),
    setResultsId: (key, resultsId, at) => write("setResultsId", key, { resultsId, at }),
    raiseReceivedBytes: (key, bytes) => write("raiseReceivedBytes", key, bytes),
    pruneObjects: (limits) => write("pruneObjects", limits),
    settleObject: (object, of) => write("settleObject", object, of),

    addMadeObjects: (rows) => write("addMadeObjects", rows),
    removeMadeObjects: (rows) => write("removeMadeObjects", rows),
    findMadeObjects: (ids) => asPromise(() => madeObjects.findMadeObjects(database, ids)),
    listObjectMakers: () => asPromise(() => madeObjects.listObjectMakers(database)),
    pruneMadeObjects: (limits) => write("pruneMadeObjects", limits),

    readNote: (name) =>
      asPromise(() => {
        const row = database.get("SELECT value FROM notes WHERE name = ?", name);
        return row === undefined ? undefined : String(row["value"]);
      }),
    writeNote: (name, value) => write("writeNote", name, value),
    backup: (file) => copyDatabase(path, file),
    size: () =>
      asPromise(() => {
        const row = database.get(
          "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
        );
        return Number(row?.["bytes"]);
      }),
    async close() {
      isClosed = true;
      reader.stop();
      try {
        if (writesOnThread) await writer.close();
      } finally {
        database.close();
        lock?.release();
      }
    },
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

/** Makes a promise of synchronous work. The port is asynchronous because other databases are. */
function asPromise<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve) => resolve(work()));
}

/** A number that changes when another connection commits. */
function readDataVersion(database: Database): number {
  return Number(database.get("PRAGMA data_version")?.["data_version"]);
}
