import { type OpenOptions, type Store, StoreError } from "./store.ts";

/**
 * Opens the database that a URL names, such as `sqlite:./data/llm-proxy.db`. Throws a {@link StoreError}. A
 * second adapter adds its scheme here, and to the functions below that ask for the file of a database.
 */
export async function openStore(url: string, options: OpenOptions = {}): Promise<Store> {
  const [, scheme, rest = ""] = /^([a-z]+):(.+)$/.exec(url) ?? [];
  switch (scheme) {
    case "sqlite": {
      const { openLockedSqlite } = await import("./sqlite/open_locked.ts");
      return await openLockedSqlite(sqlitePath(rest), options);
    }
    default:
      throw new StoreError("failed", `${url} is not a supported database URL: use sqlite:FILE`);
  }
}

/** The path of the key file beside the database. Its key encrypts provider keys. */
export function keyFileOf(url: string): string {
  return `${sqlitePath(url).replace(/\.[^./\\]*$/, "")}.key`;
}

/** The folder of the database and its other files. */
export function folderOf(url: string): string {
  return sqlitePath(url).replace(/[^/\\]*$/, "") || ".";
}

/** Whether the database file exists. Does not create it. */
export function databaseExists(url: string): boolean {
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
