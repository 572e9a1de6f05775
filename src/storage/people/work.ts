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

/** The most values of a list in a statement. */
const MAX_LISTED = 500;

/** Makes a statement for a list of texts. `places` are those of the texts. */
type SqlOfList = (places: string) => string;

/**
 * Runs a query for a list of texts, with few statements, and gives all rows. The places of the texts come
 * after those of `values`.
 */
export function* allOf(texts: Iterable<string>, sqlOf: SqlOfList, ...values: Value[]): Work<Row[]> {
  const rows: Row[] = [];
  for (const { sql, part } of statementsOf(texts, { sqlOf, before: values.length })) {
    rows.push(...yield* all(sql, ...values, ...part));
  }
  return rows;
}

/** Writes for a list of texts, as {@link allOf} reads. */
export function* writeOf(texts: Iterable<string>, sqlOf: SqlOfList, ...values: Value[]): Work<void> {
  for (const { sql, part } of statementsOf(texts, { sqlOf, before: values.length })) {
    yield* write(sql, ...values, ...part);
  }
}

function statementsOf(
  texts: Iterable<string>,
  { sqlOf, before }: { readonly sqlOf: SqlOfList; readonly before: number },
): { readonly sql: string; readonly part: readonly string[] }[] {
  const list = [...texts];
  return Array.from({ length: Math.ceil(list.length / MAX_LISTED) }, (_, index) => {
    const part = list.slice(index * MAX_LISTED, (index + 1) * MAX_LISTED);
    return { sql: sqlOf(part.map((_, place) => `$${before + place + 1}`).join(", ")), part };
  });
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
