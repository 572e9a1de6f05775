/** Counts what happened within the last minute, in a fixed amount of memory. */

const BUCKET_MS = 1_000;
/** One more than a minute has, since the oldest is only partly within it: no minute ever holds more than was allowed. */
const BUCKETS = 61;

/** A count that forgets after a minute, second by second. */
export class MinuteWindow {
  readonly #counts = new Float64Array(BUCKETS);
  /** The latest second that was counted. */
  #second = 0;
  #sum = 0;

  /** What the last minute holds. `now` is in milliseconds and never goes back. */
  sum(now: number): number {
    this.#advance(now);
    return this.#sum;
  }

  add(now: number, amount: number): void {
    this.#advance(now);
    const index = this.#second % BUCKETS;
    this.#counts[index] = (this.#counts[index] ?? 0) + amount;
    this.#sum += amount;
  }

  /** How long it takes until the sum is below a limit, if nothing is added. */
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
