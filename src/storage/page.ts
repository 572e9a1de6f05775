/** Pages of long lists in a store. */

/**
 * Which page of a list to read. `before` is the cursor of the previous page; undefined for the first page.
 */
export interface Page {
  readonly limit: number;
  readonly before: number | undefined;
}

/** The items of a page, the newest first. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** The cursor of the next page; `undefined` for the last page. */
  readonly next: number | undefined;
}
