/** Opens a limiter on what the store holds, for the proxy and for the command line. */

import type { Clock } from "./clock.ts";
import type { ManagementConfig } from "./config/schema.ts";
import type { ClockEvent } from "./limits/budget_clock.ts";
import { Limiter } from "./limits/limiter.ts";
import type { Store } from "./storage/store.ts";

/** Twice as long as any period of a budget: the clock may be set back. */
const READ_MS = 62 * 24 * 3_600_000;

/** A limiter that goes on from what was spent; whether some of that was booked while the clock was wrong. */
export async function openLimiter(
  store: Pick<Store, "readSpending">,
  { clock, config, onClock }: {
    clock: Clock;
    config: Pick<ManagementConfig, "budgetPeriods">;
    onClock?: (event: ClockEvent) => void;
  },
): Promise<{ limiter: Limiter; hasUndated: boolean }> {
  const spending = await store.readSpending({ until: clock.epochMs(), lastMs: READ_MS });
  return {
    limiter: new Limiter(clock, {
      balances: new Map(spending.map((entry) => [entry.key, entry])),
      periods: config.budgetPeriods,
      ...(onClock && { onClock }),
    }),
    hasUndated: spending.some(({ hours }) => hours.some(({ isDated }) => !isDated)),
  };
}
