/** What another list of prices changes, for people. */

import type { ChangedModel, ListedModel, PriceChanges, ShownPrice } from "../../accounting/price_changes.ts";
import { styled } from "../colours.ts";
import { priceCells } from "./prices.ts";
import { tableText } from "../table.ts";

/** How many models a table shows; `--json` has all. */
const MOST_SHOWN = 40;

/** A change, and whether the model was used lately. */
export interface UsedChange extends ChangedModel {
  readonly isUsed: boolean;
}

/** Changed prices first, those of models that were used before all others. */
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
    section("Models without a price from now on", removed, { headings: LISTED, rowOf: listedRow }),
    section("Providers", providers, { headings: ["change"], rowOf: (change) => [change] }),
  ].filter((text) => text !== "");
  const notes = [
    ...renamed > 0 ? [`${count(renamed, "model is", "models are")} found by other names.`] : [],
    ...unknownKinds.length > 0
      ? [`Kinds of prices that this version does not know are left out: ${unknownKinds.join(", ")}.`]
      : [],
    ...leftOut.length > 0 ? [`${count(leftOut.length, "model has", "models have")} no other: left out.`] : [],
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
    ? `and ${items.length - shown.length} more: --json shows all\n`
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
    ...isUsed ? ["used lately"] : [],
    ...becomesFree(before, after) ? ["now free"] : [],
    ...isElsewhere ? ["other kinds or times"] : [],
  ].join(", ");
}

function becomesFree(before: ShownPrice, after: ShownPrice): boolean {
  const isFree = ({ input = 0, output = 0 }: ShownPrice): boolean => input === 0 && output === 0;
  return isFree(after) && !isFree(before);
}

function count(number: number, one: string, several: string): string {
  return `${number} ${number === 1 ? one : several}`;
}
