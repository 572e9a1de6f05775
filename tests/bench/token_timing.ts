/** `deno task bench --timing`: whether the time of a token's check tells how much of a guess was right. */

import {
  guessesOf,
  guessesOfOtherLengths,
  isSameText,
  managedGuesses,
  misspeltGuesses,
  sharedCheck,
} from "../support/clients/guesses.ts";
import { type Check, type Guess, largestRatio, timeGuesses } from "../support/time/timing.ts";

const OPTIONS = { repetitions: 100, rounds: 60, calls: 20 };
/** As `openssl rand -hex 24` makes them. */
const TOKEN_BYTES = 24;

/** Prints a table for each check, and what a naive comparison would show. */
export async function benchTiming(): Promise<void> {
  const guess = () => crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
  const { repetitions, rounds, calls } = OPTIONS;
  console.log(
    `Nanoseconds of one check; ${repetitions} repetitions with new tokens, each of ${rounds} interleaved rounds\n` +
      `of ${calls} checks. z: in how many repetitions more than half it took longer than the first, in standard\n` +
      `deviations. The largest value is ${Math.sqrt(repetitions).toFixed(0)}.\n`,
  );
  await report("PROXY_TOKEN as long as the guess", () => guessesOf(guess(), sharedCheck));
  await report("PROXY_TOKEN of other lengths", () => guessesOfOtherLengths(guess()));
  await report("a managed token, a well-formed guess", managedGuesses);
  await report("a managed token, a guess with a wrong checksum", misspeltGuesses);
  const naively = (token: string) => (candidate: string) => isSameText(candidate, token);
  await report("for comparison: characters instead of hashes", () => guessesOf(guess(), naively));
  const behindHashes = (token: string): Check => {
    const check = sharedCheck(token);
    return (candidate) => check(candidate) !== undefined || isSameText(candidate, token);
  };
  await report("for comparison: characters behind the hashes", () => guessesOf(guess(), behindHashes));
}

async function report(title: string, makeGuesses: () => readonly Guess[]): Promise<void> {
  const timings = await timeGuesses(makeGuesses, OPTIONS);
  const line = (name: string, ...figures: readonly string[]) =>
    console.log(`  ${name.padEnd(30)}${figures.map((figure) => figure.padStart(9)).join("")}`);
  console.log(title);
  line("", "median", "p90", "z");
  for (const { name, medianNs, p90Ns, z } of timings) {
    line(name, medianNs.toFixed(0), p90Ns.toFixed(0), z.toFixed(1));
  }
  console.log(`  largest difference of medians: ${((largestRatio(timings) - 1) * 100).toFixed(1)} %\n`);
}
