/**
 * Asks for changes of projects and tokens twice a second, where a pooler shares connections between
 * transactions: no notification reaches a client there.
 */

import { AccessState, type AccessWatch, latestChange } from "./access_watch.ts";
import type { PostgresPool } from "./pool.ts";

/** The time between two questions, in milliseconds. A revoked token must be refused within a second. */
const POLL_MS = 500;
const ANSWER_MS = 5_000;

/** Begins to ask for changes, by way of the pool. {@link AccessWatch.close} ends it. */
export function pollAccess(pool: PostgresPool): AccessWatch {
  return new AccessPoller(pool);
}

class AccessPoller extends AccessState implements AccessWatch {
  readonly #pool: PostgresPool;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #asking: Promise<void>;

  constructor(pool: PostgresPool) {
    super();
    this.#pool = pool;
    this.#asking = this.#ask();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#asking;
  }

  async #ask(): Promise<void> {
    try {
      this.isAt(await latestChange(this.#pool, ANSWER_MS));
    } catch {
      this.isDown = true;
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#asking = this.#ask();
    }, POLL_MS);
  }
}
