/** The permissions of the program that a connection to PostgreSQL needs. */

import { hostAndPort } from "../network/host_port.ts";
import { isPostgresUrl } from "../network/postgres_url.ts";
import { postgresUrlOf } from "../storage/open.ts";

/** The rights that a connection to PostgreSQL needs. */
export interface PostgresRights {
  readonly net: readonly string[];
  /** The paths of Unix sockets, which are read and written. */
  readonly sockets: readonly string[];
  readonly files: readonly string[];
  readonly variables: readonly string[];
}

const NOTHING: PostgresRights = { net: [], sockets: [], files: [], variables: [] };

/**
 * Returns the rights for the address of the database, and for no other. Empty for a database that is not
 * PostgreSQL. The driver reads environment variables of PostgreSQL.
 */
export function postgresRights(databaseUrl: string | undefined): PostgresRights {
  if (databaseUrl === undefined || !isPostgresUrl(databaseUrl)) return NOTHING;
  const { host, port, sslRootCert, passFile } = postgresUrlOf(databaseUrl);
  const isSocket = host.startsWith("/");
  const socket = `${host.replace(/\/$/, "")}/.s.PGSQL.${port}`;
  return {
    net: [isSocket ? `unix:${socket}` : hostAndPort({ hostname: host, port })],
    sockets: isSocket ? [socket] : [],
    files: [sslRootCert, passFile].filter((file) => file !== undefined),
    variables: ["PG*"],
  };
}
