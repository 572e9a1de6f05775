/** Prints what a new list of prices changes. */

import type {
  ChangedModel,
  ListedModel,
  PriceChanges,
  ShownPrice,
} from "../../accounting/prices/price_changes.ts";
import { counted } from "../../text/counted.ts";
import { styled } from "../colours.ts";
import { priceCells } from "./prices.ts";
import { tableText } from "../table.ts";

/** The most models in a table. `--json` prints all models. */
const MOST_SHOWN = 40;

/** A model with a changed price. */
export interface UsedChange extends ChangedModel {
  /** Whether clients used the model in the last days. */
  readonly isUsed: boolean;
}

/** Returns the tables of all changes: changed prices first, then new and removed models. */
export function changesText(
  { changes: { added, removed, providers, renamed }, changed, leftOut, unknownKinds }: {
    changes: PriceChanges;
    changed: readonly UsedChange[];
    leftOut: readonly string[];
    unknownKinds: readonly string[];
  },
): string {
  const sections = [
    section("Prices change", changed, {
      headings: ["provider", "model", "input", "output", "cached", ""],
      rowOf: ({ provider, model, before, after, isUsed }) => [
        provider,
        model,
        ...changedCells(before, after),
        remarksOf({ before, after, isUsed }),
      ],
    }),
    section("New models", added, { headings: LISTED, rowOf: listedRow }),
    section("Models that lose their price", removed, { headings: LISTED, rowOf: listedRow }),
    section("Providers", providers, { headings: ["change"], rowOf: (change) => [change] }),
  ].filter((text) => text !== "");
  const notes = [
    ...renamed > 0 ? [`${counted(renamed, "model is", "models are")} found by other names.`] : [],
    ...unknownKinds.length > 0
      ? [`This version does not know these kinds of prices, and leaves them out: ${unknownKinds.join(", ")}.`]
      : [],
    ...leftOut.length > 0
      ? [
        `${
          counted(leftOut.length, "model is", "models are")
        } left out, because all their prices are of these kinds.`,
      ]
      : [],
  ];
  return [...sections, ...notes.length > 0 ? [`${notes.join("\n")}\n`] : []].join("\n");
}

const LISTED = ["provider", "model", "input", "output", "cached"];

function listedRow({ provider, model, price }: ListedModel): string[] {
  return [provider, model, ...priceCells(price)];
}

function section<Item>(
  title: string,
  items: readonly Item[],
  { headings, rowOf }: { headings: readonly string[]; rowOf: (item: Item) => readonly string[] },
): string {
  if (items.length === 0) return "";
  const shown = items.slice(0, MOST_SHOWN);
  const more = items.length > shown.length
    ? `and ${items.length - shown.length} more; --json prints all\n`
    : "";
  return `${styled("bold", `${title}: ${items.length}`)}\n${tableText(headings, shown.map(rowOf))}${more}`;
}

function changedCells(before: ShownPrice, after: ShownPrice): string[] {
  const now = priceCells(after);
  return priceCells(before).map((cell, index) =>
    cell === now[index] ? cell : `${cell} -> ${now[index] ?? "-"}`
  );
}

function remarksOf({ before, after, isUsed }: Pick<UsedChange, "before" | "after" | "isUsed">): string {
  const isElsewhere = priceCells(before).join() === priceCells(after).join();
  return [
    ...isUsed ? ["in use"] : [],
    ...becomesFree(before, after) ? ["now free"] : [],
    ...isElsewhere ? ["other kinds or times"] : [],
  ].join(", ");
}

function becomesFree(before: ShownPrice, after: ShownPrice): boolean {
  const isFree = ({ input = 0, output = 0 }: ShownPrice): boolean => input === 0 && output === 0;
  return isFree(after) && !isFree(before);
}
