/**
 * Notes with the pages of costs that the database has, one for each replica. The shared counts remove these
 * pages when they have the spending of the database.
 */

import type { Note } from "./store.ts";

/** The beginning of the names of these notes. After it comes the id of the replica. */
export const COSTS_PREFIX = "costs ";

/** A note that the database has all costs of a replica up to a page. `at` is in milliseconds since 1970. */
export function costNote(replica: string, page: number, at: number): Note {
  return { name: COSTS_PREFIX + replica, value: `${at} ${page}` };
}

/** The last page of each replica. */
export function pagesOf(notes: readonly Note[]): Record<string, number> {
  return Object.fromEntries(
    notes.map(({ name, value }) => [
      name.slice(COSTS_PREFIX.length),
      Number(value.slice(value.indexOf(" ") + 1)),
    ]),
  );
}
