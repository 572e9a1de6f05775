import type { Log, LogFields } from "../observability/log.ts";

/** The pause before the same warning is logged again, in milliseconds. */
const LOG_AGAIN_MS = 60_000;

/** A warning that clients can cause at any rate. It is logged at most once a minute. */
export class RepeatedWarning {
  readonly #log: Log;
  readonly #event: string;
  readonly #now: () => number;
  #loggedAt = -Infinity;

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(event: string, { log, now }: { log: Log; now: () => number }) {
    this.#event = event;
    this.#log = log;
    this.#now = now;
  }

  /** Logs the warning, unless it was logged within the last minute. */
  log(fields: LogFields): void {
    if (this.#now() - this.#loggedAt < LOG_AGAIN_MS) return;
    this.#loggedAt = this.#now();
    this.#log("warn", this.#event, fields);
  }
}
