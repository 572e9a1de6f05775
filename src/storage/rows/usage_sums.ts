/** Sums of exchanges, before they are added to those of the database. */

import type { ExchangeRow } from "../store.ts";

const BUCKETS_PER_DOUBLING = 8;
/** The interval of sums, in milliseconds. */
export const HOUR_MS = 3_600_000;
/** The interval of old sums, in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;

/** The value that an exchange adds to each column of sums. */
const SUMS = {
  // The request of a settled object has a row already.
  requests: (row) => row.settlement === "settled" ? 0 : 1,
  admitted: (row) => row.admitted ? 1 : 0,
  errors: (row) => isError(row) ? 1 : 0,
  input_tokens: (row) => row.inputTokens ?? 0,
  output_tokens: (row) => row.outputTokens ?? 0,
  cached_tokens: (row) => row.cachedTokens ?? 0,
  cache_write_tokens: (row) => row.cacheWriteTokens ?? 0,
  reasoning_tokens: (row) => row.reasoningTokens ?? 0,
  audio_tokens: (row) => row.audioTokens ?? 0,
  image_tokens: (row) => row.imageTokens ?? 0,
  cost_micros: (row) => row.costMicros ?? 0,
  unpriced: (row) => isUnpriced(row) ? 1 : 0,
  unmetered: (row) => isUnmetered(row) ? 1 : 0,
  estimated: (row) => row.usageSource === "estimated" ? 1 : 0,
  bytes: (row) => row.bytes,
  duration_ms: (row) => row.durationMs,
} as const satisfies Record<string, (row: ExchangeRow) => number>;
// Object.keys gives strings; these are the keys of the constant above.
/** The columns of sums in the table `usage`. */
export const SUM_COLUMNS = Object.keys(SUMS) as (keyof typeof SUMS)[];
const SUM_READERS = Object.values(SUMS);
/** The columns that exchanges are grouped by for sums. */
export const KEY_COLUMNS = ["start", "project_id", "token_id", "principal", "endpoint", "model", "client"];
/** The sums of exchanges with the same values in {@link KEY_COLUMNS}. */
export interface UsageGroup {
  /** The first millisecond of the hour. */
  readonly start: number;
  /** The values of the other key columns. */
  readonly key: readonly string[];
  readonly sums: Float64Array;
  /** The number of exchanges by {@link firstByteBucket}. */
  readonly firstBytes: Map<number, number>;
}

/** The groups of some rows. */
export class UsageGroups {
  readonly #byName = new Map<string, UsageGroup>();
  #last: UsageGroup | undefined;

  /** The groups so far. */
  all(): Iterable<UsageGroup> {
    return this.#byName.values();
  }

  /** Adds an exchange to its group. */
  add(row: ExchangeRow): void {
    const { sums, firstBytes } = this.#groupOf(row);
    for (let index = 0; index < SUM_READERS.length; index++) {
      sums[index] = (sums[index] ?? 0) + (SUM_READERS[index]?.(row) ?? 0);
    }
    const bucket = firstByteBucket(row);
    if (bucket !== undefined) firstBytes.set(bucket, (firstBytes.get(bucket) ?? 0) + 1);
  }

  #groupOf(row: ExchangeRow): UsageGroup {
    const start = row.startedAt - row.startedAt % HOUR_MS;
    const { projectId = "", tokenId = "", endpoint = "", client } = row;
    // The name of a managed token can change, so its sums have only its id.
    const principal = row.tokenId === undefined ? row.principal : "";
    const model = row.modelAnswered ?? row.modelAsked ?? "";
    const last = this.#last;
    // Most rows belong to the group of the row before.
    if (
      last !== undefined && last.start === start && last.key[0] === projectId && last.key[1] === tokenId &&
      last.key[2] === principal && last.key[3] === endpoint && last.key[4] === model && last.key[5] === client
    ) return last;
    const key = [projectId, tokenId, principal, endpoint, model, client];
    const name = `${start}\0${key.join("\0")}`;
    let group = this.#byName.get(name);
    if (group === undefined) {
      group = { start, key, sums: new Float64Array(SUM_READERS.length), firstBytes: new Map() };
      this.#byName.set(name, group);
    }
    return this.#last = group;
  }
}

/**
 * The bucket of the time to the first byte. Eight buckets for each doubling make an error of 5 % at most. It
 * is `undefined` if the time is unknown, and for an error, whose time says nothing about the model.
 */
function firstByteBucket({ firstByteMs, status }: ExchangeRow): number | undefined {
  if (firstByteMs === undefined || status >= 400) return undefined;
  return Math.round(BUCKETS_PER_DOUBLING * Math.log2(Math.max(1, firstByteMs)));
}

/** The time in milliseconds in the middle of a bucket. */
export function firstByteMsOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_DOUBLING);
}

function isError({ status, ending }: ExchangeRow): boolean {
  return status >= 400 && ending !== "client_gone" || ending !== "complete" && ending !== "client_gone";
}

/** Whether a successful model response had no known usage. */
function isUnmetered({ status, metered, settlement, inputTokens, outputTokens }: ExchangeRow): boolean {
  return status < 400 && settlement !== "awaited" && metered && inputTokens === undefined &&
    outputTokens === undefined;
}

function isUnpriced({ costMicros, costIsPartial, inputTokens, outputTokens }: ExchangeRow): boolean {
  if (costIsPartial) return true;
  return costMicros === undefined && (inputTokens !== undefined || outputTokens !== undefined);
}
