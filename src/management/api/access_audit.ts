/** Who came in, who left and who was refused, for the audit log. A token is never in it. */

import { addressGroup } from "../../network/ip_ranges.ts";
import type { Clock } from "../../time/clock.ts";
import { type NewAuditEntry, REFUSED_ACCESS, type Store, StoreError } from "../../storage/store.ts";

/**
 * How an attempt was refused: a wrong token typed at the admin page, a wrong one in `Authorization`, or any while the
 * address has to wait.
 */
export type RefusedAttempt = "sign_in" | "bearer" | "rate_limited";

/** Of an address at most one entry is written in this time. */
const WINDOW_MS = 60_000;
/** So many addresses get entries of their own within that time; all others share one. */
const MAX_ADDRESSES = 20;
const OTHERS = "other addresses";

const NAMES = {
  sign_in: "wrong_tokens_at_sign_in",
  bearer: "wrong_bearer_tokens",
  rate_limited: "attempts_during_a_wait",
} as const satisfies Record<RefusedAttempt, string>;

type Counts = Map<RefusedAttempt, number>;

interface Window {
  readonly source: string;
  /** Attempts since its last entry. */
  readonly counts: Counts;
  readonly stop: () => void;
}

/** Writes entries of the audit log that are no changes. */
export class AccessAudit {
  readonly #store: Pick<Store, "addAudit">;
  readonly #clock: Clock;
  readonly #onFailed: (reason: string) => void;
  /** By the group of the address. */
  readonly #windows = new Map<string, Window>();

  /** A store that fails keeps nobody out: `onFailed` is called with the reason. */
  constructor(
    store: Pick<Store, "addAudit">,
    { clock, onFailed }: { clock: Clock; onFailed: (reason: string) => void },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** Somebody signed in at the admin page, from that address. */
  signedIn(source: string): Promise<void> {
    return this.#write({ actor: "admin page", source, action: "admin.sign_in", subjectId: "admin page" });
  }

  /** Somebody ended a session of the admin page. */
  signedOut(source: string): Promise<void> {
    return this.#write({ actor: "admin page", source, action: "admin.sign_out", subjectId: "admin page" });
  }

  /**
   * An attempt to come in was refused. The first of an address is written at once; what follows within a minute is
   * counted, and written as one entry when the minute is over.
   */
  async refused(source: string, attempt: RefusedAttempt): Promise<void> {
    const group = addressGroup(source);
    const isKnown = this.#windows.has(group) || this.#windows.size < MAX_ADDRESSES;
    const key = isKnown ? group : OTHERS;
    const window = this.#windows.get(key);
    if (window !== undefined) {
      window.counts.set(attempt, (window.counts.get(attempt) ?? 0) + 1);
      return;
    }
    const shown = isKnown ? source : OTHERS;
    this.#open(key, shown);
    await this.#writeRefused(shown, new Map([[attempt, 1]]));
  }

  /** Writes what was counted, for the last time. */
  async close(): Promise<void> {
    const windows = [...this.#windows.values()];
    this.#windows.clear();
    for (const { source, counts, stop } of windows) {
      stop();
      if (counts.size > 0) await this.#writeRefused(source, counts);
    }
  }

  #open(key: string, source: string): void {
    const counts: Counts = new Map();
    const stop = this.#clock.after(WINDOW_MS, () => {
      this.#windows.delete(key);
      if (counts.size === 0) return;
      this.#open(key, source);
      this.#writeRefused(source, counts);
    });
    this.#windows.set(key, { source, counts, stop });
  }

  #writeRefused(source: string, counts: Counts): Promise<void> {
    const changes = Object.fromEntries([...counts].map(([attempt, count]) => [NAMES[attempt], count]));
    return this.#write({
      actor: "unknown",
      source,
      action: REFUSED_ACCESS,
      subjectId: "management plane",
      changes,
    });
  }

  async #write(
    entry: Omit<NewAuditEntry, "at" | "changes"> & Partial<Pick<NewAuditEntry, "changes">>,
  ): Promise<void> {
    try {
      await this.#store.addAudit({ changes: {}, ...entry, at: this.#clock.epochMs() });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#onFailed(error.message);
    }
  }
}
