/** Claims of tasks and the programs on one database, as notes. */

import {
  CLOCK_STEP_MS,
  REPLICA_PREFIX,
  type SeenReplica,
  seenReplica,
  TASK_PREFIX,
} from "../replica_store.ts";
import type { Connection } from "./connection.ts";

const IS_REPLICA = `substr(name, 1, ${REPLICA_PREFIX.length}) = '${REPLICA_PREFIX}'`;
const AT = "CAST(value AS INTEGER)";

/** Does what `ReplicaStore.claimTask` does, at a time in milliseconds since 1970. */
export function claimTask(database: Connection, name: string, everyMs: number, now: number): boolean {
  const { changes } = database.run(
    `INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
     WHERE ${AT.replace("value", "notes.value")} NOT BETWEEN ? AND ?`,
    TASK_PREFIX + name,
    String(now),
    now - everyMs + 1,
    now + CLOCK_STEP_MS,
  );
  return changes > 0;
}

/** Does what `ReplicaStore.announceReplica` does, at a time in milliseconds since 1970. */
export function announceReplica(
  database: Connection,
  { id, text, keptMs, now }: { id: string; text: string; keptMs: number; now: number },
): SeenReplica[] {
  database.run("INSERT OR REPLACE INTO notes VALUES (?, ?)", REPLICA_PREFIX + id, `${now} ${text}`);
  database.run(`DELETE FROM notes WHERE ${IS_REPLICA} AND ${AT} < ?`, now - keptMs);
  return database.all(`SELECT name, value FROM notes WHERE ${IS_REPLICA} ORDER BY name`)
    .map((row) => seenReplica({ name: String(row["name"]), value: String(row["value"]), now }));
}

/** Does what `ReplicaStore.removeReplica` does. */
export function removeReplica(database: Connection, id: string): void {
  database.run("DELETE FROM notes WHERE name = ?", REPLICA_PREFIX + id);
}
