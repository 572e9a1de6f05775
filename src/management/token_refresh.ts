import type { ManagedTokens } from "../auth/managed_tokens.ts";
import type { Log } from "../observability/log.ts";
import { StoreError } from "../storage/store.ts";
import { traceOf } from "../text/error_text.ts";
import type { Clock } from "../time/clock.ts";

/**
 * How long a request waits for changed tokens, in milliseconds. If the database needs more time, or fails,
 * known tokens stay valid until it answers. If it answers in time, a revoked token is rejected within this
 * time.
 */
const LONGEST_WAIT_MS = 1_000;

/** The part of the managed tokens that a {@link TokenRefresh} uses. */
export type RefreshedTokens = Pick<ManagedTokens, "secrets" | "mayHaveChanged" | "refresh">;

/**
 * Keeps the managed tokens in memory equal to those in the database. While the database fails, known tokens
 * stay valid.
 */
export class TokenRefresh {
  readonly #tokens: RefreshedTokens;
  readonly #log: Log;
  readonly #onSecrets: (secrets: readonly string[]) => void;
  readonly #onRefreshed: () => void;
  readonly #clock: Clock;
  #hasFailed = false;
  /** Whether a refresh took longer than a request waits, and none has succeeded since. */
  #isSlow = false;
  #secrets: readonly string[];
  /** When the database last confirmed the tokens in memory, in milliseconds of the monotonic clock. */
  #confirmedAt: number;

  /**
   * `onSecrets` gets the provider keys of all projects, so that the log can redact them. `onRefreshed` is
   * called after each successful refresh.
   */
  constructor(
    tokens: RefreshedTokens,
    { log, clock, onSecrets, onRefreshed = () => {} }: {
      log: Log;
      clock: Clock;
      onSecrets: (secrets: readonly string[]) => void;
      onRefreshed?: () => void;
    },
  ) {
    this.#tokens = tokens;
    this.#secrets = tokens.secrets;
    this.#log = log;
    this.#clock = clock;
    this.#confirmedAt = clock.now();
    this.#onSecrets = onSecrets;
    this.#onRefreshed = onRefreshed;
  }

  /** Whether the last refresh failed. Until the next one, the tokens of the last success are valid. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Whether the last refresh failed, or takes too long. */
  get isAway(): boolean {
    return this.#hasFailed || this.#isSlow;
  }

  /** How long ago the database last confirmed the tokens in memory, in milliseconds. */
  get unconfirmedMs(): number {
    return this.#clock.now() - this.#confirmedAt;
  }

  /**
   * Reads the changed tokens if the database may have changed. Returns `undefined` if it has not changed, or
   * takes too long to answer. The promise resolves after at most {@link LONGEST_WAIT_MS}, and the refresh
   * then continues without it.
   */
  refreshIfChanged(): Promise<void> | undefined {
    if (!this.#mayHaveChanged()) {
      this.#confirmedAt = this.#clock.now();
      return undefined;
    }
    const refresh = this.refresh();
    if (!this.#isSlow) return this.#atMost(refresh);
    refresh.catch((error) => this.#log("error", "unexpected", { detail: traceOf(error) }));
    return undefined;
  }

  async #atMost(refresh: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#clock.after(LONGEST_WAIT_MS, () => {
      this.#isSlow = true;
      resolve();
    });
    try {
      await Promise.race([refresh, promise]);
    } finally {
      stop();
    }
  }

  /** Reads the changed tokens. If the database fails, it does not throw, and logs the first failure. */
  async refresh(): Promise<void> {
    const begunAt = this.#clock.now();
    try {
      await this.#tokens.refresh();
      const { secrets } = this.#tokens;
      if (secrets !== this.#secrets) this.#onSecrets(secrets);
      this.#secrets = secrets;
      this.#hasFailed = false;
      this.#isSlow = false;
      this.#confirmedAt = begunAt;
      this.#onRefreshed();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!this.#hasFailed) {
        this.#log("error", "storage_failing", { detail: `${error.message}; known tokens stay valid` });
      }
      this.#hasFailed = true;
    }
  }

  #mayHaveChanged(): boolean {
    try {
      return this.#tokens.mayHaveChanged() || this.#hasFailed;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return true;
    }
  }
}
