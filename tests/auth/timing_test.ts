/**
 * The duration of a check must not reveal how much of a guess is right.
 *
 * These tests detect a comparison that ends at the first wrong character, in place of the hashes or after
 * them. If it replaces the hashes, the medians clearly differ. If it follows the hashes, the difference is
 * ten to a hundred nanoseconds of several thousand. That is less than the tolerance for a loaded machine, but
 * a sign test over many repetitions finds it. Two tests below check that both methods work.
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
  type Check,
  type Guess,
  largestRatio,
  timeGuesses,
  type Timing,
  type TimingOptions,
} from "../support/time/timing.ts";

const TOKEN_BYTES = 24;
/** A token so long that a comparison by characters takes most of the time. */
const LONG_BYTES = 32 * 1024;

const USUAL: TimingOptions = { repetitions: 80, rounds: 40, calls: 20 };
const LONG: TimingOptions = { repetitions: 80, rounds: 6, calls: 1 };

/** The tolerance for medians, so that the test does not fail on a loaded machine. */
const MARGIN = 1.4;
/**
 * The limit of the sign test: 63 of 80 repetitions. Without a difference, chance reaches it less than once in
 * a million comparisons. The difference below has values from 6 to 9.
 */
const FOUND = 5;

function textOf(timings: readonly Timing[]): string {
  return timings.map(({ name, medianNs, z }) => `${name}: ${medianNs.toFixed(0)} ns, z ${z.toFixed(1)}`).join(
    "\n",
  );
}

async function assertTellsNothing(
  makeGuesses: () => readonly Guess[],
  options: TimingOptions,
): Promise<void> {
  const timings = await timeGuesses(makeGuesses, options);
  assert(largestRatio(timings) < MARGIN, textOf(timings));
  assert(timings.every(({ z }) => Math.abs(z) < FOUND), textOf(timings));
}

/** A text like those of `openssl rand -hex`. */
function tokenOf(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

function behindHashes(token: string): Check {
  const check = sharedCheck(token);
  return (candidate) => check(candidate) !== undefined || isSameText(candidate, token);
}

Deno.test("timing: a guess of PROXY_TOKEN takes the same time, with any correct prefix", async () => {
  await assertTellsNothing(() => guessesOf(tokenOf(TOKEN_BYTES), sharedCheck), USUAL);
});

Deno.test("timing: the time does not depend on the length of the token", async () => {
  await assertTellsNothing(() => guessesOfOtherLengths(tokenOf(TOKEN_BYTES)), USUAL);
});

Deno.test("timing: the time is the same for tokens that a comparison by characters would reveal", async () => {
  await assertTellsNothing(() => guessesOf(tokenOf(LONG_BYTES), sharedCheck), LONG);
});

Deno.test("timing: a guess of a managed token takes the same time, with a right checksum or a wrong one", async () => {
  await assertTellsNothing(managedGuesses, USUAL);
  await assertTellsNothing(misspeltGuesses, USUAL);
});

Deno.test("timing: the medians detect a comparison that ends early, in place of the hashes", async () => {
  const naive = (token: string) => (candidate: string) => isSameText(candidate, token);
  for (const [bytes, options] of [[TOKEN_BYTES, USUAL], [LONG_BYTES, LONG]] as const) {
    const timings = await timeGuesses(() => guessesOf(tokenOf(bytes), naive), options);
    assert(largestRatio(timings) > 2 * MARGIN, textOf(timings));
  }
});

Deno.test("timing: the sign test detects an early end after the hashes, which the medians miss", async () => {
  const timings = await timeGuesses(() => guessesOf(tokenOf(TOKEN_BYTES), behindHashes), USUAL);
  assert(largestRatio(timings) < MARGIN, textOf(timings));
  assert((timings.at(-1)?.z ?? 0) > FOUND, textOf(timings));
});
