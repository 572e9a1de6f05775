import {
  isPostgresUrl,
  LOCAL_FOLDER,
  parsePostgresUrl,
  type PostgresUrl,
  shownPostgresUrl,
} from "../network/postgres_url.ts";
import { type OpenOptions, type Store, StoreError } from "./store.ts";

/**
 * Opens the database that a URL names, such as `sqlite:./data/llm-proxy.db`. Throws a {@link StoreError}. A
 * further adapter adds its scheme here, and to the functions below that ask for the file of a database.
 */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  if (isPostgresUrl(url)) {
    const parsed = parsePostgresUrl(url);
    if ("problems" in parsed) {
      throw new StoreError("failed", `the database URL ${parsed.problems.join("; it ")}`);
    }
    const { openPostgres } = await import("./postgres/postgres.ts");
    return await openPostgres(parsed);
  }
  const [, rest] = /^sqlite:(.+)$/.exec(url) ?? [];
  if (rest === undefined) {
    throw new StoreError("failed", "this is not a supported database URL: use sqlite:FILE or postgres://…");
  }
  const { openLockedSqlite } = await import("./sqlite/open_locked.ts");
  return await openLockedSqlite(sqlitePath(rest), options);
}

/** Reads the URL of a PostgreSQL database. Throws a {@link StoreError}. */
export function postgresUrlOf(url: string): PostgresUrl {
  const parsed = parsePostgresUrl(url);
  if (!("problems" in parsed)) return parsed;
  throw new StoreError("failed", `the database URL ${parsed.problems.join("; it ")}`);
}

/** The URL of a database for users: without a password. */
export function shownDatabase(url: string): string {
  if (!isPostgresUrl(url)) return url;
  const parsed = parsePostgresUrl(url);
  return "problems" in parsed ? "postgres://…" : shownPostgresUrl(parsed);
}

/**
 * The path of the key file beside the database. Its key encrypts provider keys. `undefined` if the database
 * is no file: then the configuration must have the key.
 */
export function keyFileOf(url: string): string | undefined {
  return isPostgresUrl(url) ? undefined : `${sqlitePath(url).replace(/\.[^./\\]*$/, "")}.key`;
}

/** The folder of the database and its other files, or of the other files alone. */
export function folderOf(url: string): string {
  return isPostgresUrl(url) ? LOCAL_FOLDER : sqlitePath(url).replace(/[^/\\]*$/, "") || ".";
}

/**
 * Whether the database file exists. Does not create it. `true` if the database is no file: opening it finds
 * out.
 */
export function databaseExists(url: string): boolean {
  if (isPostgresUrl(url)) return true;
  try {
    return Deno.statSync(sqlitePath(url)).isFile;
  } catch {
    return false;
  }
}

/**
 * The file of a `sqlite:` URL, with or without the scheme: `sqlite:./data/x.db`, `///var/lib/x.db`,
 * `//data/x.db`.
 */
export function sqlitePath(url: string): string {
  const rest = url.replace(/^sqlite:/, "");
  return rest.startsWith("//") ? rest.slice(2) : rest;
}
