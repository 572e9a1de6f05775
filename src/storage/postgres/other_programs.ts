import type { PostgresPool } from "./pool.ts";
import { PROGRAM } from "./server.ts";

/** A connection of this program that has just ended is in the list of the server for a moment. */
const LOOKS = 5;
const BETWEEN_S = 0.2;

/** Whether another program of this kind is connected to the database. Asks by a pool with one connection. */
export async function hasOtherPrograms(pool: PostgresPool): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    const row = await pool.get(
      `SELECT count(*) AS others, pg_sleep(CASE WHEN count(*) > 0 THEN ${BETWEEN_S} ELSE 0 END) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`,
      [PROGRAM],
    );
    if (Number(row?.["others"]) === 0) return false;
  }
  return true;
}
