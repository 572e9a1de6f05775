/** Reads sums of usage from SQLite. */

import { zoneOffsets } from "../../time/zone_offsets.ts";
import { filteredTokens, tokensStatement } from "../rows/filtered_tokens.ts";
import { usageRowsOf } from "../rows/usage_row.ts";
import { type ClosedSpan, partsOf, periodOf, type Span } from "../rows/usage_parts.ts";
import { DIALECT } from "./dialect.ts";
import { firstBytesStatement, type Statement, sumsStatement } from "../rows/usage_statements.ts";
import { HOUR_MS } from "../rows/usage_sums.ts";
import type { UsageFilter, UsageGrouping, UsageRow } from "../usage_store.ts";
import type { Connection } from "./connection.ts";

/** Reads the sums of each group, or one sum of everything without a group. */
export function readUsage(database: Connection, grouping: UsageGrouping, filter: UsageFilter): UsageRow[] {
  return database.snapshot(() => {
    const { split, timeZone } = grouping;
    const state = readSumState(database);
    const period = state.extent && periodOf(filter, state.extent);
    const offsets = period === undefined
      ? []
      : timeZone === undefined
      ? [{ since: period.from, offsetMs: 0 }]
      : zoneOffsets(timeZone, period);
    const parts = partsOf(grouping, filter, { ...state, offsets });
    const lookup = tokensStatement(filter, DIALECT);
    const tokens = lookup && filteredTokens(filter, database.all(lookup.sql, ...lookup.values));
    const of = { parts, dialect: DIALECT, tokens };
    // The statements name times, so each of them runs once.
    const read = ({ sql, values }: Statement) => database.allOnce(sql, ...values);
    const rows = read(sumsStatement(grouping, filter, of));
    const firstBytes = split === undefined ? read(firstBytesStatement(grouping, filter, of)) : [];
    return usageRowsOf(rows, firstBytes, grouping);
  });
}

/** Reads which usage there is, and which days and months are closed. */
export function readSumState(database: Connection): { extent: Span | undefined; closed: ClosedSpan[] } {
  // Two numbers, because an index gives each of them at once.
  const { first = null, last = null } = database.get(
    "SELECT (SELECT min(start) FROM usage) AS first, (SELECT max(start) FROM usage) AS last",
  ) ?? {};
  const closed = database.all("SELECT start, until, edition FROM closed_sums ORDER BY start, until");
  return {
    extent: first === null ? undefined : { from: Number(first), to: Number(last) + HOUR_MS },
    closed: closed.map((row) => ({
      from: Number(row["start"]),
      to: Number(row["until"]),
      edition: Number(row["edition"]),
    })),
  };
}
