/** Changes of rows that have a version. */

import type { Queries } from "./pool.ts";

/** Columns to set, with their new values. */
export type Columns = (readonly [column: string, value: unknown])[];

/** Changes a row, and its version. Resolves with `false` if it has another version by now. */
export async function updateRow(
  queries: Queries,
  { table, of: { id, version, at }, columns }: {
    table: "projects" | "tokens";
    of: { id: string; version: number; at: number };
    columns: Columns;
  },
): Promise<boolean> {
  const all: Columns = [...columns, ["updated_at", at], ["version", version + 1]];
  const sets = all.map(([column], index) => `${column} = $${index + 3}`).join(", ");
  const values = [id, version, ...all.map(([, value]) => value)];
  return await queries.run(`UPDATE ${table} SET ${sets} WHERE id = $1 AND version = $2`, values) === 1;
}
