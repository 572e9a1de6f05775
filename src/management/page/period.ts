/** The periods of the dashboard. */

/** The periods to choose from, each with its label. */
export const PERIODS = [["today", "Today"], ["7", "7 days"], ["30", "30 days"]] as const;
/** The name of a period: `today`, or a number of days. */
export type PeriodName = typeof PERIODS[number][0];

/** The time from a midnight in the browser's time zone until now, and the time before it to compare with. */
export interface Period {
  readonly group: "hour" | "day";
  /** The query of `/usage` for this period. */
  readonly query: string;
  /** The query of `/usage` for the period before, which is as long. */
  readonly queryBefore: string;
  /** All days or hours of the period, written as in the responses of `/usage`. */
  readonly keys: readonly string[];
}

const HOUR_MS = 3_600_000;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The period of a name that ends now. `now` is in milliseconds since 1970. */
export function periodOf(name: PeriodName, now: number): Period {
  const days = name === "today" ? 1 : Number(name);
  const midnight = (ago: number) => {
    const date = new Date(now);
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() - ago).getTime();
  };
  const from = midnight(days - 1);
  // The API counts whole hours of UTC. The period contains the hour of its midnight and the current hour.
  const firstHour = from - from % HOUR_MS;
  const hours = Math.floor((now - firstHour) / HOUR_MS) + 1;
  // The period before is as long as this one has lasted. It never overlaps this one, also when clocks were
  // set back.
  const before = midnight(2 * days - 1);
  const query = (begin: number, end: number) =>
    `from=${new Date(begin).toISOString()}&to=${new Date(end).toISOString()}&time_zone=${
      encodeURIComponent(ZONE)
    }`;
  const group = name === "today" ? "hour" : "day";
  return {
    group,
    query: query(from, firstHour + hours * HOUR_MS),
    queryBefore: query(before, Math.min(before + hours * HOUR_MS, from)),
    keys: group === "hour"
      ? Array.from({ length: hours }, (_, index) => `${hourOf(firstHour + index * HOUR_MS)}:00Z`)
      : Array.from({ length: days }, (_, index) => dayOf(midnight(days - 1 - index))),
  };
}

/** `2026-11-21T14`, in UTC. */
function hourOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 13);
}

/** `2026-11-21`, in the browser's time zone. */
function dayOf(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
