/** What repeated measurements on a noisy machine say, and what they do not say. */

/** The middle of the values, or the mean of the two in the middle. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

/**
 * The noise of a figure, as a part of it: how far apart two processes of the same program were. Each list has
 * one value for each round. It is the difference of the medians, or the median difference within a round if
 * that is larger: two medians can agree by chance. NaN without values.
 */
export function noiseOf(one: readonly number[], other: readonly number[]): number {
  const pairs = one.slice(0, other.length).map((value, round) => distance(value, other[round] ?? NaN));
  return Math.max(distance(median(one), median(other)), median(pairs));
}

/** Whether two values differ by more than the noise. Not if the noise is not known. */
export function isSignificant(one: number, other: number, noise: number): boolean {
  return distance(one, other) > noise;
}

/** The difference of two values as a part of their mean. */
function distance(one: number, other: number): number {
  if (one === other) return 0;
  return Math.abs(one - other) / ((Math.abs(one) + Math.abs(other)) / 2);
}
