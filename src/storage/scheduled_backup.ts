/** Copies the database into a folder at intervals, and keeps the newest copies. */

import type { Clock } from "../time/clock.ts";
import type { Store } from "./store.ts";
import { messageOf } from "../text/error_text.ts";

/** How often it looks whether a backup is due: a setting may have changed, or the machine slept. */
const LOOK_MS = 60_000;
const NAME = /^llm-proxy-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z\.db$/;
/** What a program that was killed in the middle of a copy leaves. */
const UNFINISHED = /^llm-proxy-\d{8}T\d{6}Z\.db\.part(?:-journal)?$/;

/** When backups are made, and where. */
export interface BackupSchedule {
  readonly everyMs: number;
  /** How many copies are kept. */
  readonly keep: number;
  readonly folder: string;
}

/** What it needs to know, and what it reports. */
export interface ScheduledBackupParts {
  readonly clock: Clock;
  /** Undefined: no backups are made. */
  readonly schedule: () => BackupSchedule | undefined;
  readonly onDone: (file: string) => void;
  readonly onFailed: (reason: string) => void;
}

/** Looks once a minute from now on; the returned function ends it, and settles when a running copy has ended. */
export function backupOnSchedule(
  store: Pick<Store, "backup">,
  { clock, schedule, onDone, onFailed }: ScheduledBackupParts,
): () => Promise<void> {
  let running = Promise.resolve();
  let waitUntilMs = 0;
  const look = async (): Promise<void> => {
    const plan = schedule();
    if (plan === undefined || clock.epochMs() < waitUntilMs && waitUntilMs < clock.epochMs() + plan.everyMs) {
      return;
    }
    try {
      if (!isDue(plan, clock.epochMs())) return;
      onDone(await makeBackup(store, plan, clock.epochMs()));
    } catch (error) {
      waitUntilMs = clock.epochMs() + plan.everyMs / 4;
      onFailed(messageOf(error));
    }
  };
  const lookAndWait = (): void => {
    running = look().then(() => {
      if (!hasEnded) cancel = clock.after(LOOK_MS, lookAndWait);
    });
  };
  let hasEnded = false;
  let cancel = clock.after(LOOK_MS, lookAndWait);
  return () => {
    hasEnded = true;
    cancel();
    return running;
  };
}

/** A copy from the future does not count: the clock was wrong when it was made. */
function isDue({ folder, everyMs }: BackupSchedule, now: number): boolean {
  const newest = copiesIn(folder).map(({ at }) => at).filter((at) => at <= now + everyMs).at(-1);
  return newest === undefined || now - newest >= everyMs;
}

async function makeBackup(
  store: Pick<Store, "backup">,
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
    await store.backup(unfinished);
    Deno.renameSync(unfinished, `${folder}/${name}`);
  } catch (error) {
    Deno.removeSync(unfinished);
    throw error;
  }
  // A copy from the future was made by a wrong clock, or by somebody else: it takes no place.
  const others = copiesIn(folder).filter((copy) => copy.name !== name && copy.at <= now);
  for (const old of others.slice(0, Math.max(0, others.length - (keep - 1)))) {
    Deno.removeSync(`${folder}/${old.name}`);
  }
  return `${folder}/${name}`;
}

/** Throws for a folder in which every account could put another file in the place of the copy. */
function checkFolder(folder: string): void {
  const { mode } = Deno.statSync(folder);
  const isOpenToAll = mode !== null && (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
  if (isOpenToAll) {
    throw new Error(`every account of this machine can write to ${folder}: take that right away (chmod o-w)`);
  }
}

/** Oldest first. Files with other names are somebody else's. */
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
