/** Decides which requests are rejected while the database cannot be reached (`on_database_loss`). */

import type { OnLoss } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { Log } from "../observability/log.ts";
import { NOTICED_WITHIN_MS } from "../storage/access_store.ts";
import type { ExchangeWriter } from "../storage/exchange_writer.ts";
import type { TokenRefresh } from "./token_refresh.ts";

/** How long a token that was revoked meanwhile can be accepted with `refuse`, in milliseconds. */
const LONGEST_REVOKED_MS = 60_000;
/** The store may have been away for this time already when it last looked unchanged. */
const LONGEST_UNCONFIRMED_MS = LONGEST_REVOKED_MS - NOTICED_WITHIN_MS;
const RETRY_SECONDS = 2;

/** What {@link DatabaseLoss} needs to know of the database. */
export interface DatabaseLossParts {
  readonly tokens: Pick<TokenRefresh, "isAway" | "unconfirmedMs">;
  readonly writer: Pick<ExchangeWriter, "isBehind" | "isHalfFull" | "keepsBudgets">;
  readonly log: Log;
}

/** The state of `on_database_loss`. The default `go_on` rejects nothing. */
export class DatabaseLoss {
  readonly #parts: DatabaseLossParts;
  #refuses = false;
  #isUnconfirmed = false;

  constructor(parts: DatabaseLossParts, onLoss: OnLoss | undefined) {
    this.#parts = parts;
    this.configure(onLoss);
  }

  /** Sets what happens from now on. */
  configure(onLoss: OnLoss | undefined): void {
    this.#refuses = onLoss === "refuse";
    this.#parts.writer.keepsBudgets = this.#refuses;
  }

  /**
   * Whether requests under a budget must not begin: the database is away, usage waits for a retry, or half of
   * the queue is in use.
   */
  refusesBudgets(): boolean {
    if (!this.#refuses) return false;
    const { tokens, writer } = this.#parts;
    return tokens.isAway || writer.isBehind || writer.isHalfFull;
  }

  /**
   * Whether managed tokens must be rejected, because the database has not confirmed them for too long. The
   * log says when that begins and ends.
   */
  refusesTokens(): boolean {
    const isUnconfirmed = this.#refuses && this.#parts.tokens.unconfirmedMs > LONGEST_UNCONFIRMED_MS;
    if (isUnconfirmed !== this.#isUnconfirmed) {
      this.#isUnconfirmed = isUnconfirmed;
      if (isUnconfirmed) {
        const detail = `the database has not confirmed the tokens for ${
          LONGEST_UNCONFIRMED_MS / 1000
        } s; managed tokens are rejected`;
        this.#parts.log("error", "storage_failing", { detail });
      } else this.#parts.log("info", "storage_recovered", { detail: "managed tokens are accepted again" });
    }
    return isUnconfirmed;
  }
}

/** The fault for a managed token while {@link DatabaseLoss.refusesTokens}. */
export function unconfirmedToken(): ProxyFault {
  return new ProxyFault(
    "overloaded",
    "The proxy cannot reach its database, so it does not know whether this token is still valid. Try again soon.",
    { retryAfterSeconds: RETRY_SECONDS },
  );
}
