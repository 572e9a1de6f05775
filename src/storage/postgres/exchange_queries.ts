/** Reads single exchanges from PostgreSQL. */

import { EXCHANGE_COLUMN_LIST } from "../exchange_columns.ts";
import type { Listed, Page } from "../page.ts";
import { exchangeOf } from "../rows/exchange_values.ts";
import { pageOf } from "../rows/pages.ts";
import { SEARCH_LIMITS, type SearchLimits } from "../rows/search_limits.ts";
import type { Row } from "../rows/row.ts";
import type { ExchangeFilter, ExchangeRow } from "../store.ts";
import { type Conditions, exchangeConditions } from "../rows/conditions.ts";
import { conditionsOf } from "./conditions.ts";
import { DIALECT } from "./dialect.ts";
import type { Queries } from "./pool.ts";
import { storedText } from "./stored_text.ts";

const SELECT = `SELECT seq, ${EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ")} FROM exchanges`;

/** The exchanges of a shorter period are looked up in the index of times. */
const SHORT_PERIOD_ROWS = 100_000;

/**
 * Lists exchanges, newest first. A filter that matches few of millions of exchanges ends the page early: then
 * the page has fewer exchanges than its limit, or none, and its cursor continues the search.
 */
export async function listExchanges(
  queries: Queries,
  page: Page & ExchangeFilter,
  { stepRows, longestMs }: SearchLimits = SEARCH_LIMITS,
): Promise<Listed<ExchangeRow & { id: number }>> {
  if (page.requestId !== undefined) return await listByRequestId(queries, page, page.requestId);
  const { text, values } = conditionsOf(filterConditions(page));
  const { first, last } = await searchedRange(queries, page);
  const rows: Row[] = [];
  const begun = performance.now();
  const [from, before, limit] = [1, 2, 3].map((index) => `$${values.length + index}`);
  const sql = `${SELECT} ${text === "" ? "WHERE" : `${text} AND`} seq >= ${from} AND seq < ${before}
    ORDER BY seq DESC LIMIT ${limit}`;
  let end = last + 1;
  while (rows.length <= page.limit && end > first) {
    const start = Math.max(first, end - stepRows);
    rows.push(...await queries.all(sql, [...values, start, end, page.limit + 1 - rows.length]));
    end = start;
    if (performance.now() - begun >= longestMs) break;
  }
  const listed = pageOf(rows, page, exchangeOf);
  const isOver = rows.length > page.limit || end <= first;
  return isOver ? listed : { ...listed, next: end };
}

/** Indexes find a request id: that of the proxy, or that of the provider. */
async function listByRequestId(
  queries: Queries,
  page: Page & ExchangeFilter,
  requestId: string,
): Promise<Listed<ExchangeRow & { id: number }>> {
  const { text, values } = conditionsOf([["seq < ?", page.before], ...filterConditions(page)], { before: 2 });
  const others = text.replace(/^WHERE/, "AND");
  // Without `OFFSET 0`, a database without current statistics, such as after a restore, reads all rows in the
  // order of the list.
  const rows = await queries.all(
    `SELECT * FROM (${SELECT} WHERE (request_id = $1 AND settlement IS DISTINCT FROM 'settled'
         OR request_id = $1 AND settlement = 'settled' OR provider_request_id = $1) ${others} OFFSET 0) AS found
     ORDER BY seq DESC LIMIT $2`,
    [storedText(requestId), page.limit + 1, ...values],
  );
  return pageOf(rows, page, exchangeOf);
}

function filterConditions(page: ExchangeFilter): Conditions {
  return [
    ["started_at >= ?", page.from],
    ["started_at < ?", page.to],
    ["coalesce(model_answered, model_asked) = ?", page.model],
    ["status = ?", page.status],
    ["ending = ?", page.ending],
    ...exchangeConditions(page, DIALECT),
  ];
}

/** The sequence numbers of the exchanges that a page can have. `first` is above `last` for an empty list. */
async function searchedRange(
  queries: Queries,
  { before = Number.MAX_SAFE_INTEGER, from, to }: Page & ExchangeFilter,
): Promise<{ first: number; last: number }> {
  // Two numbers, because an index gives each of them at once.
  const row = await queries.get(
    "SELECT (SELECT min(seq) FROM exchanges) AS first, (SELECT max(seq) FROM exchanges) AS last",
  );
  const whole = {
    first: Number(row?.["first"] ?? 1),
    last: Math.min(Number(row?.["last"] ?? 0), before - 1),
  };
  if (from === undefined && to === undefined) return whole;
  const period = await queries.get(
    `SELECT count(*) AS rows, min(seq) AS first, max(seq) AS last FROM (
       SELECT seq FROM exchanges WHERE started_at >= $1 AND started_at < $2 LIMIT $3) AS period`,
    [from ?? 0, to ?? Number.MAX_SAFE_INTEGER, SHORT_PERIOD_ROWS],
  );
  if (Number(period?.["rows"]) === SHORT_PERIOD_ROWS) return whole;
  return {
    first: Number(period?.["first"] ?? 1),
    last: Math.min(whole.last, Number(period?.["last"] ?? 0)),
  };
}
