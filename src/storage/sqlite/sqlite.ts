/** The adapter for SQLite: a {@link Store} in one file. */

import { dirname } from "node:path";
import type { AuditEntry, ExchangeRow, NewAuditEntry, Project, Store, Token } from "../store.ts";
import { latestChange, pruneAccessChanges, readAccess, readAccessChanges } from "./access_changes.ts";
import * as access from "./access_tables.ts";
import { copyDatabase } from "./copy.ts";
import { Database } from "./database.ts";
import { insertExchanges } from "./exchange_tables.ts";
import { listExchanges } from "./exchange_queries.ts";
import { pruneExchanges } from "./exchange_sums.ts";
import type { DatabaseLock } from "./lock.ts";
import { renewIdentity } from "./identity.ts";
import * as objects from "./object_tables.ts";
import { dateSpending, readSpending } from "./spending.ts";
import { readUsage } from "./usage_queries.ts";

/**
 * Opens or creates the database file. Closing the store releases `lock`. Throws a `StoreError` if the file
 * cannot be opened.
 */
export function openSqlite(path: string, lock?: DatabaseLock): Store {
  const database = new Database(path);
  if (lock !== undefined) markAsOpened(database, lock);
  let dataVersion = readDataVersion(database);
  let latest = latestChange(database);
  /** Keeps the position of what was read, so that the store does not report its own changes. */
  const upTo = <Read extends { readonly position: number } | undefined>(read: Read): Read => {
    latest = read?.position ?? latest;
    return read;
  };

  /** Runs a change, and writes its audit entry in the same transaction. */
  const audited = <Result>(audit: NewAuditEntry, change: () => Result): Promise<Result> =>
    asPromise(() =>
      database.transaction(() => {
        const result = change();
        // A change that was not made has no audit entry.
        if (result !== false) insertAudit(database, audit);
        return result;
      })
    );

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
    dateSpending: (hour) => asPromise(() => database.transaction(() => dateSpending(database, hour))),

    addProject: (project: Project, audit) => audited(audit, () => access.insertProject(database, project)),
    findProject: (id) => asPromise(() => access.findProject(database, id)),
    listProjects: (page) => asPromise(() => access.listProjects(database, page)),
    changeProject: (of, change, audit) =>
      audited(audit, () => access.updateProject(database, { ...of, at: audit.at }, change)),
    deleteProject: (of, audit) =>
      asPromise(() =>
        database.transaction(() => {
          const result = access.deleteProject(database, of);
          if (result === "deleted") insertAudit(database, audit);
          return result;
        })
      ),
    deleteToken: (of, audit) => audited(audit, () => access.deleteToken(database, of)),
    addToken: (token: Token, audit) => audited(audit, () => access.insertToken(database, token, audit.at)),
    isTokenNameUsed: (projectId, name) => asPromise(() => access.isTokenNameUsed(database, projectId, name)),
    findToken: (id) => asPromise(() => access.findToken(database, id)),
    listTokens: (page) => asPromise(() => access.listTokens(database, page)),
    changeToken: (of, change, audit) =>
      audited(audit, () => access.updateToken(database, { ...of, at: audit.at }, change)),
    revokeTokens: (projectId, audit) =>
      audited(audit, () => access.revokeTokens(database, projectId, audit.at)),

    addExchanges: (rows: readonly ExchangeRow[]) =>
      asPromise(() => database.transaction(() => insertExchanges(database, rows))),
    usage: (grouping, filter) => asPromise(() => readUsage(database, grouping, filter)),
    listExchanges: (page) => asPromise(() => listExchanges(database, page)),
    addAudit: (entry) => asPromise(() => insertAudit(database, entry)),
    listAudit: (page) => asPromise(() => listAudit(database, page)),
    prune: (limits) =>
      asPromise(() =>
        database.transaction(() => {
          pruneAccessChanges(database);
          return pruneExchanges(database, limits);
        })
      ),

    addObject: (object, at) =>
      asPromise(() => database.transaction(() => objects.insertObject(database, object, at))),
    findObject: (key) => asPromise(() => objects.findObject(database, key)),
    listUnsettledObjects: () => asPromise(() => objects.listUnsettledObjects(database)),
    listChangedObjects: (since) => asPromise(() => objects.listChangedObjects(database, since)),
    setResultsId: (key, resultsId, at) =>
      asPromise(() => database.transaction(() => objects.setResultsId(database, key, { resultsId, at }))),
    pruneObjects: (limits) =>
      asPromise(() => database.transaction(() => objects.pruneObjects(database, limits))),
    settleObject: (object, of) =>
      asPromise(() => database.transaction(() => objects.settleObject(database, object, of))),

    readNote: (name) =>
      asPromise(() => {
        const row = database.get("SELECT value FROM notes WHERE name = ?", name);
        return row === undefined ? undefined : String(row["value"]);
      }),
    writeNote: (name, value) =>
      asPromise(() => void database.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value)),
    backup: (file) => copyDatabase(path, file),
    size: () =>
      asPromise(() => {
        const row = database.get(
          "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
        );
        return Number(row?.["bytes"]);
      }),
    close() {
      database.close();
      lock?.release();
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

function insertAudit(
  database: Database,
  { at, actor, source, action, subjectId, changes }: NewAuditEntry,
): void {
  database.run(
    "INSERT INTO audit (at, actor, source, action, subject_id, changes) VALUES (?, ?, ?, ?, ?, ?)",
    at,
    actor,
    source,
    action,
    subjectId,
    JSON.stringify(changes),
  );
}

function listAudit(
  database: Database,
  page: Parameters<Store["listAudit"]>[0],
): ReturnType<typeof access.pageOf<AuditEntry>> {
  const rows = database.all(
    "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.limit + 1,
  );
  return access.pageOf(rows, page, (row) => ({
    id: Number(row["seq"]),
    at: Number(row["at"]),
    actor: String(row["actor"]),
    source: String(row["source"]),
    action: String(row["action"]),
    subjectId: String(row["subject_id"]),
    changes: JSON.parse(String(row["changes"])),
  }));
}
