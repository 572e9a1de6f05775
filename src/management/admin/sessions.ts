/** Sessions of the admin page, in memory only. */

import { hashOf } from "../../auth/token_value.ts";
import type { Clock } from "../../time/clock.ts";

/** The most sessions. Beyond that, a sign-in ends the session with the longest inactivity. */
const MAX_SESSIONS = 100;

/** Sessions of the admin page, which end after a time without activity. */
export class Sessions {
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  /**
   * The time of the last activity by the hash of the session id, the oldest first. Hashed keys keep the time
   * of a lookup from revealing other ids.
   */
  readonly #usedAt = new Map<string, number>();

  /**
   * `idleMs` returns the allowed time without activity in milliseconds; it may change while the program runs.
   */
  constructor(clock: Clock, idleMs: () => number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** Starts a session and returns its id, 256 random bits in base64url. */
  begin(): string {
    const id = crypto.getRandomValues(new Uint8Array(32)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    const [oldest] = this.#usedAt.keys();
    if (this.#usedAt.size >= MAX_SESSIONS && oldest !== undefined) this.#usedAt.delete(oldest);
    this.#usedAt.set(keyOf(id), this.#clock.now());
    return id;
  }

  /** Whether a session has not ended. `used` reports activity of the user, which restarts the idle time. */
  isValid(id: string, { used }: { used: boolean }): boolean {
    const key = keyOf(id);
    const usedAt = this.#usedAt.get(key);
    const now = this.#clock.now();
    if (usedAt === undefined || now - usedAt >= this.#idleMs()) {
      this.#usedAt.delete(key);
      return false;
    }
    if (used) {
      this.#usedAt.delete(key);
      this.#usedAt.set(key, now);
    }
    return true;
  }

  /** Ends a session. Returns whether it was still valid. */
  end(id: string): boolean {
    const wasValid = this.isValid(id, { used: false });
    this.#usedAt.delete(keyOf(id));
    return wasValid;
  }
}

function keyOf(id: string): string {
  return hashOf(id).toHex();
}
