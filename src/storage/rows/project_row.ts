/** Makes projects of their rows. */

import type { Project, ProjectKey } from "../access_store.ts";
import type { Row } from "./row.ts";
import { bytes, flag, number, rulesOf, text } from "./row_values.ts";

/** Makes a project of its row and its keys. */
export function projectOf(row: Row, keys: readonly ProjectKey[]): Project {
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    active: flag(row, "active"),
    rules: rulesOf(row),
    keys,
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}

/** Makes a provider key of its row. */
export function keyOf(row: Row): ProjectKey {
  return { endpoint: text(row, "endpoint"), sealed: bytes(row, "sealed"), suffix: text(row, "suffix") };
}

/** Makes projects of their rows and the rows of the keys of all of them. */
export function projectsOf(rows: readonly Row[], keys: readonly Row[]): Project[] {
  const keysOf = Map.groupBy(keys, (row) => text(row, "project_id"));
  return rows.map((row) => projectOf(row, (keysOf.get(text(row, "id")) ?? []).map(keyOf)));
}
