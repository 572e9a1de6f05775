/** How long checks of tokens take, measured in turns so that what disturbs one disturbs all. */

/** A guess, and a check that is to refuse it. */
export interface Guess {
  readonly name: string;
  readonly check: (candidate: string) => unknown;
  readonly text: string;
}

/** What was measured of one guess. Times are of a single check, in nanoseconds. */
export interface Timing {
  readonly name: string;
  readonly medianNs: number;
  readonly p90Ns: number;
  /**
   * How much more often than by chance it took longer than the first guess of the same round, in standard
   * deviations: a sign test. Beyond 5 or so there is a difference, however small.
   */
  readonly z: number;
}

/** How much is measured. */
export interface TimingOptions {
  /** Each guess is measured once a round. */
  readonly rounds: number;
  /** Checks in one sample; more make the clock's resolution matter less. */
  readonly calls: number;
}

/** Measures each guess in every round, in an order of chance. A quarter more rounds before that warm up. */
export function timeGuesses(guesses: readonly Guess[], { rounds, calls }: TimingOptions): Timing[] {
  const bytes = guesses.map(({ text }) => new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  const samples = guesses.map((): number[] => []);
  for (let round = -Math.ceil(rounds / 4); round < rounds; round++) {
    for (const index of inAnyOrder(guesses.length)) {
      const check = guesses[index]?.check;
      // As a request's are: what the engine remembers of a text must not count.
      const texts = Array.from({ length: calls }, () => decoder.decode(bytes[index]));
      const begin = performance.now();
      for (const text of texts) check?.(text);
      const elapsed = performance.now() - begin;
      if (round >= 0) samples[index]?.push(elapsed * 1e6 / calls);
    }
  }
  const [first = []] = samples;
  return guesses.map(({ name }, index) => {
    const own = samples[index] ?? [];
    return { name, medianNs: quantile(own, 0.5), p90Ns: quantile(own, 0.9), z: signTest(own, first) };
  });
}

/** The largest of all medians over the smallest. */
export function largestRatio(timings: readonly Timing[]): number {
  const medians = timings.map(({ medianNs }) => medianNs);
  return Math.max(...medians) / Math.min(...medians);
}

/** The numbers below a count. */
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
