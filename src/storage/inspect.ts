import type { Inspection } from "./inspection.ts";
import { sqlitePath } from "./open.ts";

/** Checks the database that a URL names, without changing it. Throws a `StoreError`. */
export async function inspectStore(url: string): Promise<Inspection> {
  const { inspectSqlite } = await import("./sqlite/inspect.ts");
  return await inspectSqlite(sqlitePath(url));
}
