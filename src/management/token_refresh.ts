import type { ManagedTokens } from "../auth/managed_tokens.ts";
import type { Log } from "../observability/log.ts";
import { StoreError } from "../storage/store.ts";

/** Keeps the tokens in memory as the database has them. While the database fails, known tokens stay valid. */
export class TokenRefresh {
  readonly #tokens: ManagedTokens;
  readonly #log: Log;
  readonly #onSecrets: (secrets: readonly string[]) => void;
  #hasFailed = false;

  /** `onSecrets` gets the provider keys of all projects, which no log may hold. */
  constructor(
    tokens: ManagedTokens,
    { log, onSecrets }: { log: Log; onSecrets: (secrets: readonly string[]) => void },
  ) {
    this.#tokens = tokens;
    this.#log = log;
    this.#onSecrets = onSecrets;
  }

  /** Whether the last reading failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Reads the tokens again where the database may have changed. Undefined: nothing has changed. */
  refreshIfChanged(): Promise<void> | undefined {
    return this.#mayHaveChanged() ? this.refresh() : undefined;
  }

  /** Reads the tokens again. Does not throw where the database fails: the log says so once. */
  async refresh(): Promise<void> {
    try {
      await this.#tokens.refresh();
      this.#onSecrets(this.#tokens.secrets);
      this.#hasFailed = false;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!this.#hasFailed) {
        this.#log("error", "storage_failing", { detail: `${error.message}; known tokens go on` });
      }
      this.#hasFailed = true;
    }
  }

  #mayHaveChanged(): boolean {
    try {
      return this.#tokens.consumeChange() || this.#hasFailed;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return true;
    }
  }
}
