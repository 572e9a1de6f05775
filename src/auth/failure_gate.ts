/** Slows down those who guess tokens, by the address they come from. */

import { addressGroup } from "../network/ip_ranges.ts";
import type { Clock } from "../time/clock.ts";
import type { GuessPlace } from "./guess_place.ts";

/** Wrong tokens that cost nothing: people mistype, and clients keep old settings. */
const FREE_FAILURES = 5;
/** How long the next one makes an address wait; each further one makes it twice as long, up to the longest. */
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** An address that has been quiet for so long begins anew. */
const FORGOTTEN_MS = 60 * 60_000;
/** So many addresses are remembered; when there are more, the one that has been quiet longest is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Failures {
  /** Of the values that were wrong; one that comes again is no new guess. */
  readonly seen: Set<string>;
  count: number;
  lastAt: number;
  blockedUntil: number;
  /** The end of the wait of which somebody has been told. */
  notedUntil: number;
}

/** Counts wrong tokens by address: different ones, since a client that goes on with an old one guesses nothing. */
export class FailureGate {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nobody has sent a wrong token that is remembered. */
  get isEmpty(): boolean {
    return this.#failures.size === 0;
  }

  /** How long an address has to wait with tokens in that place, in milliseconds; 0: not at all. */
  waitMs(address: string, place: GuessPlace = "header"): number {
    const failures = this.#failures.get(guesser(address, place));
    return failures === undefined ? 0 : Math.max(0, failures.blockedUntil - this.#clock.now());
  }

  /** Whether this is asked for the first time while an address waits: its wait is an event once. */
  isNewWait(address: string, place: GuessPlace = "header"): boolean {
    const failures = this.#failures.get(guesser(address, place));
    if (failures === undefined || failures.blockedUntil <= this.#clock.now()) return false;
    if (failures.notedUntil === failures.blockedUntil) return false;
    failures.notedUntil = failures.blockedUntil;
    return true;
  }

  /** A wrong token came from an address. `guess` stands for its value and must not tell it. */
  failed(address: string, guess: string, place: GuessPlace = "header"): void {
    const group = guesser(address, place);
    const now = this.#clock.now();
    let failures = this.#failures.get(group);
    if (failures === undefined || now - failures.lastAt > FORGOTTEN_MS) {
      failures = { seen: new Set(), count: 0, lastAt: now, blockedUntil: 0, notedUntil: 0 };
    }
    // What was touched last stands last.
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

function guesser(address: string, place: GuessPlace): string {
  return place === "header" ? addressGroup(address) : `${addressGroup(address)} ${place}`;
}
