/** Reads single exchanges from SQLite. */

import { EXCHANGE_COLUMN_LIST } from "../exchange_columns.ts";
import type { Listed, Page } from "../page.ts";
import { exchangeOf } from "../rows/exchange_values.ts";
import type { ExchangeFilter, ExchangeRow } from "../store.ts";
import { pageOf } from "../rows/pages.ts";
import { SEARCH_LIMITS, type SearchLimits } from "../rows/search_limits.ts";
import { exchangeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Row } from "../rows/row.ts";
import type { Connection } from "./connection.ts";

const SELECT = `SELECT seq, ${EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ")} FROM exchanges`;

/**
 * The exchanges with a request id. Each of the two columns has an index. The index of the providers' ids has
 * groups of 1,024 exchanges, and the search looks into each group. One look takes one to four microseconds.
 */
const WITH_REQUEST_ID = `WITH RECURSIVE wanted (id) AS (VALUES (?)),
  ends (first, last) AS (SELECT
    (SELECT seq FROM exchanges ORDER BY seq LIMIT 1) >> 10,
    (SELECT seq FROM exchanges ORDER BY seq DESC LIMIT 1) >> 10),
  places (place, first) AS (SELECT last, first FROM ends WHERE last IS NOT NULL
    UNION ALL SELECT place - 1, first FROM places WHERE place > first)
  SELECT seq FROM wanted JOIN exchanges ON request_id = id
  UNION ALL SELECT seq FROM wanted CROSS JOIN places CROSS JOIN exchanges
    ON seq >> 10 = place AND provider_request_id = id`;

/** The exchanges of a shorter period are looked up in the index of times. */
const SHORT_PERIOD_ROWS = 100_000;

/**
 * Lists exchanges, newest first. A filter that matches few of millions of exchanges ends the page early: then
 * the page has fewer exchanges than its limit, or none, and its cursor continues the search.
 */
export function listExchanges(
  database: Connection,
  page: Page & ExchangeFilter,
  { stepRows, longestMs }: SearchLimits = SEARCH_LIMITS,
): Listed<ExchangeRow & { id: number }> {
  const { text, values } = conditionsOf([
    // Without the plus sign, SQLite would read and sort the whole period for each step.
    ["+started_at >= ?", page.from],
    ["+started_at < ?", page.to],
    ["coalesce(model_answered, model_asked) = ?", page.model],
    ["status = ?", page.status],
    ["ending = ?", page.ending],
    [`seq IN (${WITH_REQUEST_ID})`, page.requestId],
    ...exchangeConditions(page, DIALECT),
  ]);
  const { first, last } = searchedRange(database, page);
  const rows: Row[] = [];
  const begun = performance.now();
  let before = last + 1;
  do {
    // An index finds a request id.
    const from = page.requestId === undefined ? Math.max(first, before - stepRows) : first;
    const found = database.all(
      `${SELECT} ${text === "" ? "WHERE" : `${text} AND`} seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
      ...values,
      from,
      before,
      page.limit + 1 - rows.length,
    );
    rows.push(...found);
    before = from;
  } while (rows.length <= page.limit && before > first && performance.now() - begun < longestMs);
  const listed = pageOf(rows, page, exchangeOf);
  const isOver = rows.length > page.limit || before <= first;
  return isOver ? listed : { ...listed, next: before };
}

/** The sequence numbers of the exchanges that a page can have. `first` is above `last` for an empty list. */
function searchedRange(
  database: Connection,
  { before = Number.MAX_SAFE_INTEGER, from, to }: Page & ExchangeFilter,
): { first: number; last: number } {
  const newest = Number(database.get("SELECT max(seq) AS seq FROM exchanges")?.["seq"] ?? 0);
  const oldest = Number(database.get("SELECT min(seq) AS seq FROM exchanges")?.["seq"] ?? 1);
  const whole = { first: oldest, last: Math.min(newest, before - 1) };
  if (from === undefined && to === undefined) return whole;
  const period = database.get(
    `SELECT count(*) AS rows, min(seq) AS first, max(seq) AS last FROM (
       SELECT seq FROM exchanges WHERE started_at >= ? AND started_at < ? LIMIT ?)`,
    from ?? 0,
    to ?? Number.MAX_SAFE_INTEGER,
    SHORT_PERIOD_ROWS,
  );
  if (Number(period?.["rows"]) === SHORT_PERIOD_ROWS) return whole;
  return {
    first: Number(period?.["first"] ?? 1),
    last: Math.min(whole.last, Number(period?.["last"] ?? 0)),
  };
}
