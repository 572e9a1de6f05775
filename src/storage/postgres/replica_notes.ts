/** Claims of tasks and the programs on one database, as notes. The clock of the server counts. */

import {
  CLOCK_STEP_MS,
  REPLICA_PREFIX,
  type SeenReplica,
  seenReplica,
  TASK_PREFIX,
} from "../replica_store.ts";
import type { PostgresPool, Queries } from "./pool.ts";
import { storedText } from "./stored_text.ts";

/** Milliseconds since 1970. All statements of a transaction have the same. */
const NOW = "floor(extract(epoch FROM now()) * 1000)::bigint";
const IS_REPLICA = `starts_with(name, '${REPLICA_PREFIX}')`;
/** The time at the begin of a note. */
const AT = "split_part(notes.value, ' ', 1)::bigint";

/** Does what `ReplicaStore.claimTask` does. */
export async function claimTask(queries: Queries, name: string, everyMs: number): Promise<boolean> {
  const changed = await queries.run(
    `INSERT INTO notes (name, value) VALUES ($1, (${NOW})::text)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value
     WHERE ${AT} NOT BETWEEN ${NOW} - $2::bigint + 1 AND ${NOW} + ${CLOCK_STEP_MS}`,
    [storedText(TASK_PREFIX + name), everyMs],
  );
  return changed > 0;
}

/** Does what `ReplicaStore.announceReplica` does. */
export function announceReplica(
  pool: PostgresPool,
  { id, text, keptMs }: { id: string; text: string; keptMs: number },
): Promise<SeenReplica[]> {
  return pool.transaction(async (queries) => {
    await queries.run(
      `INSERT INTO notes (name, value) VALUES ($1, (${NOW})::text || ' ' || $2::text)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      [storedText(REPLICA_PREFIX + id), storedText(text)],
    );
    await queries.run(`DELETE FROM notes WHERE ${IS_REPLICA} AND ${AT} < ${NOW} - $1::bigint`, [keptMs]);
    const rows = await queries.all(
      `SELECT name, value, ${NOW} AS now FROM notes WHERE ${IS_REPLICA} ORDER BY name COLLATE "C"`,
    );
    return rows.map((row) =>
      seenReplica({ name: String(row["name"]), value: String(row["value"]), now: Number(row["now"]) })
    );
  });
}

/** Does what `ReplicaStore.removeReplica` does. */
export async function removeReplica(queries: Queries, id: string): Promise<void> {
  await queries.run("DELETE FROM notes WHERE name = $1", [storedText(REPLICA_PREFIX + id)]);
}
