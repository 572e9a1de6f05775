/**
 * How long hours of spending are kept: twice as long as any period of a budget, since the clock may be set back. The
 * running process, the start and the pruner of the database have to agree.
 */
export const SPENDING_KEPT_MS: number = 62 * 24 * 3_600_000;

/**
 * How long an object that can be looked at again may wait for its end: providers keep responses and the results of
 * batches for 29 or 30 days.
 */
export const OBJECT_LIFETIME_MS: number = 30 * 24 * 3_600_000;

/** Where the cost of an exchange was booked, so that the database holds what the running process counts. */
export interface Booking {
  /** The hour that it counts in: its first millisecond since 1970. */
  readonly hour: number;
  /** False where the clock was wrong: the hour is a guess until the clock is right. */
  readonly isDated: boolean;
  /** The keys of the rules for models that it counted for, like `token:tok_… gpt-5*`. */
  readonly modelRules: readonly string[];
}
