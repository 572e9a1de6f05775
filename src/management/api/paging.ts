import type { Listed, Page } from "../../storage/store.ts";
import { Problem } from "./problem.ts";

/** A page as it is asked for. */
export function pageOf({ limit, cursor }: { limit: number; cursor?: string | undefined }): Page {
  if (cursor === undefined) return { limit, before: undefined };
  const [, before] = /^c(\d{1,15})$/.exec(cursor) ?? [];
  if (before === undefined) throw new Problem(400, "#/query/cursor: is not one that this API gave");
  return { limit, before: Number(before) };
}

/** A page as it is given. */
export function listBody<Item>({ items, next }: Listed<Item>, shown: (item: Item) => unknown) {
  return { data: items.map(shown), next_cursor: next === undefined ? null : `c${next}` };
}
