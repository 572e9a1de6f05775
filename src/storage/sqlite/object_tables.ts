/**
 * Objects in SQLite: background responses, batches and others. Call functions that write within a
 * transaction.
 */

import type { SQLInputValue } from "node:sqlite";
import type { AwaitedObject, KeptObject, ObjectKey } from "../object_store.ts";
import type { ExchangeRow } from "../store.ts";
import type { Connection, Row } from "./connection.ts";
import { insertExchanges } from "./exchange_tables.ts";

/** The columns of an object, and the value of each. */
const COLUMNS: readonly (readonly [string, (object: AwaitedObject) => SQLInputValue | undefined])[] = [
  ["endpoint", ({ endpoint }) => endpoint],
  ["object_id", ({ id }) => id],
  ["kind", ({ kind }) => kind],
  ["results_id", ({ resultsId }) => resultsId],
  ["request_id", ({ requestId }) => requestId],
  ["path", ({ path }) => path],
  ["provider", ({ provider }) => provider],
  ["backend", ({ backend }) => backend],
  ["principal", ({ principal }) => principal],
  ["token_id", ({ tokenId }) => tokenId],
  ["project_id", ({ projectId }) => projectId],
  ["client", ({ client }) => client],
  ["model", ({ model }) => model],
  ["tier", ({ tier }) => tier],
  ["model_rules", ({ modelRules }) => JSON.stringify(modelRules)],
  ["reserved_tokens", ({ reservedTokens }) => reservedTokens],
  ["reserved_micros", ({ reservedMicros }) => reservedMicros],
  ["received_bytes", ({ receivedBytes }) => receivedBytes],
  ["provider_account", ({ providerAccount }) => providerAccount],
  ["made_at", ({ madeAt }) => madeAt],
  ["expires_at", ({ expiresAt }) => expiresAt],
];
const INSERT = `INSERT INTO objects (${COLUMNS.map(([column]) => column).join(", ")}, changed_at)
  VALUES (${COLUMNS.map(() => "?").join(", ")}, ?) ON CONFLICT DO NOTHING`;

/** Adds an object. Returns `false` if the database has the object already. */
export function insertObject(database: Connection, object: AwaitedObject, at: number): boolean {
  return database.run(INSERT, ...COLUMNS.map(([, value]) => value(object) ?? null), at).changes === 1;
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

/** Lists the objects that were changed at a moment or later. */
export function listChangedObjects(database: Connection, since: number): KeptObject[] {
  return database.all("SELECT * FROM objects WHERE changed_at >= ?", since).map(objectOf);
}

/** Sets the id of the file with the results, if the object has none. */
export function setResultsId(
  database: Connection,
  { endpoint, id }: ObjectKey,
  { resultsId, at }: { resultsId: string; at: number },
): void {
  database.run(
    "UPDATE objects SET results_id = ?, changed_at = ? WHERE endpoint = ? AND object_id = ? AND results_id IS NULL",
    resultsId,
    at,
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
  insertObject(database, object, at);
  const { changes } = database.run(
    `UPDATE objects SET settled_at = ?, settled_micros = ?, changed_at = ?
     WHERE endpoint = ? AND object_id = ? AND settled_at IS NULL`,
    at,
    micros,
    at,
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

function objectOf(row: Row): KeptObject {
  const text = (column: string) => row[column] === null ? undefined : String(row[column]);
  return {
    endpoint: String(row["endpoint"]),
    id: String(row["object_id"]),
    kind: String(row["kind"]),
    resultsId: text("results_id"),
    requestId: String(row["request_id"]),
    path: String(row["path"]),
    provider: text("provider"),
    backend: text("backend"),
    principal: String(row["principal"]),
    tokenId: text("token_id"),
    projectId: text("project_id"),
    client: String(row["client"]),
    model: text("model"),
    tier: text("tier"),
    modelRules: JSON.parse(String(row["model_rules"])),
    reservedTokens: Number(row["reserved_tokens"]),
    reservedMicros: Number(row["reserved_micros"]),
    receivedBytes: Number(row["received_bytes"]),
    providerAccount: text("provider_account"),
    madeAt: Number(row["made_at"]),
    expiresAt: Number(row["expires_at"]),
    settled: row["settled_at"] === null
      ? undefined
      : { at: Number(row["settled_at"]), micros: Number(row["settled_micros"]) },
  };
}
