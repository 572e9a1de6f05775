import { protocolVersion } from "../protocol_version.ts";
import definitions from "./limits.sql" with { type: "text" };

/** Puts the version of the definitions into the names of tables and functions. */
export type Versioned = (sql: string) => string;

/** The version of the counts in PostgreSQL. */
export function postgresVersion(): Promise<string> {
  return protocolVersion(definitions);
}

/** Gives the names of this version to the tables (`limit_…`) and functions (`limits_…`) of a statement. */
export async function versionedNames(): Promise<Versioned> {
  const version = await postgresVersion();
  return (sql) => sql.replaceAll(/\blimit(s?)_(?=[a-z])/g, `limit$1_${version}_`);
}
