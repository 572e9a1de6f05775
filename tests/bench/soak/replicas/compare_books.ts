/** Compares the bill of the provider, what clients saw, and what the database has. */

import type { BookRow, Books } from "./books.ts";
import { totalsOfRows } from "./books.ts";
import type { Seen } from "./clients.ts";
import {
  type Away,
  endedBeforeKillMs,
  isLostByKill,
  isWithoutDatabase,
  type UnwrittenMs,
  unwrittenOf,
} from "./lost_rows.ts";
import { type Billed, costOf, outputTokensOf } from "./provider.ts";

/** What is compared. */
export interface Compared {
  readonly bill: ReadonlyMap<number, Billed>;
  readonly seen: readonly Seen[];
  readonly books: Books;
  /** When the database was away. */
  readonly aways: readonly Away[];
}

/** What was found. */
export interface Comparison {
  readonly problems: readonly string[];
  /** The numbers of the requests on the bill that the database lacks, because their replica was killed. */
  readonly lost: ReadonlySet<number>;
  /** Those of them whose clients had the whole response before the kill. */
  readonly lostEnded: number;
  /** How long before the kill the oldest of them had ended. In milliseconds. */
  readonly oldestLostMs: number;
  /** Rejected requests that the database lacks for the same reason. */
  readonly lostRejections: number;
  readonly unwrittenMs: UnwrittenMs;
}

/** Compares all. */
export function compareBooks({ bill, seen, books, aways }: Compared): Comparison {
  const problems: string[] = [];
  const bySerial = new Map<number, BookRow[]>();
  const byId = new Map<string, number>();
  for (const row of books.rows) {
    byId.set(row.requestId, (byId.get(row.requestId) ?? 0) + 1);
    const serial = Number(/^up-(\d+)$/.exec(row.providerRequestId ?? "")?.[1]);
    if (!Number.isNaN(serial)) bySerial.set(serial, [...bySerial.get(serial) ?? [], row]);
    else if (row.micros > 0) problems.push(`a row with a cost has no request: ${JSON.stringify(row)}`);
  }
  for (const [id, count] of byId) if (count > 1) problems.push(`${id} is in ${count} rows`);
  const seenOf = new Map(seen.map((one) => [one.serial, one]));
  const times: number[] = [];
  for (const [serial, [row]] of bySerial) {
    const endedAt = seenOf.get(serial)?.endedAt;
    if (row === undefined || endedAt === undefined || isWithoutDatabase(endedAt, aways)) continue;
    times.push(row.writtenAt - performance.timeOrigin - endedAt);
  }
  const unwrittenMs = unwrittenOf(times);
  const lost = new Set<number>();
  let [oldestLostMs, lostEnded] = [0, 0];
  for (const serial of bill.keys()) {
    const rows = bySerial.get(serial) ?? [];
    const one = seenOf.get(serial);
    const [row] = rows;
    if (row === undefined) {
      if (one !== undefined && isLostByKill(one, { unwritten: unwrittenMs, aways })) {
        lost.add(serial);
        const endedMs = endedBeforeKillMs(one);
        if (endedMs > 0) lostEnded++;
        oldestLostMs = Math.max(oldestLostMs, endedMs);
      } else problems.push(`${serial} is on the bill and has no row: ${JSON.stringify(one)}`);
      continue;
    }
    if (rows.length > 1) problems.push(`${serial} has ${rows.length} rows`);
    if (row.outputTokens !== outputTokensOf(serial) || row.micros !== costOf(serial)) {
      problems.push(
        `${serial} used ${outputTokensOf(serial)} tokens, and its row says ${JSON.stringify(row)}`,
      );
    }
  }
  for (const serial of bySerial.keys()) {
    if (!bill.has(serial)) problems.push(`${serial} has a row and is not on the bill`);
  }
  let lostRejections = 0;
  for (const one of seen) {
    const { serial, status, requestId } = one;
    if (status === undefined || status === 401 || bill.has(serial)) continue;
    if (requestId !== undefined && byId.has(requestId)) continue;
    if (isLostByKill(one, { unwritten: unwrittenMs, aways })) lostRejections++;
    else problems.push(`${serial} was answered and has no row: ${JSON.stringify(one)}`);
  }
  return {
    problems: [...problems, ...wrongSums(books)],
    lost,
    lostEnded,
    oldestLostMs,
    lostRejections,
    unwrittenMs,
  };
}

function wrongSums({ rows, sums, requestCounts, spending }: Books): string[] {
  const problems: string[] = [];
  const expected = JSON.stringify(totalsOfRows(rows));
  for (const { table, totals } of sums) {
    const found = JSON.stringify(totals);
    if (found !== expected) {
      problems.push(`the sums of ${table} are ${found}, and those of the rows ${expected}`);
    }
  }
  const byToken = Map.groupBy(rows, ({ tokenId }) => tokenId ?? "");
  for (const [id, count] of requestCounts) {
    const own = byToken.get(id) ?? [];
    const admitted = own.filter(({ isAdmitted }) => isAdmitted).length;
    if (count !== admitted) problems.push(`token ${id} counts ${count} requests, and has ${admitted} rows`);
    const micros = own.reduce((sum, row) => sum + row.micros, 0);
    const spent = spending.get(id) ?? 0;
    if (spent !== micros) problems.push(`token ${id} spent ${spent}, and its rows cost ${micros}`);
  }
  return problems;
}
