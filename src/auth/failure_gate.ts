/** Slows down clients that guess tokens, by their address. */

import { addressGroup } from "../network/ip_ranges.ts";
import type { Clock } from "../time/clock.ts";
import { FORGOTTEN_MS, MAX_ADDRESSES, SEEN_GUESSES, waitAfter } from "../limits/shared/guess_waits.ts";
import type { GuessPlace } from "./guess_place.ts";

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
  /** Reports wrong tokens to other replicas. */
  #report: ((group: string, guess: string) => void) | undefined;

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
    this.#report?.(keyOf(address, place), guess);
    this.#onGuess?.({ address, guess, place });
  }

  /** Counts a wrong token that another thread has received. */
  learnGuess({ address, guess, place }: Guess): void {
    const group = keyOf(address, place);
    const failures = this.#failuresOf(group);
    if (failures.seen.has(guess)) return;
    if (failures.seen.size < SEEN_GUESSES) failures.seen.add(guess);
    failures.count++;
    const waitMs = waitAfter(failures.count);
    if (waitMs > 0) failures.blockedUntil = Math.max(failures.blockedUntil, failures.lastAt + waitMs);
  }

  /** Reports each wrong token of a group of addresses, for replicas that count them together. */
  share(report: (group: string, guess: string) => void): void {
    this.#report = report;
  }

  /** Makes a group of addresses wait, because replicas together got too many wrong tokens from it. */
  wait(group: string, waitMs: number): void {
    const failures = this.#failuresOf(group);
    failures.blockedUntil = Math.max(failures.blockedUntil, failures.lastAt + waitMs);
  }

  /** The counts of a group that sends a wrong token now. */
  #failuresOf(group: string): Failures {
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
    return failures;
  }

  #forgetOldest(): void {
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
  }
}

function keyOf(address: string, place: GuessPlace): string {
  return place === "header" ? addressGroup(address) : `${addressGroup(address)} ${place}`;
}
