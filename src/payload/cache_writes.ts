/** How long input is cached: for some minutes, which is the usual time, or for an hour. */
export type CacheWrites = "minutes" | "hour";
