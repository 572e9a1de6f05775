/**
 * Compares the books: what clients saw, what the upstream got, the access log, the rows and their hourly
 * sums.
 */

import type { ExchangeRow } from "../../../src/storage/store.ts";
import type { UsageRow } from "../../../src/storage/usage_store.ts";
import { openSqlite } from "../../../src/storage/sqlite/sqlite.ts";
import { ALL_TOGETHER, NO_FILTER } from "../../support/data/rows.ts";
import { partsOf } from "./kinds.ts";
import type { Ledger } from "./ledger.ts";
import type { LoggedExchange } from "./proxy_log.ts";

/** What is compared. */
export interface Books {
  /** The clients'. */
  readonly ledger: Ledger;
  /** The upstream's: under which configuration each exchange arrived there. */
  readonly arrived: ReadonlyMap<number, number>;
  /** The access log's. */
  readonly logged: ReadonlyMap<number, LoggedExchange>;
  /** The metrics' count of exchanges. */
  readonly counted: number;
  /** The database's file, which nobody has open. */
  readonly database: string;
}

/** What was found. */
export interface Balance {
  readonly rows: number;
  /** Exchanges of which a client saw a head that bears an id, 401 aside. */
  readonly answered: number;
  /** Those that nobody saw but the client, which left: the proxy never got a whole head. */
  readonly unseen: number;
  readonly refused: number;
}

/** Of the rows what is summed by the hour. */
const SUMMED = ["inputTokens", "outputTokens", "costMicros", "bytes"] as const;
type Sums = Record<"requests" | typeof SUMMED[number], number>;
const PAGE = 10_000;
const HOUR_MS = 3_600_000;

/** Tells the ledger of everything that does not match. */
export async function compareBooks(books: Books): Promise<Balance> {
  const { ledger, logged, arrived, counted, database } = books;
  const problem = (what: string) => ledger.problem(what);
  const store = openSqlite(database);
  const seen = new Set<number>();
  const ids = new Set<string>();
  const byHour = new Map<string, Sums>();
  let byTokens = 0;
  for await (const row of rowsOf(store)) {
    const { serial } = partsOf(row.path);
    if (seen.has(serial)) problem(`${serial}: more than one row`);
    if (ids.has(row.requestId)) problem(`${serial}: the id ${row.requestId} is in more than one row`);
    seen.add(serial);
    ids.add(row.requestId);
    if (row.tokenId !== undefined && row.admitted) byTokens++;
    addUp(row, byHour);
    compareRow(row, serial, books);
  }
  const owned = [...logged].filter(([, { principal }]) => principal !== undefined);
  for (const [serial] of owned) if (!seen.has(serial)) problem(`${serial}: is in the log and has no row`);
  for (const serial of arrived.keys()) {
    if (!seen.has(serial)) problem(`${serial}: went to the provider and has no row`);
  }
  const balance = { rows: seen.size, answered: 0, unseen: 0, refused: 0 };
  for (const [serial, { status, kind, lost }] of ledger.entries) {
    if (lost !== undefined) {
      const line = logged.get(serial);
      problem(`${serial}: ${lost}; the log says ${line?.status} ${line?.ending}`);
    }
    if (status === 401) {
      balance.refused++;
      if (seen.has(serial)) problem(`${serial}: was refused and has a row`);
      if (!logged.has(serial)) problem(`${serial}: was refused and is not in the log`);
    } else if (status !== undefined) {
      balance.answered++;
      if (!seen.has(serial)) problem(`${serial}: ${kind} was answered with ${status} and has no row`);
    } else if (!logged.has(serial)) balance.unseen++;
  }
  if (counted !== seen.size) {
    problem(`the metrics count ${counted} exchanges, and there are ${seen.size} rows`);
  }
  compareSums(byHour, await store.usage({ ...ALL_TOGETHER, group: "hour" }, NO_FILTER), problem);
  const { tokens } = await store.readAccess();
  const counts = tokens.reduce((sum, { requestCount }) => sum + requestCount, 0);
  if (counts !== byTokens) problem(`tokens count ${counts} requests, and there are ${byTokens} rows of them`);
  store.close();
  return balance;
}

async function* rowsOf(store: ReturnType<typeof openSqlite>): AsyncGenerator<ExchangeRow> {
  const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: undefined };
  let before: number | undefined;
  do {
    const { items, next } = await store.listExchanges({ limit: PAGE, before, ...filter });
    yield* items;
    before = next;
  } while (before !== undefined);
}

function compareRow(row: ExchangeRow, serial: number, { ledger, logged, arrived }: Books): void {
  const problem = (what: string) => ledger.problem(`${serial}: ${what}`);
  const line = logged.get(serial);
  if (line === undefined) problem("has a row and is not in the log");
  else {
    const [inLog, inRow] = [line, row].map(({ status, ending, principal }) =>
      `${status} ${ending} ${principal}`
    );
    if (inLog !== inRow) problem(`the log says ${inLog}, the row ${inRow}`);
    if (line.id !== row.requestId) problem(`the log says ${line.id}, the row ${row.requestId}`);
  }
  const entry = ledger.entries.get(serial);
  if (entry === undefined) return problem("has a row, and no client asked for it");
  const { status, requestId, outputTokens, generation } = entry;
  // Of a client that left, the row says that.
  const isTold = status === row.status || row.ending === "client_gone";
  if (status !== undefined && !isTold) {
    problem(`the client got ${status}, the row says ${row.status}`);
  }
  if (requestId !== undefined && requestId !== (row.providerRequestId ?? row.requestId)) {
    problem(`the client got the id ${requestId}, the row says ${row.requestId}`);
  }
  if (outputTokens !== undefined && outputTokens !== (row.outputTokens ?? 0)) {
    problem(`${outputTokens} tokens were used, the row says ${row.outputTokens}`);
  }
  const arrivedAt = arrived.get(serial);
  if (arrivedAt !== undefined && !(arrivedAt >= generation)) {
    problem(`began under configuration ${generation} and was sent under ${arrivedAt}`);
  }
}

function addUp(row: ExchangeRow, byHour: Map<string, Sums>): void {
  const start = new Date(row.startedAt - row.startedAt % HOUR_MS).toISOString();
  const key = `${start.slice(0, 16)}Z`;
  const sums = byHour.get(key) ?? { requests: 0, inputTokens: 0, outputTokens: 0, costMicros: 0, bytes: 0 };
  sums.requests++;
  for (const name of SUMMED) sums[name] += row[name] ?? 0;
  byHour.set(key, sums);
}

function compareSums(
  byHour: ReadonlyMap<string, Sums>,
  kept: UsageRow[],
  problem: (what: string) => void,
): void {
  if (kept.length !== byHour.size) problem(`${kept.length} hours have sums, and ${byHour.size} have rows`);
  for (const hour of kept) {
    for (const name of ["requests", ...SUMMED] as const) {
      const rows = byHour.get(hour.key)?.[name];
      if (rows !== hour[name]) {
        problem(`${hour.key}: the sum of ${name} is ${hour[name]}, of its rows ${rows}`);
      }
    }
  }
}
