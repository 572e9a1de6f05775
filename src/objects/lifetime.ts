/** How long providers keep objects, so that the proxy can forget them afterwards. */

const DAY_MS = 24 * 3_600_000;
/** For objects that a client deletes, or never. */
const DEFAULT_DAYS = 400;
/** The longest times in the providers' documentation, and a day more. By the beginning of the id. */
const DAYS: readonly (readonly [prefix: string, days: number])[] = [
  ["resp", 31],
  ["chatcmpl", 31],
  ["msgbatch", 30],
  // Google's uploads end after a week.
  ["uploads/", 8],
  ["upload", 2],
  ["files/", 3],
  ["thread", 61],
];

/** How long an object with an id may exist, in milliseconds. */
export function lifetimeOf(id: string): number {
  return (DAYS.find(([prefix]) => id.startsWith(prefix))?.[1] ?? DEFAULT_DAYS) * DAY_MS;
}
