/** Sums of usage in a store. */

import type { Scope } from "../people/scope.ts";

/** The groups that usage can be summed by. */
export const USAGE_GROUPS = [
  "model",
  "day",
  "hour",
  "token",
  "project",
  "person",
  "endpoint",
  "client",
] as const;
/** A member of {@link USAGE_GROUPS}. */
export type UsageGroup = typeof USAGE_GROUPS[number];

/** How to group and limit sums of usage. */
export interface UsageGrouping {
  /** The first grouping; `undefined` for one sum of everything. */
  readonly group: UsageGroup | undefined;
  /** The second grouping, within each group; `undefined` for the first one alone. */
  readonly split: UsageGroup | undefined;
  /** The time zone whose days are summed, by its IANA name; `undefined` for UTC. */
  readonly timeZone: string | undefined;
  /** The most sums to read; `undefined` for all. */
  readonly limit?: number;
}

/** Which exchanges count. An undefined member does not filter. */
export interface UsageFilter {
  /** The first moment, in milliseconds since 1970. Sums round it down to the hour. */
  readonly from: number | undefined;
  /** The moment after the last one, in milliseconds since 1970. */
  readonly to: number | undefined;
  readonly projectId: string | undefined;
  /** The id of a managed token, or the name of a token in the configuration. */
  readonly tokenId: string | undefined;
  readonly endpoint: string | undefined;
  readonly model: string | undefined;
  readonly client: string | undefined;
  /** The person whose tokens count; `undefined` for all tokens. */
  readonly personId?: string | undefined;
  /** What the reader may see of all this; `undefined` for everything. */
  readonly within?: Scope | undefined;
}

/** The sums of usage of one group. Money is in millionths of a US dollar, time in milliseconds. */
export interface UsageRow {
  /** The value of the group: a name, an id, a day (`2026-11-21`) or an hour (`2026-11-21T14:00Z`). */
  readonly key: string;
  /** The name of the token, project or person that the group is for; `undefined` if the group has no name. */
  readonly name: string | undefined;
  /** The value and name of the second group; `undefined` if there is no second grouping. */
  readonly split: { readonly key: string; readonly name: string | undefined } | undefined;
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly audioTokens: number;
  readonly imageTokens: number;
  readonly costMicros: number;
  /** Requests with usage without a known price. */
  readonly unpriced: number;
  /** Successful requests to a model without known usage. */
  readonly unmetered: number;
  /** Requests whose usage is estimated, at least in part. */
  readonly estimated: number;
  readonly bytes: number;
  readonly durationMs: number;
  /**
   * The time to the first byte of responses without an error, accurate to 5 %. It is `undefined` if there is
   * no such response, or if there is a second grouping.
   */
  readonly firstByteMs: { readonly median: number; readonly p95: number } | undefined;
}

/** Reads sums of the usage of exchanges. The method may throw a `StoreError`. */
export interface UsageStore {
  /** Reads sums. Days and hours are in their order, other groups by falling cost. */
  readonly usage: (grouping: UsageGrouping, filter: UsageFilter) => Promise<UsageRow[]>;
}
