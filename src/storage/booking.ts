/**
 * How long spending is kept by the hour, in milliseconds: twice the longest period of a budget, because the
 * clock may be set back. The limiter, its start from the database and the pruner must use the same time.
 */
export const SPENDING_KEPT_MS: number = 62 * 24 * 3_600_000;

/**
 * The spending of so many days is rolled up at once, in milliseconds, so that the hourly work of a database
 * that was never rolled up stays short.
 */
export const SPENDING_ROLLED_MS: number = 92 * 24 * 3_600_000;

/**
 * How long an object, such as a background response, can stay unsettled, in milliseconds. Providers keep
 * responses and the results of batches for 29 or 30 days.
 */
export const OBJECT_LIFETIME_MS: number = 30 * 24 * 3_600_000;

/**
 * Where the limiter booked the cost of an exchange. The database books it there too, so that both count the
 * same.
 */
export interface Booking {
  /** The first millisecond of the booked hour, since 1970. */
  readonly hour: number;
  /** `false` if the clock was wrong: the hour is a guess until the clock is corrected. */
  readonly isDated: boolean;
  /** The keys of the rules for models that the cost counts for, such as `token:tok_… gpt-5*`. */
  readonly modelRules: readonly string[];
  /** Set if the cost counts against a budget, or the request against `max_requests`. It is not stored. */
  readonly hasBudget?: true;
  /** The page of the cost in the counts that replicas share, if it is on one. It is not stored. */
  readonly page?: number | undefined;
}
