/** The waits after wrong tokens that several replicas share, in the memory of this process. */

import type { Clock } from "../../time/clock.ts";
import { FORGOTTEN_MS, MAX_ADDRESSES, SEEN_GUESSES, waitAfter } from "./guess_waits.ts";
import type { GuessWait, RenewalResult } from "./shared_limits.ts";

interface Guesses {
  readonly seen: Set<string>;
  count: number;
  lastAt: number;
  until: number;
  /** The mark of the latest change of the wait. */
  mark: number;
}

/** Counts different wrong tokens by the groups of addresses that sent them. */
export class MemoryWaits {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Guesses>();
  #mark = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a wrong token of a group of addresses. `guess` is a hash of the token. Returns the rest of the
   * group's wait.
   */
  guess(group: string, guess: string): GuessWait {
    const now = this.#clock.now();
    let guesses = this.#groups.get(group);
    if (guesses === undefined || now - guesses.lastAt > FORGOTTEN_MS) {
      guesses = { seen: new Set(), count: 0, lastAt: now, until: 0, mark: 0 };
    }
    // The map is ordered by the time of the last wrong token.
    this.#groups.delete(group);
    this.#groups.set(group, guesses);
    const [oldest] = this.#groups.keys();
    if (this.#groups.size > MAX_ADDRESSES && oldest !== undefined) this.#groups.delete(oldest);
    guesses.lastAt = now;
    if (!guesses.seen.has(guess)) {
      if (guesses.seen.size < SEEN_GUESSES) guesses.seen.add(guess);
      guesses.count++;
      const waitMs = waitAfter(guesses.count);
      if (waitMs > 0) {
        guesses.until = now + waitMs;
        guesses.mark = ++this.#mark;
      }
    }
    return { group, waitMs: Math.max(0, guesses.until - now) };
  }

  /** Returns the waits that have changed since a mark, and the present mark. */
  since(waitsMark: number): Pick<RenewalResult, "waits" | "waitsMark"> {
    const now = this.#clock.now();
    const changed = [...this.#groups].filter(([, { until, mark }]) => mark > waitsMark && until > now);
    changed.sort(([, one], [, other]) => one.mark - other.mark);
    const waits = changed.map(([group, { until }]) => ({ group, waitMs: until - now }));
    return { waits, waitsMark: this.#mark };
  }
}
