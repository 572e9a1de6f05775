import { statfsSync } from "node:fs";
import type { ManagementConfig } from "../../config/config.ts";
import { folderOf, sqlitePath } from "../../storage/open.ts";
import { sizeOf } from "../files.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("disk");

const MB = 1024 * 1024;
/** A busy day's exchanges. */
const LEAST_BYTES = 50 * MB;
const LITTLE_BYTES = 500 * MB;
const ADVICE = "make room, shorten RETENTION_DAYS or BACKUP_KEEP, or move the database with DATABASE_URL";

/** Whether there is room where the database is, and for a copy of it. Nothing where the system does not tell. */
export function checkDisk({ databaseUrl }: ManagementConfig): Finding[] {
  const folder = presentFolder(folderOf(databaseUrl));
  const free = freeBytes(folder);
  if (free === undefined) return [];
  const size = sizeOf(sqlitePath(databaseUrl));
  const text = `${sizeText(free)} are free at ${folder}`;
  if (free < LEAST_BYTES) return [problem(text, ADVICE)];
  if (free < size) return [warning(`${text}, and a copy of the database takes ${sizeText(size)}`, ADVICE)];
  return [free < LITTLE_BYTES ? warning(text, ADVICE) : ok(text)];
}

/** The next one above that is there: the folder itself is made at the first start. */
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
    return undefined; // the right to ask was not given, or the system has no answer
  }
}


function sizeText(bytes: number): string {
  return bytes < 10 * 1024 * MB ? `${Math.floor(bytes / MB)} MB` : `${Math.floor(bytes / (1024 * MB))} GB`;
}
