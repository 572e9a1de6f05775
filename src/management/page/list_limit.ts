/** The most items of a list that the page reads. A longer list would make the page slow. */
export const MAX_ITEMS = 10_000;

/**
 * Returns a notice for a list that may have more items than the page has read. `undefined` for a shorter
 * list.
 */
export function limitNotice(
  items: readonly unknown[],
  what: "tokens" | "projects" | "people",
): string | undefined {
  return items.length < MAX_ITEMS
    ? undefined
    : `This page shows the first ${
      MAX_ITEMS.toLocaleString("en")
    } ${what} only, and its search finds no others.`;
}
