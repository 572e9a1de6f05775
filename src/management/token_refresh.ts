import type { ManagedTokens } from "../auth/managed_tokens.ts";
import type { Log } from "../observability/log.ts";
import { StoreError } from "../storage/store.ts";

/**
 * Keeps the managed tokens in memory equal to those in the database. While the database fails, known tokens
 * stay valid.
 */
export class TokenRefresh {
  readonly #tokens: ManagedTokens;
  readonly #log: Log;
  readonly #onSecrets: (secrets: readonly string[]) => void;
  readonly #onRefreshed: () => void;
  #hasFailed = false;
  #secrets: readonly string[];

  /**
   * `onSecrets` gets the provider keys of all projects, so that the log can redact them. `onRefreshed` is called
   * after each successful refresh.
   */
  constructor(
    tokens: ManagedTokens,
    { log, onSecrets, onRefreshed = () => {} }: {
      log: Log;
      onSecrets: (secrets: readonly string[]) => void;
      onRefreshed?: () => void;
    },
  ) {
    this.#tokens = tokens;
    this.#secrets = tokens.secrets;
    this.#log = log;
    this.#onSecrets = onSecrets;
    this.#onRefreshed = onRefreshed;
  }

  /** Whether the last refresh failed. Until the next one, the tokens of the last success are valid. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Reads the changed tokens if the database may have changed. Returns `undefined` if it has not changed. */
  refreshIfChanged(): Promise<void> | undefined {
    return this.#mayHaveChanged() ? this.refresh() : undefined;
  }

  /** Reads the changed tokens. If the database fails, it does not throw, and logs the first failure. */
  async refresh(): Promise<void> {
    try {
      await this.#tokens.refresh();
      const { secrets } = this.#tokens;
      if (secrets !== this.#secrets) this.#onSecrets(secrets);
      this.#secrets = secrets;
      this.#hasFailed = false;
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
