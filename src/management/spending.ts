/** Opens a limiter on what the store holds, and keeps what both hold the same when the clock is moved. */

import type { Clock } from "../time/clock.ts";
import type { ManagementConfig } from "../config/config.ts";
import type { ClockEvent } from "../limits/budget_clock.ts";
import { Limiter } from "../limits/limiter.ts";
import type { Log } from "../observability/log.ts";
import type { SpendingDates } from "../storage/spending_dates.ts";
import type { Store } from "../storage/store.ts";

/** A clock is put right by less all the time. */
const UNTOLD_MS = 60_000;

/** A limiter that goes on from what was spent; whether some of that was booked while the clock was wrong. */
export async function openLimiter(
  store: Pick<Store, "readSpending">,
  { clock, config, onClock }: {
    clock: Clock;
    config: Pick<ManagementConfig, "budgetPeriods">;
    onClock?: (event: ClockEvent) => void;
  },
): Promise<{ limiter: Limiter; hasUndated: boolean }> {
  const spending = await store.readSpending({ until: clock.epochMs() });
  return {
    limiter: new Limiter(clock, {
      balances: new Map(spending.map((entry) => [entry.key, entry])),
      periods: config.budgetPeriods,
      ...(onClock && { onClock }),
    }),
    hasUndated: spending.some(({ hours }) => hours.some(({ isDated }) => !isDated)),
  };
}

/** What has to follow when the clock is found to be wrong or was moved: a line in the log, and dates in the store. */
export function clockWatcher(
  log: Log,
  { dates, hasUndated }: {
    dates: Pick<SpendingDates, "date">;
    /** The store holds something that was booked while the clock was wrong. */
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
              shown(event.shownMs)
            }, which is before 2020 or before the latest spending in ` +
            "the database; what is spent from now on counts as of the time when the clock is right",
        });
      case "right":
        if (!isUndated) return;
        log("warn", "clock_right", {
          detail: `what was spent while the clock was wrong counts from ${shown(event.hour)} on`,
        });
        break;
      case "set_back":
        if (event.byMs <= UNTOLD_MS) break;
        log("warn", "clock_set_back", {
          detail:
            `by ${Math.round(event.byMs / 60_000)} minutes; what was spent later than now counts from ` +
            `${shown(event.hour)} on`,
        });
        break;
      default:
        return event satisfies never;
    }
    isUndated = false;
    dates.date(event.hour);
  };
}

function shown(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
