/** What a time zone's clocks were ahead of UTC, by `Intl`: SQLite knows no time zones. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** From `since` on clocks are `offsetMs` ahead of UTC. */
export interface ZoneOffset {
  readonly since: number;
  readonly offsetMs: number;
}

/** All offsets within a time, the earliest first. A change is found to the hour; a zone has at most one a day. */
export function zoneOffsets(timeZone: string, { from, to }: { from: number; to: number }): ZoneOffset[] {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const offsets: ZoneOffset[] = [{ since: from, offsetMs: offsetAt(format, from) }];
  for (let day = from; day < to; day += DAY_MS) {
    const before = offsets.at(-1)?.offsetMs;
    if (offsetAt(format, day + DAY_MS) === before) continue;
    let hour = day;
    while (offsetAt(format, hour) === before) hour += HOUR_MS;
    offsets.push({ since: hour, offsetMs: offsetAt(format, hour) });
  }
  return offsets;
}

/** Whether `Intl` knows a time zone of this name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** From `GMT`, `GMT+05:30` or `GMT-04:56:02`. */
function offsetAt(format: Intl.DateTimeFormat, epochMs: number): number {
  const name = format.formatToParts(epochMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign = "+", hours = "0", minutes = "0", seconds = "0"] =
    /^GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(name) ?? [];
  const ahead = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -ahead : ahead;
}
