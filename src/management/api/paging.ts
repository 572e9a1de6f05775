import type { Listed, Page } from "../../storage/page.ts";
import { Problem } from "./problem.ts";

/** Reads the page of a list from a query. Throws a {@link Problem} for an invalid cursor. */
export function pageOf({ limit, cursor }: { limit: number; cursor?: string | undefined }): Page {
  if (cursor === undefined) return { limit, before: undefined };
  const [, before] = /^c(\d{1,15})$/.exec(cursor) ?? [];
  if (before === undefined) throw new Problem(400, "#/query/cursor: is not a cursor of this API");
  return { limit, before: Number(before) };
}

/** Makes the response body of a page of a list. */
export function listBody<Item>({ items, next }: Listed<Item>, shown: (item: Item) => unknown) {
  return { data: items.map(shown), next_cursor: next === undefined ? null : `c${next}` };
}
