/** Reads sums of usage from PostgreSQL. */

import { zoneOffsets } from "../../time/zone_offsets.ts";
import { filteredTokens, tokensStatement } from "../rows/filtered_tokens.ts";
import { usageRowsOf } from "../rows/usage_row.ts";
import { type ClosedSpan, partsOf, periodOf, type Span } from "../rows/usage_parts.ts";
import { DIALECT } from "./dialect.ts";
import { firstBytesStatement, type Statement, sumsStatement } from "../rows/usage_statements.ts";
import { HOUR_MS } from "../rows/usage_sums.ts";
import type { UsageFilter, UsageGrouping, UsageRow } from "../usage_store.ts";
import type { Queries } from "./pool.ts";
import { storedText } from "./stored_text.ts";

/** Reads the sums of each group, or one sum of everything without a group. */
export async function readUsage(
  queries: Queries,
  grouping: UsageGrouping,
  filter: UsageFilter,
): Promise<UsageRow[]> {
  const { split, timeZone } = grouping;
  const state = await readSumState(queries);
  const period = state.extent && periodOf(filter, state.extent);
  const offsets = period === undefined
    ? []
    : timeZone === undefined
    ? [{ since: period.from, offsetMs: 0 }]
    : zoneOffsets(timeZone, period);
  const parts = partsOf(grouping, filter, { ...state, offsets });
  const read = ({ sql, values }: Statement) => queries.all(sql, values.map(storedText));
  const lookup = tokensStatement(filter, DIALECT);
  const tokens = lookup && filteredTokens(filter, await read(lookup));
  const of = { parts, dialect: DIALECT, tokens };
  const rows = await read(sumsStatement(grouping, filter, of));
  const firstBytes = split === undefined ? await read(firstBytesStatement(grouping, filter, of)) : [];
  return usageRowsOf(rows, firstBytes, grouping);
}

/** Reads which usage there is, and which days and months are closed. */
export async function readSumState(
  queries: Queries,
): Promise<{ extent: Span | undefined; closed: ClosedSpan[] }> {
  // Two numbers, because an index gives each of them at once.
  const row = await queries.get(
    `SELECT (SELECT min(start) FROM usage) AS first, (SELECT max(start) FROM usage) AS last,
       (SELECT json_agg(json_build_array(start, until, edition) ORDER BY start, until)
        FROM closed_sums WHERE complete)::text AS closed`,
  );
  const { first = null, last = null, closed = null } = row ?? {};
  const spans: [number, number, number][] = closed === null ? [] : JSON.parse(String(closed));
  return {
    extent: first === null ? undefined : { from: Number(first), to: Number(last) + HOUR_MS },
    closed: spans.map(([from, to, edition]) => ({ from, to, edition })),
  };
}
