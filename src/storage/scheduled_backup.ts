/** Copies the database into a folder at intervals, and keeps the newest copies. */

import type { Clock } from "../time/clock.ts";
import type { DatabaseCopies } from "./store.ts";
import { messageOf } from "../text/error_text.ts";

/** How often to check whether a backup is due. A setting may have changed, or the machine slept. */
const CHECK_MS = 60_000;
const NAME = /^llm-proxy-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z\.db$/;
/** Files that a program leaves if it is killed during a copy. */
const UNFINISHED = /^llm-proxy-\d{8}T\d{6}Z\.db\.part(?:-journal)?$/;

/** The settings of scheduled backups. */
export interface BackupSchedule {
  /** The time between two backups, in milliseconds. */
  readonly everyMs: number;
  /** The number of copies to keep. Older copies are deleted. */
  readonly keep: number;
  /** The path of the folder that the copies are written to. */
  readonly folder: string;
}

/** The dependencies and callbacks of {@link backupOnSchedule}. */
export interface ScheduledBackupParts {
  readonly clock: Clock;
  /** The settings, which a reload can change; `undefined` if scheduled backups are off. */
  readonly schedule: () => BackupSchedule | undefined;
  /** Called after each backup, with the path of the file. */
  readonly onDone: (file: string) => void;
  /** Gets the reason why a backup failed. The next try follows after a quarter of the interval. */
  readonly onFailed: (reason: string) => void;
}

/**
 * Checks once a minute whether a backup is due. The returned function stops it, and resolves after a running
 * copy.
 */
export function backupOnSchedule(
  copies: Pick<DatabaseCopies, "backup">,
  { clock, schedule, onDone, onFailed }: ScheduledBackupParts,
): () => Promise<void> {
  let running = Promise.resolve();
  let waitUntilMs = 0;
  const backUpIfDue = async (): Promise<void> => {
    const plan = schedule();
    if (plan === undefined || clock.epochMs() < waitUntilMs && waitUntilMs < clock.epochMs() + plan.everyMs) {
      return;
    }
    try {
      if (!isDue(plan, clock.epochMs())) return;
      onDone(await makeBackup(copies, plan, clock.epochMs()));
    } catch (error) {
      waitUntilMs = clock.epochMs() + plan.everyMs / 4;
      onFailed(messageOf(error));
    }
  };
  const tick = (): void => {
    running = backUpIfDue().then(() => {
      if (!hasEnded) cancel = clock.after(CHECK_MS, tick);
    });
  };
  let hasEnded = false;
  let cancel = clock.after(CHECK_MS, tick);
  return () => {
    hasEnded = true;
    cancel();
    return running;
  };
}

/** Copies with a future time do not count. The clock was wrong when they were made. */
function isDue({ folder, everyMs }: BackupSchedule, now: number): boolean {
  const newest = copiesIn(folder).map(({ at }) => at).filter((at) => at <= now + everyMs).at(-1);
  return newest === undefined || now - newest >= everyMs;
}

async function makeBackup(
  copies: Pick<DatabaseCopies, "backup">,
  { folder, keep }: BackupSchedule,
  now: number,
): Promise<string> {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkFolder(folder);
  for (const { name } of Deno.readDirSync(folder)) {
    if (UNFINISHED.test(name)) Deno.removeSync(`${folder}/${name}`);
  }
  const name = `llm-proxy-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, "")}.db`;
  const unfinished = `${folder}/${name}.part`;
  Deno.openSync(unfinished, { write: true, createNew: true, mode: 0o600 }).close();
  try {
    await copies.backup(unfinished);
    Deno.renameSync(unfinished, `${folder}/${name}`);
  } catch (error) {
    Deno.removeSync(unfinished);
    throw error;
  }
  // Copies with a future time come from a wrong clock or another program. They do not count towards `keep`.
  const others = copiesIn(folder).filter((copy) => copy.name !== name && copy.at <= now);
  for (const old of others.slice(0, Math.max(0, others.length - (keep - 1)))) {
    Deno.removeSync(`${folder}/${old.name}`);
  }
  return `${folder}/${name}`;
}

/** Throws if every account of the machine could replace files in the folder. */
function checkFolder(folder: string): void {
  const { mode } = Deno.statSync(folder);
  const isOpenToAll = mode !== null && (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
  if (isOpenToAll) {
    throw new Error(
      `every account of this machine can write to ${folder}: remove that permission (chmod o-w)`,
    );
  }
}

/** Lists the copies in the folder, oldest first. Files with other names belong to other programs. */
function copiesIn(folder: string): { name: string; at: number }[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return entries.flatMap(({ name }) => {
    const [, ...parts] = NAME.exec(name) ?? [];
    const [year = 0, month = 0, day, hour, minute, second] = parts.map(Number);
    return parts.length === 0 ? [] : [{ name, at: Date.UTC(year, month - 1, day, hour, minute, second) }];
  }).sort((a, b) => a.at - b.at);
}
