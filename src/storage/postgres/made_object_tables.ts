/** The makers of objects at providers, in PostgreSQL. */

import type { MadeObject, ObjectMaker } from "../object_store.ts";
import { madeObjectOf, objectMakerOf } from "../rows/made_object_row.ts";
import type { Queries } from "./pool.ts";
import { storedJson, storedText } from "./stored_text.ts";

/** Adds objects with their makers. The first maker of an object stays. Call it within a transaction. */
export async function insertMadeObjects(queries: Queries, objects: readonly MadeObject[]): Promise<void> {
  if (objects.length === 0) return;
  const rows = objects.map(({ account, id, backend, maker, projectId, madeAt, expiresAt }) => (
    { account, object_id: id, backend, maker, project_id: projectId, made_at: madeAt, expires_at: expiresAt }
  ));
  const json = storedJson(rows.sort((one, other) => orderOf(one) < orderOf(other) ? -1 : 1));
  await queries.run(
    `INSERT INTO made_objects (account, object_id, backend, maker, project_id, made_at, expires_at)
     SELECT * FROM json_to_recordset($1) AS rows (account text, object_id text, backend text, maker text,
       project_id text, made_at bigint, expires_at bigint)
     ON CONFLICT (object_id, account) DO NOTHING`,
    [json],
  );
  await queries.run(
    `INSERT INTO object_makers (account, maker, project_id)
     SELECT account, maker, max(project_id) FROM json_to_recordset($1)
       AS rows (account text, maker text, project_id text) GROUP BY account, maker ORDER BY account, maker
     ON CONFLICT (account, maker) DO NOTHING`,
    [json],
  );
}

/** The order in which rows are locked. It is the same in all programs. */
function orderOf({ object_id, account }: { object_id: string; account: string }): string {
  return `${object_id}\0${account}`;
}

/** Deletes objects with their makers, each at one account. */
export async function deleteMadeObjects(
  queries: Queries,
  objects: readonly Pick<MadeObject, "account" | "id">[],
): Promise<void> {
  await queries.run(
    `DELETE FROM made_objects USING json_to_recordset($1) AS rows (account text, id text)
     WHERE made_objects.object_id = rows.id AND made_objects.account = rows.account`,
    [storedJson(objects.map(({ account, id }) => ({ account, id })))],
  );
}

/** Finds objects by their ids, at all accounts. */
export async function findMadeObjects(queries: Queries, ids: readonly string[]): Promise<MadeObject[]> {
  if (ids.length === 0) return [];
  const rows = await queries.all(
    `SELECT account, object_id, backend, maker, project_id, made_at, expires_at FROM made_objects
     WHERE object_id = ANY($1)`,
    [ids.map(storedText)],
  );
  return rows.map(madeObjectOf);
}

/** Lists the tokens that made objects, by account. */
export async function listObjectMakers(queries: Queries): Promise<ObjectMaker[]> {
  return (await queries.all("SELECT account, maker, project_id FROM object_makers")).map(objectMakerOf);
}

/** Deletes expired objects, and the oldest ones beyond a number for each maker at an account and for all. */
export async function pruneMadeObjects(
  queries: Queries,
  { now, maxOfMaker, max }: { now: number; maxOfMaker: number; max: number },
): Promise<void> {
  await queries.run("DELETE FROM made_objects WHERE expires_at < $1", [now]);
  const makers = await queries.all(
    "SELECT maker, account FROM made_objects GROUP BY maker, account HAVING count(*) > $1",
    [maxOfMaker],
  );
  for (const row of makers) {
    await queries.run(
      `DELETE FROM made_objects WHERE maker = $1 AND account = $2 AND made_at <=
         (SELECT made_at FROM made_objects WHERE maker = $1 AND account = $2
          ORDER BY made_at DESC LIMIT 1 OFFSET $3)`,
      [row["maker"], row["account"], maxOfMaker],
    );
  }
  await queries.run(
    `DELETE FROM made_objects WHERE made_at <=
       (SELECT made_at FROM made_objects ORDER BY made_at DESC LIMIT 1 OFFSET $1)`,
    [max],
  );
}
