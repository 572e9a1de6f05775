/** Checks a PostgreSQL database without changing it. */

import type { PostgresUrl } from "../../network/postgres_url.ts";
import type { Inspection } from "../inspection.ts";
import { KEY_CHECK } from "../open_box.ts";
import { appliedMigrations, worksSinceOf } from "./migrate.ts";
import { MIGRATIONS } from "./migrations.ts";
import { hasOtherPrograms } from "./other_programs.ts";
import { PostgresPool } from "./pool.ts";
import { findServer } from "./server.ts";

/** Connects, and reads the schema and the state of a database. Throws a `StoreError`. */
export async function inspectPostgres(url: PostgresUrl): Promise<Inspection> {
  const pool = new PostgresPool(await findServer(url));
  try {
    const applied = await appliedMigrations(pool);
    const common = {
      schema: applied.at(-1)?.version ?? 0,
      worksSince: worksSinceOf(applied),
      newestSchema: MIGRATIONS.at(-1)?.version ?? 0,
      // The server checks its files itself.
      damage: [],
      isInUse: await hasOtherPrograms(pool),
      isPooled: pool.server.isPooled,
    };
    if (applied.length === 0) return { ...common, sealed: undefined };
    const note = await pool.get("SELECT value FROM notes WHERE name = $1", [KEY_CHECK]);
    return {
      ...common,
      sealed: note === undefined ? undefined : String(note["value"]),
    };
  } finally {
    await pool.close();
  }
}
