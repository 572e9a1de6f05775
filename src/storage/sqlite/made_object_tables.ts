/** The makers of objects at providers, in SQLite. Call functions that write within a transaction. */

import type { MadeObject, ObjectMaker } from "../object_store.ts";
import { madeObjectOf, objectMakerOf } from "../rows/made_object_row.ts";
import type { Connection } from "./connection.ts";

/** Adds objects with their makers. The first maker of an object stays. */
export function insertMadeObjects(database: Connection, objects: readonly MadeObject[]): void {
  for (const { account, id, backend, maker, projectId = null, madeAt, expiresAt } of objects) {
    database.run(
      "INSERT INTO made_objects VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      ...[account, id, backend, maker, projectId, madeAt, expiresAt],
    );
    database.run(
      "INSERT INTO object_makers VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      ...[account, maker, projectId],
    );
  }
}

/** Deletes objects with their makers, each at one account. */
export function deleteMadeObjects(
  database: Connection,
  objects: readonly Pick<MadeObject, "account" | "id">[],
): void {
  for (const { account, id } of objects) {
    database.run("DELETE FROM made_objects WHERE object_id = ? AND account = ?", ...[id, account]);
  }
}

/** Finds objects by their ids, at all accounts. */
export function findMadeObjects(database: Connection, ids: readonly string[]): MadeObject[] {
  return database.all(
    "SELECT made_objects.* FROM json_each(?) CROSS JOIN made_objects ON object_id = json_each.value",
    JSON.stringify(ids),
  ).map(madeObjectOf);
}

/** Lists the tokens that made objects, by account. */
export function listObjectMakers(database: Connection): ObjectMaker[] {
  return database.all("SELECT * FROM object_makers").map(objectMakerOf);
}

/** Deletes expired objects, and the oldest ones beyond a number for each maker at an account and for all. */
export function pruneMadeObjects(
  database: Connection,
  { now, maxOfMaker, max }: { now: number; maxOfMaker: number; max: number },
): void {
  database.run("DELETE FROM made_objects WHERE expires_at < ?", now);
  const makers = database.all(
    "SELECT maker, account FROM made_objects GROUP BY maker, account HAVING count(*) > ?",
    maxOfMaker,
  );
  for (const row of makers) {
    const [maker, account] = [String(row["maker"]), String(row["account"])];
    database.run(
      `DELETE FROM made_objects WHERE maker = ? AND account = ? AND made_at <=
         (SELECT made_at FROM made_objects WHERE maker = ? AND account = ? ORDER BY made_at DESC LIMIT 1 OFFSET ?)`,
      ...[maker, account, maker, account, maxOfMaker],
    );
  }
  database.run(
    `DELETE FROM made_objects WHERE made_at <=
       (SELECT made_at FROM made_objects ORDER BY made_at DESC LIMIT 1 OFFSET ?)`,
    max,
  );
}
