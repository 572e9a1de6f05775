import { parsePostgresUrl } from "../../../network/postgres_url.ts";
import { PostgresPool } from "../../../storage/postgres/pool.ts";
import { findServer } from "../../../storage/postgres/server.ts";
import type { LimitQueries } from "./postgres_server.ts";

/** Connects to a PostgreSQL database for shared limits. Its connections are not those of the store. */
export async function connectLimits(url: string): Promise<LimitQueries> {
  const parsed = parsePostgresUrl(url);
  if ("problems" in parsed) throw new TypeError(`the URL of the limits ${parsed.problems.join(", and ")}`);
  return new PostgresPool(await findServer(parsed));
}
