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

/**
 * How much worse than recorded a ratio may be, as a part, even on a quiet machine. The same commit had ratios
 * of 3.5 to 4.3 for managed requests on machines of one kind: system calls, the compiler and the database do
 * not become faster alike.
 */
export const LEAST_MARGIN = 0.6;
/** How many times the noise a ratio may be worse than recorded. */
const NOISE_FACTOR = 3;

/**
 * The ratios of some rounds. Each is a ratio of small values, because other work on the machine takes caches
 * away, and so only adds time. It is the second least value of each, because a virtual machine once reported
 * no CPU time at all for a round. In ten runs with three times as much work as cores, the ratio of plain
 * differed by 20 to 33 % so, by 27 to 50 % as ratios of medians.
 */
export function ratiosOf({ raw, plain, again, managed }: QuickRounds): MeasuredRatios {
  return {
    plain: secondLeast([...plain, ...again]) / secondLeast(raw),
    managed: secondLeast(managed) / secondLeast(raw),
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

/** NaN without two values. */
function secondLeast(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[1] ?? NaN;
}
