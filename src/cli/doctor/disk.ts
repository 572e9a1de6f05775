/** The check of disk space. */

import { statfsSync } from "node:fs";
import type { ManagementConfig } from "../../config/config.ts";
import { isPostgresUrl } from "../../network/postgres_url.ts";
import { folderOf, sqlitePath } from "../../storage/open.ts";
import { sizeOf } from "../files.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("disk");

const MB = 1024 * 1024;
/** The least free space, in bytes. It is enough for the exchanges of a busy day. */
const LEAST_BYTES = 50 * MB;
const LITTLE_BYTES = 500 * MB;
const ADVICE = "free disk space, lower RETENTION_DAYS or BACKUP_KEEP, or move the database with DATABASE_URL";

/**
 * Checks the free space for the database and for a copy of it. Returns no finding if the system does not
 * report the free space.
 */
export function checkDisk({ databaseUrl }: ManagementConfig): Finding[] {
  // A PostgreSQL server has a separate disk.
  if (isPostgresUrl(databaseUrl)) return [];
  const folder = presentFolder(folderOf(databaseUrl));
  const free = freeBytes(folder);
  if (free === undefined) return [];
  const size = sizeOf(sqlitePath(databaseUrl));
  const text = `${sizeText(free)} free in ${folder}`;
  if (free < LEAST_BYTES) return [problem(text, ADVICE)];
  if (free < size) return [warning(`${text}, but a copy of the database needs ${sizeText(size)}`, ADVICE)];
  return [free < LITTLE_BYTES ? warning(text, ADVICE) : ok(text)];
}

/** Returns the folder, or the nearest parent that exists, because the first start creates the folder. */
function presentFolder(folder: string): string {
  try {
    Deno.statSync(folder);
    return folder;
  } catch {
    const above = folder.replace(/[/\\]+$/, "").replace(/[^/\\]+$/, "");
    return above === "" || above === folder ? "." : presentFolder(above);
  }
}

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined; // no permission, or not supported by the system
  }
}

function sizeText(bytes: number): string {
  return bytes < 10 * 1024 * MB ? `${Math.floor(bytes / MB)} MB` : `${Math.floor(bytes / (1024 * MB))} GB`;
}
