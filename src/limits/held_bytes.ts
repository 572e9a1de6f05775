import { ProxyFault } from "../faults.ts";

/** `retry-after` of rejected requests. Most bodies are held for seconds, until the response begins. */
const RETRY_AFTER_SECONDS = 2;

/** A body up to this size may arrive at any speed. */
const SMALL_BYTES = 1024 * 1024;
/**
 * A longer body may take {@link GRACE_MS}, and a second for this many bytes. A slower body would hold its
 * memory for too long.
 */
const LEAST_BYTES_PER_SECOND = 16 * 1024;
const GRACE_MS = 60_000;

/**
 * Memory that requests or connections share by holder: request bodies in `app.ts`, read-ahead and unread
 * responses in `listen.ts`. A holder may hold at most as much as it leaves free for others, so that a small
 * body always fits: one holder gets at most a half, each of two a third, and so on. The only request may use
 * all of it.
 */
export class HeldBytes {
  readonly #maxBytes: number;
  #held = 0;
  readonly #byHolder = new Map<string, { bytes: number; requests: number }>();

  readonly #now: () => number;

  /** `now` gives the milliseconds of a monotonic clock. */
  constructor(maxBytes: number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** The bytes that all requests hold now. */
  get held(): number {
    return this.#held;
  }

  /**
   * An empty share for one request. Shares with the same `holder` count together. Set `mayBeSlow` for bytes
   * that have no expected end, such as those of a connection.
   */
  share(holder: string, { mayBeSlow = false }: { mayBeSlow?: boolean } = {}): HeldShare {
    let own = 0;
    let isReleased = false;
    const begun = this.#now();
    const isTooSlow = (bytes: number): boolean =>
      !mayBeSlow && bytes > Math.max(own, SMALL_BYTES) &&
      this.#now() - begun > GRACE_MS + bytes / LEAST_BYTES_PER_SECOND * 1000;
    const drops: (() => void)[] = [];
    const set = (bytes: number): void => {
      const { bytes: before, requests } = this.#byHolder.get(holder) ?? { bytes: 0, requests: 0 };
      const after = before + bytes - own;
      const isNew = own === 0 && bytes > 0;
      const isGone = own > 0 && bytes === 0;
      const left = requests + Number(isNew) - Number(isGone);
      if (left === 0) this.#byHolder.delete(holder);
      else this.#byHolder.set(holder, { bytes: after, requests: left });
      this.#held += bytes - own;
      own = bytes;
    };
    const grow = (bytes: number): boolean => {
      if (isReleased || isTooSlow(bytes)) return false;
      if (bytes > own && !this.#hasRoom(holder, { own, more: bytes - own })) return false;
      set(bytes);
      return true;
    };
    return {
      mayHold: grow,
      hold(bytes) {
        if (grow(bytes)) return;
        if (isTooSlow(bytes)) {
          throw new ProxyFault(
            "request_timeout",
            "The proxy must hold the body in memory, and it arrives too slowly.",
          );
        }
        throw new ProxyFault(
          "overloaded",
          "The memory for request bodies is full. Try again in a moment.",
          { retryAfterSeconds: RETRY_AFTER_SECONDS },
        );
      },
      droppedBy(drop) {
        if (isReleased) drop();
        else drops.push(drop);
      },
      release() {
        if (isReleased) return;
        isReleased = true;
        for (const drop of drops.splice(0)) drop();
        set(0);
      },
    };
  }

  #hasRoom(holder: string, { own, more }: { own: number; more: number }): boolean {
    const free = this.#maxBytes - this.#held - more;
    if (free < 0) return false;
    const held = this.#byHolder.get(holder)?.bytes ?? 0;
    const isAlone = held === this.#held && held === own;
    return isAlone || held + more <= free;
  }
}

/** The share of one request of the memory for bodies. */
export interface HeldShare {
  /**
   * Sets how many bytes the request holds. Returns false and changes nothing if there is not enough memory.
   */
  readonly mayHold: (bytes: number) => boolean;
  /**
   * Sets how many bytes the request holds. Throws `overloaded` if there is not enough memory, or
   * `request_timeout` if the body arrives too slowly.
   */
  readonly hold: (bytes: number) => void;
  /** Registers a function that drops the held bytes. The share calls it when it is released. */
  readonly droppedBy: (drop: () => void) => void;
  /** Releases the share. It cannot hold bytes afterwards. */
  readonly release: () => void;
}
