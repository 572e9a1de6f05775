/** As much of an input as is kept to be told. */
export const MAX_WATCHED_BYTES = 256 * 1024;

/** What the fuzzer and its watchdog share. */
export interface WatchedState {
  /** How many inputs were tried, the length of the latest, and the index of its target. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}
