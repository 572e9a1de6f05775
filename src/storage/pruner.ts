/** Drops exchanges that are older than they are to be kept. */

import { OBJECT_LIFETIME_MS, SPENDING_KEPT_MS } from "./booking.ts";
import type { Clock } from "../time/clock.ts";
import { type Store, StoreError } from "./store.ts";

const HOUR_MS = 3_600_000;
/** An object that was settled is known for longer than its provider keeps it, so that it is not counted twice. */
const OBJECTS_KEPT_MS = OBJECT_LIFETIME_MS + 24 * HOUR_MS;
/** And no more than so many. */
const MAX_SETTLED_OBJECTS = 100_000;

/** What it needs to know, and tells. */
export interface PrunerParts {
  readonly clock: Clock;
  /** How long they are kept; it may change. */
  readonly retentionMs: () => number;
  readonly onPruned: (exchanges: number) => void;
  readonly onFailed: (reason: string) => void;
}

/** At once and then every hour; gives what ends it. */
export function pruneHourly(
  store: Pick<Store, "prune" | "pruneObjects">,
  { clock, retentionMs, onPruned, onFailed }: PrunerParts,
): () => void {
  let isPruning = false;
  let stop = (): void => {};
  const prune = async (): Promise<void> => {
    if (isPruning) return;
    isPruning = true;
    try {
      const now = clock.epochMs();
      const exchangesBefore = now - retentionMs();
      const hoursBefore = Math.min(exchangesBefore, now - SPENDING_KEPT_MS);
      const removed = await store.prune({ exchangesBefore, hoursBefore });
      await store.pruneObjects({ madeBefore: now - OBJECTS_KEPT_MS, maxSettled: MAX_SETTLED_OBJECTS });
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
  return () => stop();
}
