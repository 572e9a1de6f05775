/**
 * How long checks of tokens take. Checks are measured in turns, so that a disturbance reaches all of them
 * alike.
 *
 * Two checks of equal code have slightly different times for as long as they live, because their objects lie
 * at different addresses: 4 % in one of twenty runs. A leak has the same sign with all tokens and addresses.
 * So the comparison is repeated with new tokens and new checks, made in a random order, and each repetition
 * counts once.
 */

/** A guess, and a check that is to refuse it. */
export interface Guess {
  readonly name: string;
  readonly text: string;
  /** Makes a new check. */
  open(): Check | Promise<Check>;
}

/** Checks a candidate, and refuses it. */
export type Check = (candidate: string) => unknown;

/** What was measured of one guess. Times are of a single check, in nanoseconds. */
export interface Timing {
  readonly name: string;
  readonly medianNs: number;
  readonly p90Ns: number;
  /**
   * In how many repetitions more than half it took longer than the first guess, in standard deviations: a
   * sign test of the medians. The largest value is the square root of the number of repetitions.
   */
  readonly z: number;
}

/** How much is measured. */
export interface TimingOptions {
  /** How often the guesses are made anew and compared. */
  readonly repetitions: number;
  /** Each guess is measured once a round. Each repetition has so many rounds. */
  readonly rounds: number;
  /** Checks in one sample. More checks make the resolution of the clock matter less. */
  readonly calls: number;
}

/**
 * Measures guesses. `makeGuesses` returns the same guesses with new tokens each time. The first two
 * repetitions only warm up.
 */
export async function timeGuesses(
  makeGuesses: () => readonly Guess[],
  { repetitions, rounds, calls }: TimingOptions,
): Promise<Timing[]> {
  const names = makeGuesses().map(({ name }) => name);
  const samples = names.map((): number[] => []);
  const medians = names.map((): number[] => []);
  for (let repetition = -2; repetition < repetitions; repetition++) {
    const own = await measured(makeGuesses(), { rounds, calls });
    if (repetition < 0) continue;
    for (const [index, values] of own.entries()) {
      samples[index]?.push(...values);
      medians[index]?.push(quantile(values, 0.5));
    }
  }
  const [first = []] = medians;
  return names.map((name, index) => {
    const own = samples[index] ?? [];
    const z = signTest(medians[index] ?? [], first);
    return { name, medianNs: quantile(own, 0.5), p90Ns: quantile(own, 0.9), z };
  });
}

/** The samples of each guess, of one repetition. */
async function measured(
  guesses: readonly Guess[],
  { rounds, calls }: { readonly rounds: number; readonly calls: number },
): Promise<number[][]> {
  const bytes = guesses.map(({ text }) => new TextEncoder().encode(text));
  const checks: (Check | undefined)[] = guesses.map(() => undefined);
  for (const index of inAnyOrder(guesses.length)) checks[index] = await guesses[index]?.open();
  const decoder = new TextDecoder();
  const samples = guesses.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of inAnyOrder(guesses.length)) {
      const check = checks[index];
      // As in a request: what the engine remembers of a text must not count.
      const texts = Array.from({ length: calls }, () => decoder.decode(bytes[index]));
      const begin = performance.now();
      for (const text of texts) check?.(text);
      const elapsed = performance.now() - begin;
      samples[index]?.push(elapsed * 1e6 / calls);
    }
  }
  return samples;
}

/** The largest of all medians over the smallest. */
export function largestRatio(timings: readonly Timing[]): number {
  const medians = timings.map(({ medianNs }) => medianNs);
  return Math.max(...medians) / Math.min(...medians);
}

/** The numbers below a count, in a random order. */
function inAnyOrder(count: number): number[] {
  const keys = Array.from({ length: count }, Math.random);
  return [...keys.keys()].sort((one, other) => (keys[one] ?? 0) - (keys[other] ?? 0));
}

function signTest(one: readonly number[], other: readonly number[]): number {
  let slower = 0;
  let different = 0;
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? value;
    if (value !== against) different++;
    if (value > against) slower++;
  }
  return different === 0 ? 0 : (slower - different / 2) / Math.sqrt(different / 4);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? NaN;
}
