/** Audit log entries of sign-ins, sign-outs and rejected attempts. They never hold a token. */

import { addressGroup } from "../../network/ip_ranges.ts";
import type { Clock } from "../../time/clock.ts";
import { type NewAuditEntry, REFUSED_ACCESS } from "../../storage/audit_store.ts";
import { type Store, StoreError } from "../../storage/store.ts";

/**
 * Why an attempt was rejected: a wrong token at the sign-in of the admin page (`sign_in`), a wrong name or
 * passphrase there (`passphrase`), a wrong passkey (`passkey`), an invitation that does not work
 * (`invitation`), a wrong token in `Authorization` (`bearer`), a wrong code of the login of a command, from a
 * person (`user_code`) or from a command (`device_code`), or any of them while the address must wait
 * (`rate_limited`).
 */
export type RefusedAttempt =
  | "sign_in"
  | "passphrase"
  | "passkey"
  | "invitation"
  | "bearer"
  | "user_code"
  | "device_code"
  | "rate_limited";

/** The shortest time between two entries of an address. */
const WINDOW_MS = 60_000;
/** The most addresses with separate entries in that time. All others share one entry. */
const MAX_ADDRESSES = 20;
const OTHERS = "other addresses";

const NAMES = {
  sign_in: "wrong_tokens_at_sign_in",
  passphrase: "wrong_passphrases",
  passkey: "wrong_passkeys",
  invitation: "wrong_invitations",
  bearer: "wrong_bearer_tokens",
  user_code: "wrong_codes_of_commands",
  device_code: "wrong_device_codes",
  rate_limited: "attempts_during_a_wait",
} as const satisfies Record<RefusedAttempt, string>;

/** What the log says of an attempt. */
export const REFUSED_TEXTS: Readonly<Record<RefusedAttempt, string>> = {
  sign_in: "a wrong token",
  passphrase: "a wrong name or passphrase",
  passkey: "a wrong passkey",
  invitation: "a wrong invitation",
  bearer: "a wrong token",
  user_code: "a wrong code of a command",
  device_code: "a wrong device code",
  rate_limited: "an attempt during a wait",
};

type Counts = Map<RefusedAttempt, number>;

interface Window {
  readonly source: string;
  /** Attempts since the last entry. */
  readonly counts: Counts;
  readonly stop: () => void;
}

/** Writes audit log entries of access to the management plane. */
export class AccessAudit {
  readonly #store: Pick<Store, "addAudit">;
  readonly #clock: Clock;
  readonly #onFailed: (reason: string) => void;
  /** By the address group, which is a /64 network for IPv6. */
  readonly #windows = new Map<string, Window>();

  /** A failing store does not prevent access: `onFailed` is called with the reason instead. */
  constructor(
    store: Pick<Store, "addAudit">,
    { clock, onFailed }: { clock: Clock; onFailed: (reason: string) => void },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#onFailed = onFailed;
  }

  /** Records a sign-in at the admin page. `source` is the address of the client. */
  signedIn(source: string, actor: string): Promise<void> {
    return this.#write({ actor, source, action: "admin.sign_in", subjectId: "admin page" });
  }

  /** Records a sign-out that ended a session of the admin page. `source` is the address of the client. */
  signedOut(source: string, actor: string): Promise<void> {
    return this.#write({ actor, source, action: "admin.sign_out", subjectId: "admin page" });
  }

  /**
   * Records a rejected attempt. The first attempt of an address is written at once. Further attempts within a
   * minute are counted, and written as one entry at the end of the minute.
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

  /** Writes the counted attempts, before the program exits. */
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
