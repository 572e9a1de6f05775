/** Counts the events of the last minute, in a fixed amount of memory. */

const BUCKET_MS = 1_000;
/**
 * One second more than a minute, because the oldest second is only partly in it. So no minute exceeds a
 * limit.
 */
const BUCKETS = 61;

/** A sliding count of the last minute, in steps of a second. */
export class MinuteWindow {
  readonly #counts = new Float64Array(BUCKETS);
  /** The latest second that was counted. */
  #second = 0;
  #sum = 0;

  /** The count of the last minute. `now` is in milliseconds of a monotonic clock. */
  sum(now: number): number {
    this.#advance(now);
    return this.#sum;
  }

  /** Adds to the count at the time `now`, in milliseconds of a monotonic clock. */
  add(now: number, amount: number): void {
    this.#advance(now);
    const index = this.#second % BUCKETS;
    this.#counts[index] = (this.#counts[index] ?? 0) + amount;
    this.#sum += amount;
  }

  /** Removes what {@link add} added at the time `at`, unless it is no longer in the window. */
  remove(at: number, amount: number): void {
    const second = Math.floor(at / BUCKET_MS);
    if (second > this.#second || second <= this.#second - BUCKETS) return;
    this.#counts[second % BUCKETS] = (this.#counts[second % BUCKETS] ?? 0) - amount;
    this.#sum -= amount;
  }

  /** The milliseconds until the count is below a limit, if nothing is added. */
  msUntilBelow(now: number, limit: number): number {
    this.#advance(now);
    let sum = this.#sum;
    for (let age = BUCKETS - 1; age >= 0; age--) {
      if (sum < limit) return Math.max(0, (this.#second - age - 1 + BUCKETS) * BUCKET_MS - now);
      sum -= this.#counts[(this.#second - age + BUCKETS) % BUCKETS] ?? 0;
    }
    return (this.#second + BUCKETS) * BUCKET_MS - now;
  }

  #advance(now: number): void {
    const second = Math.floor(now / BUCKET_MS);
    const passed = second - this.#second;
    if (passed <= 0) return;
    if (passed >= BUCKETS) {
      this.#counts.fill(0);
      this.#sum = 0;
    } else {
      for (let next = this.#second + 1; next <= second; next++) {
        this.#sum -= this.#counts[next % BUCKETS] ?? 0;
        this.#counts[next % BUCKETS] = 0;
      }
    }
    this.#second = second;
  }
}
