/** Changes of rows that have a version. */

import type { SQLInputValue } from "node:sqlite";
import type { Connection } from "./connection.ts";

/** Columns to set, with their new values. */
export type Columns = (readonly [column: string, value: SQLInputValue])[];

/** Changes a row, and its version. Returns `false` if it has another version by now. */
export function updateRow(
  database: Connection,
  { table, of: { id, version, at }, columns }: {
    table: "projects" | "tokens";
    of: { id: string; version: number; at: number };
    columns: Columns;
  },
): boolean {
  const all: Columns = [...columns, ["updated_at", at], ["version", version + 1]];
  const { changes } = database.run(
    `UPDATE ${table} SET ${all.map(([column]) => `${column} = ?`).join(", ")} WHERE id = ? AND version = ?`,
    ...all.map(([, value]) => value),
    id,
    version,
  );
  return changes === 1;
}
