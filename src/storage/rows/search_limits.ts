/** How long a search for exchanges goes on before its page ends. */
export interface SearchLimits {
  /** How many exchanges a step looks at. */
  readonly stepRows: number;
  /** The search ends after the step in which so many milliseconds have passed. */
  readonly longestMs: number;
}

/** In a database of ten million exchanges, a step takes up to 40 ms, also if the file is in memory. */
export const SEARCH_LIMITS: SearchLimits = { stepRows: 25_000, longestMs: 100 };
