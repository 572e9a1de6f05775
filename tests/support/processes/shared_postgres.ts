/** The PostgreSQL of the tests of one isolate. It starts when the first file is loaded, before its tests. */

import { PostgresServer, withoutPostgres } from "./postgres_server.ts";

/** The server; `undefined` if none can be started here. */
export const sharedPostgres: PostgresServer | undefined = withoutPostgres() === undefined
  ? await PostgresServer.start()
  : undefined;

/** The server, for tests that are ignored without one. */
export function postgres(): PostgresServer {
  if (sharedPostgres === undefined) throw new Error("there is no PostgreSQL here");
  return sharedPostgres;
}

/** Runs work with the URL and the name of an empty database, which has all tables. */
export async function inDatabase(work: (url: string, name: string) => Promise<void>): Promise<void> {
  const name = await postgres().takeDatabase();
  await work(postgres().url(name), name);
  postgres().giveBack(name);
}
