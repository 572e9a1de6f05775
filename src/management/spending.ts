/** Opens the limiter with the spending in the database, and keeps both equal when the clock changes. */

import type { Clock } from "../time/clock.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import { Limiter } from "../limits/limiter.ts";
import type { Replica } from "../limits/shared/replica.ts";
import type { Log } from "../observability/log.ts";
import type { SpendingDates } from "../storage/spending_dates.ts";
import type { Store } from "../storage/store.ts";

/** Smaller steps back are not logged. Time synchronization makes them all the time. */
const UNLOGGED_STEP_MS = 60_000;

/**
 * Opens a limiter that starts from the spending in the database. `hasUndated`: some of the spending was
 * booked while the clock was wrong.
 */
export async function openLimiter(
  store: Pick<Store, "readSpending">,
  { clock, config, onClock, replica, isDatabaseLost }: {
    clock: Clock;
    config: Pick<ManagementConfig, "budgetPeriods">;
    onClock?: (event: ClockEvent) => void;
    /** The counts that several replicas share. Absent if this process counts alone. */
    replica?: Replica | undefined;
    /** Whether requests under a budget must not begin, because the database cannot be reached. */
    isDatabaseLost?: () => boolean;
  },
): Promise<{ limiter: Limiter; hasUndated: boolean }> {
  const spending = await store.readSpending({ until: clock.epochMs() });
  return {
    limiter: new Limiter(replica === undefined ? clock : clockOf(replica, clock), {
      replica,
      balances: new Map(spending.map((entry) => [entry.key, entry])),
      periods: config.budgetPeriods,
      ...(onClock && { onClock }),
      ...(isDatabaseLost && { isDatabaseLost }),
    }),
    hasUndated: spending.some(({ hours }) => hours.some(({ isDated }) => !isDated)),
  };
}

/** The clock of the shared counts, so that all replicas book spending in the same hour. */
function clockOf(replica: Replica, { now, after }: Clock): Clock {
  return { now, after, epochMs: () => replica.epochMs };
}

/** Makes the callback for changes of the clock. It writes the log, and moves spending in the database. */
export function clockWatcher(
  log: Log,
  { dates, hasUndated }: {
    dates: Pick<SpendingDates, "date">;
    /** Whether the database holds spending that was booked while the clock was wrong. */
    hasUndated: boolean;
  },
): (event: ClockEvent) => void {
  let isUndated = hasUndated;
  return (event) => {
    switch (event.kind) {
      case "wrong":
        isUndated = true;
        return log("warn", "clock_wrong", {
          detail:
            `the clock shows ${
              isoTime(event.shownMs)
            }, which is before 2020 or before the latest spending in ` +
            "the database; new spending counts from the time when the clock is right",
        });
      case "right":
        if (!isUndated) return;
        log("warn", "clock_right", {
          detail: `spending from the time when the clock was wrong now counts from ${isoTime(event.hour)}`,
        });
        break;
      case "set_back":
        if (event.byMs <= UNLOGGED_STEP_MS) break;
        log("warn", "clock_set_back", {
          detail: `by ${Math.round(event.byMs / 60_000)} minutes; spending of later hours now counts from ` +
            `${isoTime(event.hour)}`,
        });
        break;
      default:
        return event satisfies never;
    }
    isUndated = false;
    dates.date(event.hour);
  };
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
