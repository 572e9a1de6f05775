/** The failures of one backend, and its cooldown. */

/** After so many failures in a row a backend cools down. */
const FAILURES = 3;
/** The first cooldown. Each further failure doubles it. */
const FIRST_COOLDOWN_MS = 5_000;
/** The longest cooldown, in milliseconds. It also limits a pause that applies to all holders. */
export const LONGEST_COOLDOWN_MS = 300_000;
/** A probe that takes longer no longer blocks other probes. */
const LONGEST_PROBE_MS = 5_000;

/** The holder of a request that failed, and whether the request itself may be the reason. */
export interface FailureSource {
  /** The client's token or address. */
  readonly holder: string;
  /** Whether the proxy could not connect to the backend, so that no request can be the reason. */
  readonly isCertain: boolean;
}

/** The failures of a backend in a row, and its cooldown. */
export class BackendHealth {
  /** The number of failures in a row. */
  failures = 0;
  /** The end of the cooldown, in milliseconds of the clock. */
  skippedUntil = -Infinity;
  /** The number of cooldowns so far. */
  cooldowns = 0;
  /** When the probe after a cooldown began: the request that shows whether the backend works again. */
  #probingSince: number | undefined;
  /** The holders whose requests are among the failures in a row. */
  readonly #failedFor = new Set<string>();
  /** Failures to connect, which no request can cause. */
  #certain = 0;
  #isDownByCheck = false;

  /** Whether the failures in a row are enough for a cooldown, which may have ended. */
  get isFailing(): boolean {
    return this.failures >= FAILURES;
  }

  /** Whether the last check failed, and nothing has succeeded since. */
  get isDownByCheck(): boolean {
    return this.#isDownByCheck;
  }

  /** Whether the backend neither cools down nor is probed. */
  isAvailable(now: number): boolean {
    return this.skippedUntil <= now && !this.isProbed(now);
  }

  /** Whether a probe is running. A slow request must not keep others from probing. */
  isProbed(now: number): boolean {
    return this.#probingSince !== undefined && now - this.#probingSince < LONGEST_PROBE_MS;
  }

  /** Begins a probe: a request that shows whether the backend works again. */
  probe(now: number): void {
    this.#probingSince = now;
  }

  /** Ends the probe, so that another request can be one. */
  endProbe(): void {
    this.#probingSince = undefined;
  }

  /** Resets the failures. Returns true if the backend was failing before. */
  succeeded(): boolean {
    const { isFailing } = this;
    this.failures = this.#certain = 0;
    this.#isDownByCheck = false;
    this.skippedUntil = -Infinity;
    // `clear` allocates a new table even for an empty set, and each good response calls this method.
    if (this.#failedFor.size > 0) this.#failedFor.clear();
    return isFailing;
  }

  /**
   * A check failed, which no request can cause. Returns true if the backend begins to fail with this call.
   */
  checkFailed({ now, forMs }: { readonly now: number; readonly forMs: number }): boolean {
    const wasFailing = this.isFailing;
    this.#isDownByCheck = true;
    this.failures = Math.max(FAILURES, this.failures + 1);
    this.skippedUntil = Math.max(this.skippedUntil, now + forMs);
    this.cooldowns++;
    return !wasFailing;
  }

  /**
   * A check found the backend up. Ends a cooldown after a failed check or failures to connect. A backend
   * whose check succeeds can still fail requests, so other failures stay. Returns true if the backend was
   * failing before.
   */
  checkSucceeded(): boolean {
    if (!this.#isDownByCheck && this.#certain < FAILURES) return false;
    this.endProbe();
    return this.succeeded();
  }

  /**
   * Counts failures, and begins a cooldown after enough of them. Returns true if the backend begins to fail
   * with this call.
   */
  failed(
    count: number,
    by: FailureSource & { readonly now: number; readonly needsOthers: boolean },
  ): boolean {
    const wasFailing = this.isFailing;
    this.#failedFor.add(by.holder);
    if (by.isCertain) this.#certain += count;
    this.failures += count;
    // If only one client's requests failed, those requests may be the cause.
    const isDoubtful = by.needsOthers && this.#certain < FAILURES && this.#failedFor.size < 2;
    if (isDoubtful) this.failures = Math.min(this.failures, FAILURES - 1);
    if (this.failures < FAILURES) return false;
    const cooldownMs = Math.min(FIRST_COOLDOWN_MS * 2 ** (this.failures - FAILURES), LONGEST_COOLDOWN_MS);
    this.skippedUntil = by.now + cooldownMs;
    this.cooldowns++;
    return !wasFailing;
  }
}
