/** The waits after wrong tokens, the same for one process and for several. */

/** The number of wrong tokens without a wait, because people mistype, and clients keep old settings. */
export const FREE_FAILURES = 5;
/**
 * The wait after the next wrong token, in milliseconds. Each further wrong token doubles it, up to the
 * longest wait.
 */
export const FIRST_WAIT_MS = 15_000;
/** The longest wait, in milliseconds. */
export const LONGEST_WAIT_MS: number = 15 * 60_000;
/** The count of an address starts again after this time without a wrong token, in milliseconds. */
export const FORGOTTEN_MS: number = 60 * 60_000;
/**
 * The most addresses that are counted. Beyond that, the address with the oldest wrong token is forgotten.
 */
export const MAX_ADDRESSES = 10_000;
/**
 * The most different wrong tokens of an address that are remembered. A repeated wrong token is not a new
 * guess.
 */
export const SEEN_GUESSES: number = 2 * FREE_FAILURES;

/** How long an address must wait after this many different wrong tokens, in milliseconds. */
export function waitAfter(failures: number): number {
  const over = failures - FREE_FAILURES;
  return over < 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** Math.min(over, 30), LONGEST_WAIT_MS);
}
