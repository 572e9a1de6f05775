/** Slows down clients that guess tokens, by their address. */

import { addressGroup } from "../network/ip_ranges.ts";
import type { Clock } from "../time/clock.ts";
import type { GuessPlace } from "./guess_place.ts";

/** The number of wrong tokens without a wait, because people mistype, and clients keep old settings. */
const FREE_FAILURES = 5;
/** The wait after the next wrong token. Each further wrong token doubles it, up to the longest wait. */
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** The count of an address starts again after this time without a wrong token. */
const FORGOTTEN_MS = 60 * 60_000;
/**
 * The most addresses that are counted. Beyond that, the gate forgets the address with the oldest wrong token.
 */
const MAX_ADDRESSES = 10_000;

interface Failures {
  /** Hashes of the wrong values. A repeated value is not a new guess. */
  readonly seen: Set<string>;
  count: number;
  lastAt: number;
  blockedUntil: number;
  /** The end of the wait that {@link FailureGate.isNewWait} has reported. */
  notedUntil: number;
}

/** A wrong token of an address. */
export interface Guess {
  readonly address: string;
  /** A hash of the token. */
  readonly guess: string;
  readonly place: GuessPlace;
}

/** Counts different wrong tokens by address. A client that repeats an old token does not guess. */
export class FailureGate {
  readonly #clock: Clock;
  readonly #onGuess: ((guess: Guess) => void) | undefined;
  readonly #failures = new Map<string, Failures>();

  /** `onGuess` is called with each wrong token that {@link recordGuess} counts. */
  constructor(clock: Clock, { onGuess }: { readonly onGuess?: (guess: Guess) => void } = {}) {
    this.#clock = clock;
    this.#onGuess = onGuess;
  }

  /** Whether the gate has counted no wrong token of any address. */
  get isEmpty(): boolean {
    return this.#failures.size === 0;
  }

  /** How long an address must wait with tokens in a place, in milliseconds. 0 if it need not wait. */
  waitMs(address: string, place: GuessPlace = "header"): number {
    const failures = this.#failures.get(keyOf(address, place));
    return failures === undefined ? 0 : Math.max(0, failures.blockedUntil - this.#clock.now());
  }

  /** Whether an address waits and this is the first call during the wait. A wait is logged once. */
  isNewWait(address: string, place: GuessPlace = "header"): boolean {
    const failures = this.#failures.get(keyOf(address, place));
    if (failures === undefined || failures.blockedUntil <= this.#clock.now()) return false;
    if (failures.notedUntil === failures.blockedUntil) return false;
    failures.notedUntil = failures.blockedUntil;
    return true;
  }

  /** Counts a wrong token of an address. `guess` is a hash of the token. */
  recordGuess(address: string, guess: string, place: GuessPlace = "header"): void {
    this.learnGuess({ address, guess, place });
    this.#onGuess?.({ address, guess, place });
  }

  /** Counts a wrong token that another thread has received. */
  learnGuess({ address, guess, place }: Guess): void {
    const group = keyOf(address, place);
    const now = this.#clock.now();
    let failures = this.#failures.get(group);
    if (failures === undefined || now - failures.lastAt > FORGOTTEN_MS) {
      failures = { seen: new Set(), count: 0, lastAt: now, blockedUntil: 0, notedUntil: 0 };
    }
    // The map is ordered by the time of the last wrong token.
    this.#failures.delete(group);
    this.#failures.set(group, failures);
    this.#forgetOldest();
    failures.lastAt = now;
    if (failures.seen.has(guess)) return;
    if (failures.seen.size < FREE_FAILURES * 2) failures.seen.add(guess);
    failures.count++;
    const over = failures.count - FREE_FAILURES;
    if (over < 0) return;
    failures.blockedUntil = now + Math.min(FIRST_WAIT_MS * 2 ** Math.min(over, 30), LONGEST_WAIT_MS);
  }

  #forgetOldest(): void {
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
  }
}

function keyOf(address: string, place: GuessPlace): string {
  return place === "header" ? addressGroup(address) : `${addressGroup(address)} ${place}`;
}
