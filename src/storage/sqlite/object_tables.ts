/**
 * Objects in SQLite: background responses, batches and others. Call functions that write within a
 * transaction.
 */

import {
  type AwaitedObject,
  type ChangedObjects,
  CHANGES_MARGIN_MS,
  type KeptObject,
  type ObjectKey,
} from "../object_store.ts";
import type { ExchangeRow } from "../store.ts";
import { OBJECT_COLUMNS, objectOf } from "../rows/object_row.ts";
import type { Connection } from "./connection.ts";
import { insertExchanges } from "./exchange_tables.ts";

const INSERT = `INSERT INTO objects (${OBJECT_COLUMNS.map(([column]) => column).join(", ")}, changed_at)
  VALUES (${OBJECT_COLUMNS.map(() => "?").join(", ")}, ?) ON CONFLICT DO NOTHING`;

/** Adds an object. Returns `false` if the database has the object already. */
export function insertObject(database: Connection, object: AwaitedObject): boolean {
  const values = OBJECT_COLUMNS.map(([, value]) => value(object) ?? null);
  return database.run(INSERT, ...values, Date.now()).changes === 1;
}

/** The conditions that find an object, in the order in which they are tried. */
const BY_ENDPOINT = ["endpoint = ? AND results_id = ?", "endpoint = ? AND object_id = ?"];
const BY_ACCOUNT = ["provider_account = ? AND results_id = ?", "provider_account = ? AND object_id = ?"];

/** Finds an object by the id of its results, or by its own id: of the endpoint, or else of the account. */
export function findObject(
  database: Connection,
  { endpoint, id, providerAccount }: ObjectKey,
): KeptObject | undefined {
  for (const [place, conditions] of [[endpoint, BY_ENDPOINT], [providerAccount, BY_ACCOUNT]] as const) {
    if (place === undefined) continue;
    for (const condition of conditions) {
      const row = database.get(`SELECT * FROM objects WHERE ${condition}`, place, id);
      if (row !== undefined) return objectOf(row);
    }
  }
  return undefined;
}

/** Raises the received bytes of an object that is not settled. */
export function raiseReceivedBytes(database: Connection, key: ObjectKey, bytes: number): void {
  const object = findObject(database, key);
  if (object === undefined || object.settled !== undefined || object.receivedBytes >= bytes) return;
  database.run(
    "UPDATE objects SET received_bytes = ? WHERE endpoint = ? AND object_id = ?",
    bytes,
    object.endpoint,
    object.id,
  );
}

/** Lists the objects that are not settled, oldest first. */
export function listUnsettledObjects(database: Connection): AwaitedObject[] {
  return database.all("SELECT * FROM objects WHERE settled_at IS NULL ORDER BY made_at").map(objectOf);
}

/** Does what `AwaitedObjectStore.listChangedObjects` does. All programs on the file have the same clock. */
export function listChangedObjects(database: Connection, since?: number): ChangedObjects {
  const at = Date.now();
  // The clock may have been set back.
  const from = Math.min(since ?? at, at) - CHANGES_MARGIN_MS;
  const rows = database.all("SELECT * FROM objects WHERE changed_at >= ?", from);
  return { objects: rows.map(objectOf), at };
}

/** Sets the id of the file with the results, if the object has none. */
export function setResultsId(
  database: Connection,
  { endpoint, id }: ObjectKey,
  resultsId: string,
): void {
  database.run(
    "UPDATE objects SET results_id = ?, changed_at = ? WHERE endpoint = ? AND object_id = ? AND results_id IS NULL",
    resultsId,
    Date.now(),
    endpoint,
    id,
  );
}

/** Settles an object and writes its usage. Returns `false` if it was settled before. */
export function settleObject(
  database: Connection,
  object: AwaitedObject,
  { at, micros, rows }: { at: number; micros: number; rows: readonly ExchangeRow[] },
): boolean {
  insertObject(database, object);
  const { changes } = database.run(
    `UPDATE objects SET settled_at = ?, settled_micros = ?, changed_at = ?
     WHERE endpoint = ? AND object_id = ? AND settled_at IS NULL`,
    at,
    micros,
    Date.now(),
    object.endpoint,
    object.id,
  );
  if (changes !== 1) return false;
  insertExchanges(database, rows);
  return true;
}

/** Deletes settled objects: those created before a moment, and the oldest beyond a number. */
export function pruneObjects(
  database: Connection,
  { madeBefore, maxSettled }: { madeBefore: number; maxSettled: number },
): void {
  database.run("DELETE FROM objects WHERE settled_at IS NOT NULL AND made_at < ?", madeBefore);
  database.run(
    `DELETE FROM objects WHERE settled_at IS NOT NULL AND made_at <=
       (SELECT made_at FROM objects WHERE settled_at IS NOT NULL ORDER BY made_at DESC LIMIT 1 OFFSET ?)`,
    maxSettled,
  );
}
