/** Whether the CPU time of a request has become worse: the arithmetic of `deno task bench --quick`. */

import { noiseOf } from "./statistics.ts";

/** CPU time per request in microseconds, one value for each round. The lists have the same length. */
export interface QuickRounds {
  /** The proxy that only copies bytes between sockets. */
  readonly raw: readonly number[];
  readonly plain: readonly number[];
  /** A second process of the plain proxy. */
  readonly again: readonly number[];
  readonly managed: readonly number[];
}

/** Ratios to the proxy that only copies bytes. */
export interface Ratios {
  readonly plain: number;
  readonly managed: number;
}

/** Ratios, and how far apart two processes of the same program were, as a part. */
export interface MeasuredRatios extends Ratios {
  readonly noise: number;
}

/** How much worse than recorded a ratio may be, as a part, even on a quiet machine. */
export const LEAST_MARGIN = 0.25;
/** How many times the noise a ratio may be worse than recorded. */
const NOISE_FACTOR = 3;

/**
 * The ratios of some rounds. Each is a ratio of the least values: other work on the machine takes caches away, and so
 * only adds time. On a machine with three times as much work as cores, ratios of medians differed by 65 %, these by 37 %.
 */
export function ratiosOf({ raw, plain, again, managed }: QuickRounds): MeasuredRatios {
  return {
    plain: Math.min(...plain, ...again) / Math.min(...raw),
    managed: Math.min(...managed) / Math.min(...raw),
    noise: noiseOf(plain, again),
  };
}

/** The largest ratio that is no failure. */
export function limitOf(recorded: number, noise: number): number {
  return recorded * (1 + Math.max(LEAST_MARGIN, NOISE_FACTOR * noise));
}

/** The ratios that are worse than recorded by more than the margin and the noise. */
export function worse(measured: MeasuredRatios, recorded: Ratios): (keyof Ratios)[] {
  const names = ["plain", "managed"] as const;
  // A ratio that is not a number is a failure too.
  return names.filter((name) => !(measured[name] <= limitOf(recorded[name], measured.noise)));
}
