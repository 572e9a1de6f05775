/** Lengths of time, which are read and written in one way everywhere: `500ms`, `30s`, `5m`, `1h`, `7d`. */

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

/** What a length of time is counted in. */
export type DurationUnit = keyof typeof UNITS_MS;

/**
 * Milliseconds of a length of time; a number without a unit counts in `unit`. NaN: it is not a length of
 * time.
 */
export function durationMs(text: string, unit: DurationUnit = "s"): number {
  const [, amount, written] = /^(\d{1,15}(?:\.\d{1,9})?) ?(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (amount === undefined) return NaN;
  const own = Object.entries(UNITS_MS).find(([name]) => name === written);
  return Math.round(Number(amount) * (own?.[1] ?? UNITS_MS[unit]));
}

/** In the largest unit that says it without a fraction. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return "none";
  const whole = Math.round(ms);
  const fits = Object.entries(UNITS_MS).filter(([, unitMs]) => whole > 0 && whole % unitMs === 0).at(-1);
  return fits === undefined ? "0s" : `${whole / fits[1]}${fits[0]}`;
}

/** A length of time rounded down, for one number that people read quickly: `119s`, `5m`, `47h`, `12d`. */
export function roundedDurationText(ms: number): string {
  const unit = (["d", "h", "m"] as const).find((name) => ms >= 2 * UNITS_MS[name]) ?? "s";
  return `${Math.floor(ms / UNITS_MS[unit])}${unit}`;
}

/** The same where there may be no limit. */
export function shownDuration(ms: number | "none"): string {
  return ms === "none" ? ms : durationText(ms);
}
