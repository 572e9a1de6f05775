/** The audit log in SQLite. */

import type { AuditEntry, NewAuditEntry } from "../audit_store.ts";
import type { Listed, Page } from "../page.ts";
import { pageOf } from "../rows/pages.ts";
import type { Connection } from "./connection.ts";

/** Runs a change and writes its audit entry, in one transaction. A result of false has no audit entry. */
export function audited<Result>(database: Connection, audit: NewAuditEntry, change: () => Result): Result {
  return database.transaction(() => {
    const result = change();
    if (result !== false) insertAudit(database, audit);
    return result;
  });
}

/** Writes an audit entry outside of {@link audited}, in the transaction of the caller if there is one. */
export function insertAudit(
  database: Connection,
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

/** Lists audit entries, newest first. */
export function listAudit(database: Connection, page: Page): Listed<AuditEntry> {
  const rows = database.all(
    "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.limit + 1,
  );
  return pageOf(rows, page, (row) => ({
    id: Number(row["seq"]),
    at: Number(row["at"]),
    actor: String(row["actor"]),
    source: String(row["source"]),
    action: String(row["action"]),
    subjectId: String(row["subject_id"]),
    changes: JSON.parse(String(row["changes"])),
  }));
}
