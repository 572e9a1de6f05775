/**
 * The time of a check must not tell how much of a guess was right.
 *
 * What these tests see: a comparison that ends at the first wrong character, in place of the hashes or behind them. In
 * place of them the medians show it by far. Behind them it takes some ten to hundred nanoseconds of several thousand,
 * which disappear in the margin that a loaded machine needs; a sign test over many interleaved rounds finds them all
 * the same. Both are tried here, on purpose.
 *
 * What they cannot see: differences smaller than that, in caches or in the engine. They show no leak where there is
 * none to be measured; that there is none follows from the hashes: whoever guesses cannot tell which bytes of a hash
 * a guess will have right.
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

/** As `openssl rand -hex 24` makes them. */
const GUESS = crypto.getRandomValues(new Uint8Array(24)).toHex();
/** Long enough for a comparison by characters to take long beside all else. */
const LONG_GUESS = GUESS.repeat(64 * 1024 / GUESS.length);

const USUAL: TimingOptions = { rounds: 1_000, calls: 20 };
const LONG: TimingOptions = { rounds: 100, calls: 1 };

/** Medians that differ by less are called the same: a loaded machine must not fail the test. */
const MARGIN = 1.4;
/** Where the sign test has found something: without a difference it stays below 4, with the one tried here above 12. */
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
