/** The metrics and groups of the dashboard, and the series of its chart. */

import type { UsageRow } from "./api.ts";
import type { Series } from "./chart.tsx";
import { count, duration, money } from "./format.ts";

/** The metrics, each with its label, its value in a row of usage, and its format. */
export const METRICS = {
  requests: ["Requests", (row) => row.requests, count],
  tokens: ["Tokens", tokensOf, count],
  cost: ["Cost", (row) => row.cost_micros, money],
  errors: ["Errors", (row) => row.errors, count],
  first_byte: ["Time to first byte", (row) => row.time_to_first_byte_p50_ms ?? null, duration],
} as const satisfies Record<
  string,
  readonly [string, (row: UsageRow) => number | null, (value: number) => string]
>;
/** The name of a metric, such as `cost`. */
export type Metric = keyof typeof METRICS;

/** The names of all metrics. */
// Object.keys is typed as strings; these are the keys of the constant above.
export const METRIC_NAMES = Object.keys(METRICS) as Metric[];

/** The groups of usage, each with its label. */
export const GROUPS = [
  ["model", "Model"],
  ["token", "Token"],
  ["project", "Project"],
  ["endpoint", "Endpoint"],
  ["client", "Client"],
] as const;
/** The name of a group, such as `model`. */
export type Group = typeof GROUPS[number][0];

/** Series that the chart shows separately. One more series sums up the rest. */
const MAX_SERIES = 5;

/** Input and output tokens of a row. */
export function tokensOf(row: UsageRow): number {
  return row.input_tokens + row.output_tokens;
}

/** Names rows by their group. If several ids have one name, the end of the id is added. */
export function namesOf(rows: readonly UsageRow[], group: Group): (row: UsageRow) => string {
  const plain = (row: UsageRow) => String(row[`${group}_name`] ?? row[group] ?? "") || "(none)";
  const ids = Map.groupBy(rows, plain);
  return (row) => {
    const isShared = new Set(ids.get(plain(row))?.map((one) => one[group])).size > 1;
    return isShared ? `${plain(row)} (…${String(row[group]).slice(-4)})` : plain(row);
  };
}

/** The series of a stacked chart, the largest first; all beyond the largest five are summed up as one. */
export function seriesOf(
  keys: readonly string[],
  rows: readonly UsageRow[],
  { group, metric }: { group: Group; metric: Metric },
): Series[] {
  const read = METRICS[metric][1];
  const nameOf = namesOf(rows, group);
  const index = new Map(keys.map((key, at) => [key, at]));
  const found = new Map<string, { sum: number; values: number[] }>();
  for (const row of rows) {
    const at = index.get(String(row["day"] ?? row["hour"]));
    if (at === undefined) continue;
    const name = nameOf(row);
    const series = found.get(name) ?? { sum: 0, values: keys.map(() => 0) };
    found.set(name, series);
    const value = read(row) ?? 0;
    series.sum += value;
    series.values[at] = (series.values[at] ?? 0) + value;
  }
  const sorted = [...found].filter(([, { sum }]) => sum > 0).toSorted(([, one], [, other]) =>
    other.sum - one.sum
  );
  const rest = sorted.slice(MAX_SERIES).map(([, { values }]) => values);
  const largest = sorted.slice(0, MAX_SERIES).map(([name, { values }]) => ({ name, values }));
  if (rest.length === 0) return largest;
  return [...largest, {
    name: `${rest.length} others`,
    values: keys.map((_, at) => rest.reduce((sum, values) => sum + (values[at] ?? 0), 0)),
  }];
}

/** The time to the first byte: its median and its 95th percentile, in milliseconds. */
export function firstByteSeries(keys: readonly string[], rows: readonly UsageRow[]): Series[] {
  const byKey = new Map(rows.map((row) => [String(row["day"] ?? row["hour"]), row]));
  return [
    { name: "p50 (median)", values: keys.map((key) => byKey.get(key)?.time_to_first_byte_p50_ms ?? null) },
    { name: "p95", values: keys.map((key) => byKey.get(key)?.time_to_first_byte_p95_ms ?? null) },
  ];
}
