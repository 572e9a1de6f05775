import type { Inspection } from "./inspection.ts";
import { isPostgresUrl } from "../network/postgres_url.ts";
import { postgresUrlOf, sqlitePath } from "./open.ts";

/** Checks the database that a URL names, without changing it. Throws a `StoreError`. */
export async function inspectStore(url: string): Promise<Inspection> {
  if (isPostgresUrl(url)) {
    const { inspectPostgres } = await import("./postgres/inspect.ts");
    return await inspectPostgres(postgresUrlOf(url));
  }
  const { inspectSqlite } = await import("./sqlite/inspect.ts");
  return await inspectSqlite(sqlitePath(url));
}
