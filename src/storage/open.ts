import { holdAlone } from "./sqlite/hold.ts";
import { type Store, StoreError } from "./store.ts";

/** Opens the store that a URL names: `sqlite:./data/llm-proxy.db`. Throws a {@link StoreError}. */
export async function openStore(url: string): Promise<Store> {
  const [, scheme, rest = ""] = /^([a-z]+):(.+)$/.exec(url) ?? [];
  switch (scheme) {
    case "sqlite": {
      const { openHeldSqlite } = await import("./sqlite/open_held.ts");
      return await openHeldSqlite(sqlitePath(rest));
    }
    default:
      throw new StoreError("failed", `${url} names no database that is known here: write sqlite:FILE`);
  }
}

/** The file beside the database that holds the key which seals provider keys. */
export function keyFileOf(url: string): string {
  return `${sqlitePath(url).replace(/\.[^./\\]*$/, "")}.key`;
}

/** The folder in which the database and all that belongs to it stand. */
export function folderOf(url: string): string {
  return sqlitePath(url).replace(/[^/\\]*$/, "") || ".";
}

/** Whether the database is there, for those who would not make one. */
export function isThere(url: string): boolean {
  try {
    return Deno.statSync(sqlitePath(url)).isFile;
  } catch {
    return false;
  }
}

/**
 * The file of a URL, with or without its scheme: `sqlite:./data/x.db`, `///var/lib/x.db` or `//data/x.db`.
 */
export function sqlitePath(url: string): string {
  const rest = url.replace(/^sqlite:/, "");
  return rest.startsWith("//") ? rest.slice(2) : rest;
}

/**
 * Whether a program has the database open. Undefined: there is no database, or this user or file system cannot tell.
 */
export function isInUse(url: string): boolean | undefined {
  if (!isThere(url)) return undefined;
  try {
    const hold = holdAlone(sqlitePath(url));
    hold?.release();
    return hold === undefined;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}
