/** Makes sums of usage of their rows. */

import type { UsageGrouping, UsageRow } from "../usage_store.ts";
import { addBuckets } from "./closed_sums.ts";
import type { Row } from "./row.ts";
import { firstByteMsOf } from "./usage_sums.ts";

/** The median and the 95th percentile of the time to the first byte, in milliseconds. */
export interface FirstBytes {
  readonly median: number;
  readonly p95: number;
}

/** How many times to the first byte are in each bucket. */
export type BucketCounts = [bucket: number, requests: number][];

/** The median and the 95th percentile of what buckets count. Sorts the counts. */
export function firstBytesOf(counts: BucketCounts): FirstBytes {
  counts.sort(([one], [other]) => one - other);
  return { median: quantile(counts, 0.5), p95: quantile(counts, 0.95) };
}

/** The smallest value that a share of all values does not exceed. */
function quantile(counts: Readonly<BucketCounts>, share: number): number {
  let left = share * counts.reduce((sum, [, requests]) => sum + requests, 0);
  const found = counts.find(([, requests]) => (left -= requests) <= 0) ?? counts.at(-1);
  return firstByteMsOf(found?.[0] ?? 0);
}

/** Makes sums of their row. */
export function usageOf(row: Row): Omit<UsageRow, "split" | "firstByteMs"> {
  return {
    key: String(row["key"]),
    name: optionalText(row["name"]),
    requests: Number(row["requests"]),
    errors: Number(row["errors"]),
    inputTokens: Number(row["input_tokens"]),
    outputTokens: Number(row["output_tokens"]),
    cachedTokens: Number(row["cached_tokens"]),
    cacheWriteTokens: Number(row["cache_write_tokens"]),
    reasoningTokens: Number(row["reasoning_tokens"]),
    audioTokens: Number(row["audio_tokens"]),
    imageTokens: Number(row["image_tokens"]),
    costMicros: Number(row["cost_micros"]),
    unpriced: Number(row["unpriced"]),
    unmetered: Number(row["unmetered"]),
    estimated: Number(row["estimated"]),
    bytes: Number(row["bytes"]),
    durationMs: Number(row["duration_ms"]),
  };
}

/** Makes the sums of a query of the rows of its two statements. */
export function usageRowsOf(
  rows: readonly Row[],
  firstBytes: readonly Row[],
  { split }: Pick<UsageGrouping, "split">,
): UsageRow[] {
  const counts = new Map<string, Map<number, number>>();
  for (const row of firstBytes) {
    const key = String(row["group_key"]);
    let ofGroup = counts.get(key);
    if (ofGroup === undefined) counts.set(key, ofGroup = new Map());
    addBuckets(ofGroup, String(row["counts"]), Number(row["sign"]));
  }
  return rows.map((row) => ({
    ...usageOf(row),
    split: split === undefined
      ? undefined
      : { key: String(row["split"]), name: optionalText(row["split_name"]) },
    firstByteMs: quantilesOf(counts.get(String(row["group_key"]))),
  }));
}

function quantilesOf(counts: ReadonlyMap<number, number> | undefined): FirstBytes | undefined {
  // What was moved to another day leaves zeros.
  const found = [...counts ?? []].filter(([, requests]) => requests !== 0);
  return found.length === 0 ? undefined : firstBytesOf(found);
}

/** A name, or `undefined` for NULL. */
export function optionalText(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}
