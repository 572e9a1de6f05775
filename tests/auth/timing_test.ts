/**
 * The duration of a check must not reveal how much of a guess is right.
 *
 * These tests detect a comparison that ends at the first wrong character, in place of the hashes or after
 * them. If it replaces the hashes, the medians clearly differ. If it follows the hashes, the difference is
 * ten to a hundred nanoseconds of several thousand. That is less than the tolerance for a loaded machine, but
 * a sign test over many interleaved rounds finds it. Two tests below check that both methods work.
 *
 * These tests do not detect smaller differences, in caches or in the engine. That there is no leak follows
 * from the hashes: a client that guesses does not know which bytes of a hash will be right.
 */

import { assert } from "@std/assert";
import {
  guessesOf,
  guessesOfOtherLengths,
  isSameText,
  managedGuesses,
  misspeltGuesses,
  sharedCheck,
} from "../support/clients/guesses.ts";
import {
  type Guess,
  largestRatio,
  timeGuesses,
  type Timing,
  type TimingOptions,
} from "../support/time/timing.ts";

/** A token like those of `openssl rand -hex 24`. */
const GUESS = crypto.getRandomValues(new Uint8Array(24)).toHex();
/** A token so long that a comparison by characters takes most of the time. */
const LONG_GUESS = GUESS.repeat(64 * 1024 / GUESS.length);

const USUAL: TimingOptions = { rounds: 1_000, calls: 20 };
const LONG: TimingOptions = { rounds: 100, calls: 1 };

/** The tolerance for medians, so that the test does not fail on a loaded machine. */
const MARGIN = 1.4;
/**
 * The limit of the sign test. The value is below 4 without a difference, and above 12 with the difference
 * below.
 */
const FOUND = 8;

function textOf(timings: readonly Timing[]): string {
  return timings.map(({ name, medianNs, z }) => `${name}: ${medianNs.toFixed(0)} ns, z ${z.toFixed(1)}`).join(
    "\n",
  );
}

function assertTellsNothing(guesses: readonly Guess[], options: TimingOptions): void {
  const timings = timeGuesses(guesses, options);
  assert(largestRatio(timings) < MARGIN, textOf(timings));
  assert(timings.every(({ z }) => Math.abs(z) < FOUND), textOf(timings));
}

function behindHashes(token: string): (candidate: string) => boolean {
  const check = sharedCheck(token);
  return (candidate) => check(candidate) !== undefined || isSameText(candidate, token);
}

Deno.test("timing: a guess of PROXY_TOKEN takes the same time, with any correct prefix", () => {
  assertTellsNothing(guessesOf(GUESS, sharedCheck), USUAL);
});

Deno.test("timing: the time does not depend on the length of the token", () => {
  assertTellsNothing(guessesOfOtherLengths(GUESS), USUAL);
});

Deno.test("timing: the time is the same for tokens that a comparison by characters would reveal", () => {
  assertTellsNothing(guessesOf(LONG_GUESS, sharedCheck), LONG);
});

Deno.test("timing: a guess of a managed token takes the same time, with a right checksum or a wrong one", async () => {
  assertTellsNothing(await managedGuesses(), USUAL);
  assertTellsNothing(await misspeltGuesses(), USUAL);
});

Deno.test("timing: the medians detect a comparison that ends early, in place of the hashes", () => {
  for (const [guess, options] of [[GUESS, USUAL], [LONG_GUESS, LONG]] as const) {
    const naive = (token: string) => (candidate: string) => isSameText(candidate, token);
    const timings = timeGuesses(guessesOf(guess, naive), options);
    assert(largestRatio(timings) > 2 * MARGIN, textOf(timings));
  }
});

Deno.test("timing: the sign test detects an early end after the hashes, which the medians miss", () => {
  const timings = timeGuesses(guessesOf(GUESS, behindHashes), USUAL);
  assert(largestRatio(timings) < MARGIN, textOf(timings));
  assert((timings.at(-1)?.z ?? 0) > FOUND, textOf(timings));
});
