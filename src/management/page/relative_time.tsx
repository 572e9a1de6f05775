import { moment, relative } from "./format.ts";

/**
 * A time relative to now, with the full date and time as its tooltip. `at` is null where it never happened.
 */
export function RelativeTime({ at }: { at: string | null }) {
  return at === null ? "never" : <span title={moment(at)}>{relative(at)}</span>;
}
