/** The UTC offsets of a time zone, from `Intl`, because SQLite does not know time zones. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** An offset of a time zone and the time of its start. */
export interface ZoneOffset {
  /** The start of the offset, in milliseconds since 1970. */
  readonly since: number;
  /** Local time minus UTC, in milliseconds. */
  readonly offsetMs: number;
}

/**
 * All offsets of a zone between two times, the earliest first. Assumes full hours and at most one change a
 * day.
 */
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

/** Whether `Intl` knows a time zone with this name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Parses the offset from `GMT`, `GMT+05:30` or `GMT-04:56:02`. In milliseconds. */
function offsetAt(format: Intl.DateTimeFormat, epochMs: number): number {
  const name = format.formatToParts(epochMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign = "+", hours = "0", minutes = "0", seconds = "0"] =
    /^GMT([+-])(\d+):(\d+)(?::(\d+))?$/.exec(name) ?? [];
  const ahead = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === "-" ? -ahead : ahead;
}
