/** The work of the management plane that repeats: confirming tokens, deleting old usage, and backups. */

import type { Log } from "../observability/log.ts";
import { pruneHourly } from "../storage/pruner.ts";
import { backupOnSchedule } from "../storage/scheduled_backup.ts";
import type { DatabaseCopies, Store } from "../storage/store.ts";
import type { Clock } from "../time/clock.ts";
import { repeat } from "../time/repeat.ts";
import type { ManagementSettings } from "./settings.ts";

/** The time between two confirmations of the tokens by the database, in milliseconds. */
const CONFIRM_MS = 10_000;
const DAY_MS = 24 * 3_600_000;

/** The part of a store that the repeated work uses. */
export type MaintainedStore =
  & Pick<Store, "prune" | "pruneObjects" | "pruneMadeObjects" | "pruneAccounts" | "claimTask">
  & { readonly copies?: Pick<DatabaseCopies, "backup"> | undefined };

/** The settings, dependencies and callbacks of {@link PeriodicWork}. */
export interface PeriodicWorkParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<ManagementSettings, "now">;
  /** Reads the changed tokens, so that the database confirms them even if there are no requests. */
  readonly confirmTokens: () => Promise<void> | undefined;
  /** Called after each scheduled backup. */
  readonly onBackup: () => void;
  /** Called if old usage could not be deleted. The reason is a text for the log. */
  readonly onPruneFailed: (reason: string) => void;
  /** Called with an error that is a bug. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Runs the repeated work on a store, from its construction until {@link stop}. */
export class PeriodicWork {
  readonly #stopConfirming: () => void;
  readonly #stopPruning: () => void;
  readonly #stopBackups: () => Promise<void>;

  constructor(store: MaintainedStore, parts: PeriodicWorkParts) {
    const { clock, log, settings, confirmTokens, onPruneFailed, onUnexpected } = parts;
    this.#stopPruning = pruneHourly(store, {
      clock,
      retentionMs: () => settings.now.retentionDays * DAY_MS,
      onPruned: (exchanges) => log("info", "usage_pruned", { detail: `${exchanges} exchanges` }),
      onFailed: onPruneFailed,
    });
    this.#stopConfirming = repeat(CONFIRM_MS, clock, async () => {
      await confirmTokens()?.catch(onUnexpected);
    });
    this.#stopBackups = startBackups(store, parts);
  }

  /** Stops all work. Resolves when a running backup has ended. */
  async stop(): Promise<void> {
    this.#stopPruning();
    this.#stopConfirming();
    await this.#stopBackups();
  }
}

/** Starts the scheduled backups of a database that is a file. Other databases have no backups. */
function startBackups(
  { copies }: Pick<MaintainedStore, "copies">,
  { clock, log, settings, onBackup }: PeriodicWorkParts,
): () => Promise<void> {
  if (copies === undefined) return () => Promise.resolve();
  return backupOnSchedule(copies, {
    clock,
    schedule: () => settings.now.backup,
    onDone: (file) => {
      log("info", "backup_made", { file });
      onBackup();
    },
    onFailed: (reason) => log("error", "backup_failed", { detail: reason }),
  });
}
