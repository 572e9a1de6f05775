/** The times that the dashboard looks at. */

/** A choice of them. */
export const PERIODS = [["today", "Today"], ["7", "7 days"], ["30", "30 days"]] as const;
export type PeriodName = typeof PERIODS[number][0];

/** From a midnight of the reader's own until now, and the time before that it is held against. */
export interface Period {
  readonly group: "hour" | "day";
  readonly query: string;
  readonly queryBefore: string;
  /** The keys under which the API tells it, without gaps. */
  readonly keys: readonly string[];
}

const HOUR_MS = 3_600_000;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `now` in milliseconds since 1970. */
export function periodOf(name: PeriodName, now: number): Period {
  const days = name === "today" ? 1 : Number(name);
  const midnight = (ago: number) => {
    const date = new Date(now);
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() - ago).getTime();
  };
  const from = midnight(days - 1);
  // The API counts whole hours of UTC: those from the one in which the day begins to the one that is now.
  const firstHour = from - from % HOUR_MS;
  const hours = Math.floor((now - firstHour) / HOUR_MS) + 1;
  // As far into the period before as this one has come; where clocks were put back it does not reach into this one.
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

/** `2026-11-21`, in the reader's zone. */
function dayOf(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
