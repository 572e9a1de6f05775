/** Where the cost of an exchange was booked, so that the database holds what the running process counts. */
export interface Booking {
  /** The hour that it counts in: its first millisecond since 1970. */
  readonly hour: number;
  /** False where the clock was wrong: the hour is a guess until the clock is right. */
  readonly isDated: boolean;
  /** The keys of the rules for models that it counted for, like `token:tok_… gpt-5*`. */
  readonly modelRules: readonly string[];
}
