/** The public keys of a provider, which stay in memory. */

import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import type { JwtKeySet } from "../../config/config.ts";
import { messageOf } from "../../text/error_text.ts";
import type { Clock } from "../../time/clock.ts";

/** How often the keys are read again. A key that the provider withdraws is refused after this time. */
export const RENEW_MS = 600_000;
/** The shortest time between two reads: for an unknown key, and after a failure. */
export const COOLDOWN_MS = 30_000;
/** How long the last keys are used while the provider cannot be reached. */
export const LONGEST_USE_MS = 24 * 3_600_000;

/** What happens to the keys of a provider, for the log. */
export interface KeyEvent {
  readonly kind: "failing" | "recovered" | "changed";
  readonly detail: string | undefined;
}

/** What {@link IssuerKeys} needs. */
export interface IssuerKeysParts {
  /** Reads the keys from the provider. It must end by itself. */
  readonly load: () => Promise<JwtKeySet>;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly onEvent: (event: KeyEvent) => void;
  /** The keys of the same provider under the configuration before. `undefined` without them. */
  readonly before?: LastKeys | undefined;
}

/** The keys that were last read, and when. */
export interface LastKeys {
  readonly keys: Keys;
  /** In milliseconds of the monotonic clock. */
  readonly readAt: number;
}

/** Finds the key of a signature. `text` tells whether two sets of keys are the same. */
interface Keys {
  readonly find: JWTVerifyGetKey;
  readonly text: string;
}

/**
 * The keys of one provider. They are read at once, every ten minutes, and for an unknown key at most every
 * 30 seconds: an attacker who invents names of keys causes no further reads.
 */
export class IssuerKeys {
  readonly #parts: IssuerKeysParts;
  #keys: Keys | undefined;
  /** When the keys were last read. */
  #readAt = -Infinity;
  /** When the last try began. */
  #triedAt = -Infinity;
  #hasFailed = false;
  #reading: Promise<void> | undefined;
  #stopTimer = (): void => {};
  #isClosed = false;

  constructor(parts: IssuerKeysParts) {
    this.#parts = parts;
    if (parts.before !== undefined) {
      this.#keys = parts.before.keys;
      this.#readAt = parts.before.readAt;
    }
    void this.#read();
  }

  /** The last keys, for the next configuration; `undefined` before the first read. */
  get last(): LastKeys | undefined {
    return this.#keys && { keys: this.#keys, readAt: this.#readAt };
  }

  /** The keys that may be used now; `undefined` before the first read, and if the last one is too old. */
  get current(): Keys | undefined {
    return this.#parts.clock.now() - this.#readAt < LONGEST_USE_MS ? this.#keys : undefined;
  }

  /** Waits for the first keys if they are being read. */
  async first(): Promise<void> {
    if (this.#keys === undefined && this.#reading !== undefined) await this.#reading;
  }

  /**
   * Reads the keys again because one is unknown, or waits for a read that runs. Resolves with `false` at once
   * if the last read was too short a time ago.
   */
  async renewed(): Promise<boolean> {
    if (this.#reading === undefined && this.#parts.clock.now() - this.#triedAt < COOLDOWN_MS) return false;
    await this.#read();
    return true;
  }

  /** Ends the reads of keys. A read that runs goes on, and is the last one. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  /** Never rejects. */
  #read(): Promise<void> {
    return this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
      this.#stopTimer();
      if (this.#isClosed) return;
      const pauseMs = this.#hasFailed ? COOLDOWN_MS : RENEW_MS;
      this.#stopTimer = this.#parts.clock.after(pauseMs, () => void this.#read());
    });
  }

  async #readOnce(): Promise<void> {
    const { load, clock, onEvent } = this.#parts;
    this.#triedAt = clock.now();
    try {
      const set = await load();
      const text = JSON.stringify(set);
      const before = this.#keys?.text;
      if (text !== before) {
        // The library wants its own type of keys, and checks what it gets.
        this.#keys = { find: createLocalJWKSet({ keys: [...set.keys] }), text };
      }
      this.#readAt = clock.now();
      if (this.#hasFailed) onEvent({ kind: "recovered", detail: undefined });
      else if (before !== undefined && text !== before) onEvent({ kind: "changed", detail: undefined });
      this.#hasFailed = false;
    } catch (error) {
      // The log gets one line for the first failure.
      if (!this.#hasFailed) onEvent({ kind: "failing", detail: messageOf(error) });
      this.#hasFailed = true;
    }
  }
}
