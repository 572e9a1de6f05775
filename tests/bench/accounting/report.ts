/** The tables of a reconciliation. */

import { aligned } from "../aligned.ts";
import type { Compared, Source } from "./books.ts";
import { NO_TOKENS, plus } from "./bill.ts";

const SOURCES: readonly Source[] = ["provider", "estimated", "unknown", "lost", "unseen"];
/** Smaller ones are no measure of an error in percent. */
const LEAST_MICROS = 300;

/** Kind by kind what both books say. */
export function reconciliationTable(compared: readonly Compared[]): string[] {
  const rows = [[
    "kind",
    "source",
    "exchanges",
    "provider: in",
    "out",
    "dollars",
    "proxy: in",
    "out",
    "dollars",
    "difference",
  ]];
  const kinds = [...new Set(compared.map(({ asked }) => asked.kind))];
  for (const kind of kinds) {
    for (const source of SOURCES) {
      const of = compared.filter((one) => one.asked.kind === kind && one.source === source);
      if (of.length > 0) rows.push(summed(kind.name, source, of));
    }
  }
  for (const source of SOURCES) {
    const of = compared.filter((one) => one.source === source);
    if (of.length > 0) rows.push(summed("all", source, of));
  }
  rows.push(summed("all", "", compared));
  return aligned(rows, 2);
}

function summed(name: string, source: string, compared: readonly Compared[]): string[] {
  const billed = compared.map((one) => one.billed).reduce(plus, NO_TOKENS);
  const counted = compared.map((one) => one.counted).reduce(plus, NO_TOKENS);
  const billedMicros = sum(compared.map((one) => one.billedMicros));
  const countedMicros = sum(compared.map((one) => one.countedMicros));
  return [
    name,
    source,
    String(compared.length),
    String(billed.input),
    String(billed.output),
    dollars(billedMicros),
    String(counted.input),
    String(counted.output),
    dollars(countedMicros),
    billedMicros === countedMicros
      ? "0"
      : billedMicros === 0
      ? "-"
      : percent((countedMicros - billedMicros) / billedMicros),
  ];
}

/** How far estimates are from the bill, exchange by exchange, with a budget and without one. */
export function estimateTable(compared: readonly Compared[]): string[] {
  const estimates = compared.filter(({ source }) => source === "estimated");
  const rows = [[
    "estimates",
    "budget",
    "exchanges",
    "median error",
    "95 of 100 within",
    "most below",
    "most above",
  ]];
  const groups: [name: string, of: readonly Compared[]][] = [
    ...[...new Set(estimates.map(({ asked }) => asked.kind))].map((kind): [string, Compared[]] => [
      kind.name,
      estimates.filter(({ asked }) => asked.kind === kind),
    ]),
    ["all", estimates],
  ];
  for (const [name, of] of groups) {
    for (const hasBudget of [false, true]) {
      const own = of.filter(({ asked }) => asked.hasBudget === hasBudget);
      if (own.length > 0) rows.push(errorsOf(name, hasBudget, own));
    }
  }
  return aligned(rows, 2);
}

function errorsOf(name: string, hasBudget: boolean, compared: readonly Compared[]): string[] {
  const shares = compared.filter(({ billedMicros }) => billedMicros >= LEAST_MICROS)
    .map(({ billedMicros, countedMicros }) => (countedMicros - billedMicros) / billedMicros);
  const sizes = shares.map(Math.abs).sort((one, other) => one - other);
  const at = (share: number): string =>
    sizes.length === 0 ? "-" : percent(sizes[Math.ceil(sizes.length * share) - 1] ?? 0);
  const differences = compared.map(({ billedMicros, countedMicros }) => countedMicros - billedMicros);
  const worst = (amount: number, share: number): string => `${percent(share)} ${dollars(amount)}`;
  return [
    name,
    hasBudget ? "yes" : "no",
    String(compared.length),
    at(0.5).replace("+", ""),
    at(0.95).replace("+", ""),
    worst(Math.min(0, ...differences), Math.min(0, ...shares)),
    worst(Math.max(0, ...differences), Math.max(0, ...shares)),
  ];
}

export function dollars(micros: number): string {
  return `${micros < 0 ? "-" : ""}$${(Math.abs(micros) / 1e6).toFixed(4)}`;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

function percent(share: number): string {
  return `${share > 0 ? "+" : ""}${(share * 100).toFixed(Math.abs(share) < 10 ? 1 : 0)} %`;
}
