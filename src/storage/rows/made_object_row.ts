/** Makes objects with their makers of their rows. */

import type { MadeObject, ObjectMaker } from "../object_store.ts";
import type { Row } from "./row.ts";

/** Makes an object of its row. */
export function madeObjectOf(row: Row): MadeObject {
  return {
    account: String(row["account"]),
    id: String(row["object_id"]),
    backend: String(row["backend"]),
    maker: String(row["maker"]),
    projectId: makersProject(row),
    madeAt: Number(row["made_at"]),
    expiresAt: Number(row["expires_at"]),
  };
}

/** The project of a maker. */
function makersProject(row: Row): string | undefined {
  return row["project_id"] === null ? undefined : String(row["project_id"]);
}

/** Makes a maker of its row. */
export function objectMakerOf(row: Row): ObjectMaker {
  return { account: String(row["account"]), maker: String(row["maker"]), projectId: makersProject(row) };
}
