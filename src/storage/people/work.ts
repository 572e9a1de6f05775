/**
 * Work in a database, written once for all adapters. It yields statements, and gets their outcomes. An
 * adapter runs it in one transaction.
 */

import type { NewAuditEntry } from "../audit_store.ts";
import type { Row } from "../rows/row.ts";

/** A value that a statement of SQL stores or compares. */
export type Value = string | number | boolean | null | Uint8Array;

/** A statement of SQL that all databases know. Its text has `$1`, `$2`, … for the values. */
export interface Statement {
  /** `lock` locks rows where transactions run at the same time, and nothing where they do not. */
  readonly kind: "read" | "write" | "lock";
  readonly sql: string;
  readonly values: readonly Value[];
}

/** An entry of the audit log to write in the transaction. */
export interface AuditStatement {
  readonly kind: "audit";
  readonly entry: NewAuditEntry;
}

/** The rows that a statement read, or how many it changed. */
export interface Outcome {
  readonly rows: readonly Row[];
  readonly changes: number;
}

/** Work that yields statements, gets their outcomes, and returns a result. */
export type Work<Result> = Generator<Statement | AuditStatement, Result, Outcome>;

/** Reads all rows of a query. */
export function* all(sql: string, ...values: Value[]): Work<readonly Row[]> {
  return (yield { kind: "read", sql, values }).rows;
}

/** Reads the first row; `undefined` if no row fits. */
export function* first(sql: string, ...values: Value[]): Work<Row | undefined> {
  return (yield { kind: "read", sql, values }).rows[0];
}

/** Writes, and gives the number of changed rows. */
export function* write(sql: string, ...values: Value[]): Work<number> {
  return (yield { kind: "write", sql, values }).changes;
}

/** Locks rows in the order of a query. */
export function* lock(sql: string, ...values: Value[]): Work<void> {
  yield { kind: "lock", sql, values };
}

/** Writes an entry of the audit log. */
export function* audit(entry: NewAuditEntry): Work<void> {
  yield { kind: "audit", entry };
}
