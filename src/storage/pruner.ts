/** Deletes old exchanges and settled objects from the database. One program on a database does it. */

import { OBJECT_LIFETIME_MS, SPENDING_KEPT_MS } from "./booking.ts";
import type { Clock } from "../time/clock.ts";
import { type Store, StoreError } from "./store.ts";

const HOUR_MS = 3_600_000;
/** A program that pruned an hour ago must be able to do it again, although its timer is not exact. */
const CLAIMED_MS = HOUR_MS - 60_000;
/** Settled objects stay longer than the provider keeps them, so that no object counts twice. */
const OBJECTS_KEPT_MS = OBJECT_LIFETIME_MS + 24 * HOUR_MS;
/** The most settled objects that stay. */
const MAX_SETTLED_OBJECTS = 100_000;

/** The most objects whose makers are kept: for each token, and for all. */
const MADE_OBJECTS = { maxOfMaker: 20_000, max: 200_000 };

/** The dependencies and callbacks of {@link pruneHourly}. */
export interface PrunerParts {
  readonly clock: Clock;
  /** How long exchanges are kept, in milliseconds. A reload can change it. */
  readonly retentionMs: () => number;
  /** Gets the number of deleted exchanges. */
  readonly onPruned: (exchanges: number) => void;
  /** Gets the message of a {@link StoreError}. The next hour tries again. */
  readonly onFailed: (reason: string) => void;
}

/** Sessions without activity are kept for a month: `admin_idle_minutes` may be raised meanwhile. */
const SESSIONS_KEPT_MS = 31 * 24 * HOUR_MS;

/**
 * Deletes old data now and every hour, unless another program on the database does it in this hour. Programs
 * that keep exchanges for another time do it too. The returned function stops it.
 */
export function pruneHourly(
  store: Pick<Store, "prune" | "pruneObjects" | "pruneMadeObjects" | "pruneAccounts" | "claimTask">,
  { clock, retentionMs, onPruned, onFailed }: PrunerParts,
): () => void {
  let isPruning = false;
  let isStopped = false;
  let stop = (): void => {};
  const prune = async (): Promise<void> => {
    if (isPruning) return;
    isPruning = true;
    try {
      if (!await store.claimTask(`prune ${retentionMs()}`, CLAIMED_MS) || isStopped) return;
      const now = clock.epochMs();
      const exchangesBefore = now - retentionMs();
      const spendingBefore = now - SPENDING_KEPT_MS;
      const hoursBefore = Math.min(exchangesBefore, spendingBefore);
      const removed = await store.prune({ exchangesBefore, hoursBefore, spendingBefore });
      // The store may be closed by now.
      if (isStopped) return;
      await store.pruneObjects({ madeBefore: now - OBJECTS_KEPT_MS, maxSettled: MAX_SETTLED_OBJECTS });
      if (isStopped) return;
      await store.pruneMadeObjects({ now, ...MADE_OBJECTS });
      if (isStopped) return;
      await store.pruneAccounts({ now, usedBefore: now - SESSIONS_KEPT_MS });
      if (removed > 0) onPruned(removed);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    } finally {
      isPruning = false;
    }
  };
  const hourly = (): void => {
    prune();
    stop = clock.after(HOUR_MS, hourly);
  };
  hourly();
  return () => {
    isStopped = true;
    stop();
  };
}
