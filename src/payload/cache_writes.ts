/** For how long input is cached: for the usual time of minutes, or for an hour. */
export type CacheWrites = "minutes" | "hour";
