/** The store in a SQLite file. */

import { dirname } from "node:path";
import type { AuditEntry, ExchangeRow, NewAuditEntry, Project, Store, Token } from "../store.ts";
import * as access from "./access_tables.ts";
import { copyDatabase } from "./copy.ts";
import { Database } from "./database.ts";
import { insertExchanges } from "./exchange_tables.ts";
import { listExchanges } from "./exchange_queries.ts";
import { pruneExchanges } from "./exchange_sums.ts";
import type { Hold } from "./hold.ts";
import { renewIdentity } from "./identity.ts";
import * as objects from "./object_tables.ts";
import { dateSpending, readSpending } from "./spending.ts";
import { readUsage } from "./usage_queries.ts";

/**
 * Opens or creates it; `hold` is released when the store is closed. Throws a `StoreError` that says what is wrong with
 * the file.
 */
export function openSqlite(path: string, hold?: Hold): Store {
  const database = new Database(path);
  if (hold !== undefined) enter(database, hold);
  let dataVersion = readDataVersion(database);

  /** A change and its entry in the audit log. */
  const audited = <Result>(audit: NewAuditEntry, change: () => Result): Promise<Result> =>
    settled(() =>
      database.transaction(() => {
        const result = change();
        // What was not changed is no event.
        if (result !== false) insertAudit(database, audit);
        return result;
      })
    );

  return {
    folder: dirname(database.path),
    readAccess: () => settled(() => access.readAccess(database)),
    changedElsewhere() {
      const before = dataVersion;
      dataVersion = readDataVersion(database);
      return dataVersion !== before;
    },
    readSpending: (hours) => settled(() => readSpending(database, hours)),
    dateSpending: (hour) => settled(() => database.transaction(() => dateSpending(database, hour))),

    addProject: (project: Project, audit) => audited(audit, () => access.insertProject(database, project)),
    findProject: (id) => settled(() => access.findProject(database, id)),
    listProjects: (page) => settled(() => access.listProjects(database, page)),
    changeProject: (of, change, audit) =>
      audited(audit, () => access.updateProject(database, { ...of, at: audit.at }, change)),
    deleteProject: (of, audit) =>
      settled(() =>
        database.transaction(() => {
          const result = access.deleteProject(database, of);
          if (result === "deleted") insertAudit(database, audit);
          return result;
        })
      ),
    deleteToken: (of, audit) => audited(audit, () => access.deleteToken(database, of)),
    addToken: (token: Token, audit) => audited(audit, () => access.insertToken(database, token, audit.at)),
    findToken: (id) => settled(() => access.findToken(database, id)),
    listTokens: (page) => settled(() => access.listTokens(database, page)),
    changeToken: (of, change, audit) =>
      audited(audit, () => access.updateToken(database, { ...of, at: audit.at }, change)),
    revokeTokens: (projectId, audit) =>
      audited(audit, () => access.revokeTokens(database, projectId, audit.at)),

    addExchanges: (rows: readonly ExchangeRow[]) =>
      settled(() => database.transaction(() => insertExchanges(database, rows))),
    usage: (grouping, filter) => settled(() => readUsage(database, grouping, filter)),
    listExchanges: (page) => settled(() => listExchanges(database, page)),
    addAudit: (entry) => settled(() => insertAudit(database, entry)),
    listAudit: (page) => settled(() => listAudit(database, page)),
    prune: (limits) => settled(() => database.transaction(() => pruneExchanges(database, limits))),

    addObject: (object, at) =>
      settled(() => database.transaction(() => objects.insertObject(database, object, at))),
    findObject: (key) => settled(() => objects.findObject(database, key)),
    openObjects: () => settled(() => objects.openObjects(database)),
    changedObjects: (since) => settled(() => objects.changedObjects(database, since)),
    nameResults: (key, resultsId, at) =>
      settled(() => database.transaction(() => objects.nameResults(database, key, { resultsId, at }))),
    pruneObjects: (limits) =>
      settled(() => database.transaction(() => objects.pruneObjects(database, limits))),
    settleObject: (object, of) =>
      settled(() => database.transaction(() => objects.settleObject(database, object, of))),

    readNote: (name) =>
      settled(() => {
        const row = database.get("SELECT value FROM notes WHERE name = ?", name);
        return row === undefined ? undefined : String(row["value"]);
      }),
    writeNote: (name, value) =>
      settled(() => void database.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value)),
    backup: (file) => copyDatabase(path, file),
    size: () =>
      settled(() => {
        const row = database.get(
          "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
        );
        return Number(row?.["bytes"]);
      }),
    close() {
      database.close();
      hold?.release();
    },
  };
}

/** Marks the file as this program's, and lets other programs open it too. */
function enter(database: Database, hold: Hold): void {
  try {
    renewIdentity(database, hold);
    if (hold.isAlone) hold.share();
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The port is asynchronous, for the sake of databases that are. */
function settled<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve) => resolve(work()));
}

/** Changes when another connection has committed. */
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
): ReturnType<typeof access.listed<AuditEntry>> {
  const rows = database.all(
    "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.limit + 1,
  );
  return access.listed(rows, page, (row) => ({
    id: Number(row["seq"]),
    at: Number(row["at"]),
    actor: String(row["actor"]),
    source: String(row["source"]),
    action: String(row["action"]),
    subjectId: String(row["subject_id"]),
    changes: JSON.parse(String(row["changes"])),
  }));
}
