/** Formats numbers, money and times in the browser's locale and time zone. */

const whole = new Intl.NumberFormat();
const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat(undefined, { style: "currency", currency: "USD" });
const fine = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 2,
});
const percent = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumFractionDigits: 0,
  signDisplay: "exceptZero",
});
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** Shown in place of an unknown value. */
export const UNKNOWN = "–";

/** A number. From 100,000 on it is rounded: `1.2M`. */
export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 100_000 ? whole.format(value) : short.format(value);
}

/** Millionths of a US dollar, as dollars. Amounts below ten cents get two significant digits. */
export function money(micros: number | null | undefined): string {
  if (micros == null) return UNKNOWN;
  return (micros !== 0 && Math.abs(micros) < 100_000 ? fine : cents).format(micros / 1e6);
}

/** A change in percent with its sign: `+12%`; empty where `before` is 0. */
export function change(now: number, before: number): string {
  return before === 0 ? "" : percent.format(now / before - 1);
}

/** A number of bytes in decimal units: `33.6 MB`. */
export function bytes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte"][
    Math.min(3, Math.floor(Math.log10(Math.max(1, value)) / 3))
  ] ?? "byte";
  const scaled = value / { byte: 1, kilobyte: 1e3, megabyte: 1e6 }[unit as "byte"] || value / 1e9;
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit,
    unitDisplay: unit === "byte" ? "long" : "short",
    maximumFractionDigits: 1,
  }).format(scaled);
}

/** Milliseconds in the largest unit that suits them: `1.2 sec`. */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return UNKNOWN;
  const seconds = ms / 1000;
  const [unit, size]: [string, number] = ms < 1000
    ? ["millisecond", 0.001]
    : seconds < 120
    ? ["second", 1]
    : seconds < 7_200
    ? ["minute", 60]
    : seconds < 172_800
    ? ["hour", 3_600]
    : ["day", 86_400];
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: ms < 1000 ? 0 : 1,
  }).format(seconds / size);
}

/** A date with its time: `Nov 29, 2026, 9:16:39 AM`. */
export function moment(iso: string | null | undefined): string {
  return iso == null ? UNKNOWN : dateTime.format(new Date(iso));
}

/** The time alone for today, with the day for other days. */
export function timeOrDay(iso: string): string {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/**
 * The label of a day (`2026-11-21`) or an hour (`2026-11-21T14:00Z`) on an axis, in the browser's time zone.
 */
export function axisTime(key: string): string {
  // The API counts days in the browser's time zone already. Noon keeps the date in every time zone.
  return key.length === 10 ? day.format(new Date(`${key}T12:00`)) : hour.format(new Date(key));
}

/** A time relative to now: `in 3 days`, `2 hours ago`. */
export function relative(iso: string): string {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
