/** The audit log in PostgreSQL. */

import type { AuditEntry, NewAuditEntry } from "../audit_store.ts";
import type { Listed, Page } from "../page.ts";
import { pageOf } from "../rows/pages.ts";
import { ACCESS_LOCK } from "./migrations.ts";
import type { PostgresPool, Queries } from "./pool.ts";
import { storedJson, storedText } from "./stored_text.ts";

/**
 * Runs a change of projects or tokens and writes its audit entry, in one transaction. A result of `false` has
 * no audit entry. These transactions run one after the other: see the sequence of changes in `migrations.ts`.
 */
export function audited<Result>(
  pool: PostgresPool,
  audit: NewAuditEntry,
  change: (queries: Queries) => Promise<Result>,
): Promise<Result> {
  return pool.transaction(async (queries) => {
    const result = await change(queries);
    if (result !== false) await insertAudit(queries, audit);
    return result;
    // The lock comes before those of rows, so that two changes never wait for each other.
  }, { begin: `SELECT pg_advisory_xact_lock(${ACCESS_LOCK})` });
}

/** Writes an audit entry, in the transaction of the caller if there is one. */
export async function insertAudit(
  queries: Queries,
  { at, actor, source, action, subjectId, changes }: NewAuditEntry,
): Promise<void> {
  await queries.run(
    "INSERT INTO audit (at, actor, source, action, subject_id, changes) VALUES ($1, $2, $3, $4, $5, $6)",
    [at, ...[actor, source, action, subjectId].map(storedText), storedJson(changes)],
  );
}

/** Lists audit entries, newest first. */
export async function listAudit(queries: Queries, page: Page): Promise<Listed<AuditEntry>> {
  const rows = await queries.all("SELECT * FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2", [
    page.before ?? Number.MAX_SAFE_INTEGER,
    page.limit + 1,
  ]);
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
