/** Loops that end: a test whose loop would go on forever fails with its name, and does not hang. */

/**
 * Gives the numbers of the turns of a loop, from 0. Throws an error with the loop's name after `most` turns.
 */
export function* turns(most: number, what: string): Generator<number, never> {
  for (let turn = 0; turn < most; turn++) yield turn;
  throw new Error(`${what} did not end within ${most} turns`);
}
