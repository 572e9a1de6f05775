/** Durations in the format of the configuration: `500ms`, `30s`, `5m`, `1h`, `7d`. */

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

/** A unit of a duration: milliseconds, seconds, minutes, hours or days. */
export type DurationUnit = keyof typeof UNITS_MS;

/**
 * Parses a duration to milliseconds. A number without a unit is in `unit`. NaN if the text is not a duration.
 */
export function durationMs(text: string, unit: DurationUnit = "s"): number {
  const [, amount, written] = /^(\d{1,15}(?:\.\d{1,9})?) ?(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (amount === undefined) return NaN;
  const own = Object.entries(UNITS_MS).find(([name]) => name === written);
  return Math.round(Number(amount) * (own?.[1] ?? UNITS_MS[unit]));
}

/** Formats milliseconds in the largest unit without a fraction, like `5m`. An infinite duration is `none`. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return "none";
  const whole = Math.round(ms);
  const fits = Object.entries(UNITS_MS).filter(([, unitMs]) => whole > 0 && whole % unitMs === 0).at(-1);
  return fits === undefined ? "0s" : `${whole / fits[1]}${fits[0]}`;
}

/** Formats a duration as one rounded number: `119s`, `5m`, `47h`, `12d`. */
export function roundedDurationText(ms: number): string {
  const unit = (["d", "h", "m"] as const).find((name) => ms >= 2 * UNITS_MS[name]) ?? "s";
  return `${Math.floor(ms / UNITS_MS[unit])}${unit}`;
}

/** Formats milliseconds like {@link durationText}, or `none`. */
export function shownDuration(ms: number | "none"): string {
  return ms === "none" ? ms : durationText(ms);
}
