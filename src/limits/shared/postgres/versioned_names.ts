import { protocolVersion } from "../protocol_version.ts";
import definitions from "./limits.sql" with { type: "text" };

/** Puts the version of the definitions into the names of tables and functions. */
export type Versioned = (sql: string) => string;

/** Gives the names of this version to the tables (`limit_…`) and functions (`limits_…`) of a statement. */
export async function versionedNames(): Promise<Versioned> {
  const version = await protocolVersion(definitions);
  return (sql) => sql.replaceAll(/\blimit(s?)_(?=[a-z])/g, `limit$1_${version}_`);
}
