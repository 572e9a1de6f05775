/** `deno task bench --timing`: whether the time of a token's check tells how much of a guess was right. */

import {
  guessesOf,
  guessesOfOtherLengths,
  isSameText,
  managedGuesses,
  misspeltGuesses,
  sharedCheck,
} from "../support/clients/guesses.ts";
import { type Guess, largestRatio, timeGuesses } from "../support/time/timing.ts";

const OPTIONS = { rounds: 4_000, calls: 20 };
/** As `openssl rand -hex 24` makes them. */
const TOKEN_BYTES = 24;

/** Prints a table for each check, and what a naive comparison would show. */
export async function benchTiming(): Promise<void> {
  const guess = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
  console.log(
    `Nanoseconds of one check; ${OPTIONS.rounds} interleaved rounds, each the mean of ${OPTIONS.calls} checks.\n` +
      "z: how much more often than by chance it took longer than the first, in standard deviations.\n",
  );
  report("PROXY_TOKEN as long as the guess", guessesOf(guess, sharedCheck));
  report("PROXY_TOKEN of other lengths", guessesOfOtherLengths(guess));
  report("a managed token, a well-formed guess", await managedGuesses());
  report("a managed token, a guess with a wrong checksum", await misspeltGuesses());
  const naively = (token: string) => (candidate: string) => isSameText(candidate, token);
  report("for comparison: characters instead of hashes", guessesOf(guess, naively));
  const behindHashes = (token: string) => {
    const check = sharedCheck(token);
    return (candidate: string) => check(candidate) !== undefined || isSameText(candidate, token);
  };
  report("for comparison: characters behind the hashes", guessesOf(guess, behindHashes));
}

function report(title: string, guesses: readonly Guess[]): void {
  const timings = timeGuesses(guesses, OPTIONS);
  const line = (name: string, ...figures: readonly string[]) =>
    console.log(`  ${name.padEnd(30)}${figures.map((figure) => figure.padStart(9)).join("")}`);
  console.log(title);
  line("", "median", "p90", "z");
  for (const { name, medianNs, p90Ns, z } of timings) {
    line(name, medianNs.toFixed(0), p90Ns.toFixed(0), z.toFixed(1));
  }
  console.log(`  largest difference of medians: ${((largestRatio(timings) - 1) * 100).toFixed(1)} %\n`);
}
