import type { Listed, Page } from "../page.ts";
import type { Row } from "./row.ts";
import { number } from "./row_values.ts";

/** Makes a page of rows. The rows are one more than the page, if another page follows. */
export function pageOf<Item>(
  rows: readonly Row[],
  { limit }: Page,
  itemOf: (row: Row) => Item,
): Listed<Item> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(itemOf), next: rows.length > limit && last ? number(last, "seq") : undefined };
}
