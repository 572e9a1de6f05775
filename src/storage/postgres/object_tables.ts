/** Objects in PostgreSQL: background responses, batches and others. */

import {
  type AwaitedObject,
  type ChangedObjects,
  CHANGES_MARGIN_MS,
  type KeptObject,
  type ObjectKey,
} from "../object_store.ts";
import { OBJECT_COLUMNS, objectOf } from "../rows/object_row.ts";
import type { ExchangeRow } from "../store.ts";
import { insertExchanges } from "./exchange_insert.ts";
import type { Queries } from "./pool.ts";
import { storedText } from "./stored_text.ts";

const NAMES = OBJECT_COLUMNS.map(([column]) => column).join(", ");
/** The present time of the server, in milliseconds since 1970. */
const NOW = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const INSERT = `INSERT INTO objects (${NAMES}, changed_at)
  VALUES (${OBJECT_COLUMNS.map((_, index) => `$${index + 1}`).join(", ")}, ${NOW})
  ON CONFLICT (endpoint, object_id) DO NOTHING`;
const SELECT = `SELECT ${NAMES}, settled_at, settled_micros FROM objects`;

/** Adds an object. Resolves with `false` if the database has the object already. */
export async function insertObject(queries: Queries, object: AwaitedObject): Promise<boolean> {
  const values = OBJECT_COLUMNS.map(([, value]) => storedValue(value(object)));
  return await queries.run(INSERT, values) === 1;
}

/** Finds an object by the id of its results, or by its own id: of the endpoint, or else of the account. */
export async function findObject(
  queries: Queries,
  { endpoint, id, providerAccount }: ObjectKey,
): Promise<KeptObject | undefined> {
  // Each condition has an index. The first one that finds an object counts.
  const row = await queries.get(
    `SELECT * FROM (
       (${SELECT.replace(" FROM", ", 1 AS place FROM")} WHERE endpoint = $1 AND results_id = $2 LIMIT 1)
       UNION ALL
       (${SELECT.replace(" FROM", ", 2 FROM")} WHERE endpoint = $1 AND object_id = $2 LIMIT 1)
       UNION ALL
       (${SELECT.replace(" FROM", ", 3 FROM")} WHERE provider_account = $3 AND results_id = $2 LIMIT 1)
       UNION ALL
       (${SELECT.replace(" FROM", ", 4 FROM")} WHERE provider_account = $3 AND object_id = $2 LIMIT 1)
     ) AS found ORDER BY place LIMIT 1`,
    [storedText(endpoint), storedText(id), providerAccount ?? null],
  );
  return row && objectOf(row);
}

/** Raises the received bytes of an object that is not settled. */
export async function raiseReceivedBytes(queries: Queries, key: ObjectKey, bytes: number): Promise<void> {
  const object = await findObject(queries, key);
  if (object === undefined) return;
  await queries.run(
    `UPDATE objects SET received_bytes = $1
     WHERE endpoint = $2 AND object_id = $3 AND settled_at IS NULL AND received_bytes < $1`,
    [bytes, object.endpoint, object.id],
  );
}

/** Lists the objects that are not settled, oldest first. */
export async function listUnsettledObjects(queries: Queries): Promise<AwaitedObject[]> {
  return (await queries.all(`${SELECT} WHERE settled_at IS NULL ORDER BY made_at`)).map(objectOf);
}

/** Does what `AwaitedObjectStore.listChangedObjects` does. */
export async function listChangedObjects(queries: Queries, since?: number): Promise<ChangedObjects> {
  const at = Number((await queries.get(`SELECT ${NOW} AS at`))?.["at"]);
  // The clock of the server may have been set back.
  const from = Math.min(since ?? at, at) - CHANGES_MARGIN_MS;
  const rows = await queries.all(`${SELECT} WHERE changed_at >= $1`, [from]);
  return { objects: rows.map(objectOf), at };
}

/** Sets the id of the file with the results, if the object has none. */
export async function setResultsId(
  queries: Queries,
  { endpoint, id }: ObjectKey,
  resultsId: string,
): Promise<void> {
  await queries.run(
    `UPDATE objects SET results_id = $1, changed_at = ${NOW}
     WHERE endpoint = $2 AND object_id = $3 AND results_id IS NULL`,
    [storedText(resultsId), storedText(endpoint), storedText(id)],
  );
}

/**
 * Settles an object and writes its usage. Resolves with `false` if it was settled before. Of several programs
 * that try at the same time, the others wait for the first one. Call it within a transaction.
 */
export async function settleObject(
  queries: Queries,
  object: AwaitedObject,
  { at, micros, rows }: { at: number; micros: number; rows: readonly ExchangeRow[] },
): Promise<boolean> {
  await insertObject(queries, object);
  const changes = await queries.run(
    `UPDATE objects SET settled_at = $1, settled_micros = $2, changed_at = ${NOW}
     WHERE endpoint = $3 AND object_id = $4 AND settled_at IS NULL`,
    [at, micros, storedText(object.endpoint), storedText(object.id)],
  );
  if (changes !== 1) return false;
  await insertExchanges(queries, rows);
  return true;
}

/** Deletes settled objects: those created before a moment, and the oldest beyond a number. */
export async function pruneObjects(
  queries: Queries,
  { madeBefore, maxSettled }: { madeBefore: number; maxSettled: number },
): Promise<void> {
  await queries.run("DELETE FROM objects WHERE settled_at IS NOT NULL AND made_at < $1", [madeBefore]);
  await queries.run(
    `DELETE FROM objects WHERE settled_at IS NOT NULL AND made_at <=
       (SELECT made_at FROM objects WHERE settled_at IS NOT NULL ORDER BY made_at DESC LIMIT 1 OFFSET $1)`,
    [maxSettled],
  );
}

function storedValue(value: string | number | undefined): string | number | null {
  return typeof value === "string" ? storedText(value) : value ?? null;
}
