/** Numbers, money and times as the reader's own locale and zone write them. */

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

/** What is not known. */
export const UNKNOWN = "–";

export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 100_000 ? whole.format(value) : short.format(value);
}

/** Millionths of a dollar; parts of a cent where it is but a few. */
export function money(micros: number | null | undefined): string {
  if (micros == null) return UNKNOWN;
  return (micros !== 0 && Math.abs(micros) < 100_000 ? fine : cents).format(micros / 1e6);
}

export function change(now: number, before: number): string {
  return before === 0 ? "" : percent.format(now / before - 1);
}

export function bytes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte"][
    Math.min(3, Math.floor(Math.log10(Math.max(1, value)) / 3))
  ] ?? "byte";
  const scaled = value / { byte: 1, kilobyte: 1e3, megabyte: 1e6 }[unit as "byte"] || value / 1e9;
  return new Intl.NumberFormat(undefined, { style: "unit", unit, maximumFractionDigits: 1 }).format(scaled);
}

/** Milliseconds, in the largest unit that fits. */
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

export function moment(iso: string | null | undefined): string {
  return iso == null ? UNKNOWN : dateTime.format(new Date(iso));
}

/** The time where it is of today, the day too where it is not. */
export function timeOrDay(iso: string): string {
  const date = new Date(iso);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/** A group's name on an axis: a day stands as it is, an hour is brought to the reader's zone. */
export function axisTime(key: string): string {
  // A day is the reader's own already: it must not be moved by the zone once more.
  return key.length === 10 ? day.format(new Date(`${key}T12:00`)) : hour.format(new Date(key));
}

/** `in 3 days`, `2 hours ago` */
export function relative(iso: string): string {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
