import type { StorageHealth } from "../../own_routes/health.ts";
import type { Clock } from "../../time/clock.ts";
import type { ManagedThreads } from "./managed_threads.ts";

/** How often the main thread looks for changes that other processes made in the database, in milliseconds. */
const LOOK_MS = 100;
/** How often threads report while a client watches the running exchanges, in milliseconds. */
const REPORT_MS = 1_000;

/**
 * Tells serving threads what the main thread learns of the database: changed tokens, and whether it works.
 * Returns a function that stops.
 */
export function watchForThreads(
  threads: Pick<ManagedThreads, "state" | "refresh">,
  { clock, refreshTokens, storage, refusesTokens, isWatched, onUnexpected }: {
    readonly clock: Clock;
    /** Reads the changed tokens. Returns `undefined` if no token has changed. */
    readonly refreshTokens: () => Promise<void> | undefined;
    readonly storage: () => StorageHealth;
    /** Whether managed tokens must be rejected, because the database could not confirm them for too long. */
    readonly refusesTokens: () => boolean;
    /** Whether a client watches the running exchanges. */
    readonly isWatched: () => boolean;
    readonly onUnexpected: (error: unknown) => void;
  },
): () => void {
  let reportedAt = clock.now();
  let stopTimer = (): void => {};
  const look = async (): Promise<void> => {
    try {
      const refreshing = refreshTokens();
      if (refreshing !== undefined) await refreshing;
      threads.state.storage = storage();
      threads.state.refusesTokens = refusesTokens();
      if (isWatched() && clock.now() - reportedAt >= REPORT_MS) {
        reportedAt = clock.now();
        await threads.refresh();
      }
    } catch (error) {
      onUnexpected(error);
    }
    if (!isStopped) stopTimer = clock.after(LOOK_MS, () => void look());
  };
  let isStopped = false;
  stopTimer = clock.after(LOOK_MS, () => void look());
  return () => {
    isStopped = true;
    stopTimer();
  };
}
