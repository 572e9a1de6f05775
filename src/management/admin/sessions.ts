/** Who is signed in at the admin page. Nothing of it outlasts the program. */

import { hashOf } from "../../auth/token_value.ts";
import type { Clock } from "../../time/clock.ts";

/** More are not kept: the one that was idle the longest ends. */
const MAX_SESSIONS = 100;

/** Sessions that end when nobody has used them for a while. */
export class Sessions {
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  /** When each was used last, the longest ago first, by the hash of its id: to look one up tells nothing of others. */
  readonly #usedAt = new Map<string, number>();

  /** `idleMs` may change while the program runs. */
  constructor(clock: Clock, idleMs: () => number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** Begins one and gives its id, 256 random bits. */
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

  /** Whether it lasts. With `used` somebody did something, and its idle time begins anew. */
  lasts(id: string, { used }: { used: boolean }): boolean {
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

  /** Ends it; whether it lasted until then. */
  end(id: string): boolean {
    const lasted = this.lasts(id, { used: false });
    this.#usedAt.delete(keyOf(id));
    return lasted;
  }
}

function keyOf(id: string): string {
  return hashOf(id).toHex();
}
