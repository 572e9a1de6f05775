/** Compares the provider's bill with the proxy's rows. */

import type { ExchangeRow } from "../../../src/storage/store.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { NO_FILTER } from "../../support/data/rows.ts";
import { microsOf, NO_TOKENS, plus, type Tokens } from "./bill.ts";
import { partsOf } from "./kinds.ts";
import type { Asked } from "./load.ts";
import type { Billed } from "./provider.ts";

/**
 * How the proxy came to what it says; `lost`: it was killed. `unseen`: the client left before a request was
 * there.
 */
export type Source = "provider" | "estimated" | "unknown" | "lost" | "unseen";

/** One exchange in both books. */
export interface Compared {
  readonly asked: Asked;
  readonly source: Source;
  readonly billed: Tokens;
  readonly billedMicros: number;
  readonly counted: Tokens;
  readonly countedMicros: number;
  /** What the provider bills of attempts that were given up, in millionths of a dollar. */
  readonly givenUpMicros: number;
}

/** When the proxy was not there, in milliseconds since 1970. */
export interface Outage {
  readonly from: number;
  readonly to: number;
}

/** Rows of the last second before a kill may be lost. */
const UNWRITTEN_MS = 1_000;
const PAGE = 10_000;

export interface Books {
  readonly asked: readonly Asked[];
  readonly bills: ReadonlyMap<number, Billed>;
  readonly seen: ReadonlySet<number>;
  readonly database: string;
  readonly outages: readonly Outage[];
  /** What the management API says that the token with a budget has spent. */
  readonly spentMicros: number;
}

/** Compares them; also gives what should not be. */
export async function compareBooks(books: Books): Promise<{ compared: Compared[]; problems: string[] }> {
  const problems: string[] = [];
  const rows = await rowsBySerial(books.database);
  let spent = 0;
  for (const row of [...rows.values()].flat()) {
    if (row.tokenId !== undefined) spent += row.costMicros ?? 0;
  }
  if (spent !== books.spentMicros) {
    problems.push(
      `the token has spent ${books.spentMicros} micro-dollars, and the sum of its rows is ${spent}`,
    );
  }
  const compared = books.asked.map((asked) => compare(asked, rows.get(asked.serial) ?? [], books));
  for (const one of compared) {
    const problem = problemOf(one, rows.get(one.asked.serial) ?? [], books);
    if (problem !== undefined) {
      const { serial, kind, outcome, hasBudget } = one.asked;
      const budget = hasBudget ? ", with a budget" : "";
      problems.push(`${kind.name} (${serial}, ${outcome.status} ${outcome.ended}${budget}): ${problem}`);
    }
  }
  return { compared, problems };
}

async function rowsBySerial(database: string): Promise<Map<number, ExchangeRow[]>> {
  const store = openSqlite(database);
  const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
  const rows = new Map<number, ExchangeRow[]>();
  let before: number | undefined;
  do {
    const { items, next } = await store.listExchanges({ limit: PAGE, before, ...filter });
    for (const row of items) {
      const serial = partsOf(row.path)?.serial ?? 0;
      rows.set(serial, [...rows.get(serial) ?? [], row]);
    }
    before = next;
  } while (before !== undefined);
  store.close();
  return rows;
}

function compare(asked: Asked, rows: readonly ExchangeRow[], { bills, seen, outages }: Books): Compared {
  const bill = bills.get(asked.serial);
  // Rows count attempts that were given up, too.
  const billed = plus(bill?.tokens ?? NO_TOKENS, bill?.givenUp ?? NO_TOKENS);
  const sources = new Set(rows.map(({ usageSource }) => usageSource));
  const isLost = outages.some(({ from, to }) =>
    asked.endedAt >= from - UNWRITTEN_MS && asked.startedAt <= to
  );
  const source = rows.length === 0
    ? isLost ? "lost" : seen.has(asked.serial) ? "unknown" : "unseen"
    : sources.has("estimated")
    ? "estimated"
    : sources.has("provider")
    ? "provider"
    : isLost
    ? "lost"
    : "unknown";
  return {
    asked,
    source,
    billed,
    billedMicros: microsOf(billed),
    counted: rows.map(tokensOf).reduce(plus, NO_TOKENS),
    countedMicros: rows.reduce((sum, { costMicros = 0 }) => sum + costMicros, 0),
    givenUpMicros: microsOf(bill?.givenUp ?? NO_TOKENS),
  };
}

function tokensOf(row: ExchangeRow): Tokens {
  const { inputTokens = 0, outputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0 } = row;
  return { input: inputTokens, output: outputTokens, cached: cachedTokens, written: cacheWriteTokens };
}

function problemOf(one: Compared, rows: readonly ExchangeRow[], { bills, seen }: Books): string | undefined {
  const { asked, source, billed, counted, billedMicros, countedMicros } = one;
  if (source === "lost" || source === "unseen") return undefined;
  if (rows.length === 0) return seen.has(asked.serial) ? "went to the provider and has no row" : undefined;
  const isMisplaced = rows.some(({ costMicros = 0, tokenId }) =>
    costMicros > 0 && (tokenId !== undefined) !== asked.hasBudget
  );
  if (isMisplaced) return "counts for the token that looked at it";
  if (rows.length > 1 && asked.kind.isBackground !== true) return `has ${rows.length} rows`;
  const isSame =
    (["input", "output", "cached", "written"] as const).every((name) => billed[name] === counted[name]) &&
    billedMicros === countedMicros;
  if (source === "provider") {
    return isSame
      ? undefined
      : `the provider bills ${shown(billed, billedMicros)}, the proxy counts ${
        shown(counted, countedMicros)
      } as told`;
  }
  // Nobody knows what a background response used that was not looked at when it was over.
  if (asked.kind.isBackground === true && !asked.isFetched) return undefined;
  if (asked.kind.fails === "slow") return undefined;
  const isTold = asked.outcome.ended === "whole" && bills.get(asked.serial)?.isTold === true;
  return isTold ? `${shown(billed, billedMicros)} was told, and the proxy says ${source}` : undefined;
}

function shown({ input, output, cached, written }: Tokens, micros: number): string {
  return `${input} in (${cached} cached, ${written} written), ${output} out, ${micros} micro-dollars`;
}
