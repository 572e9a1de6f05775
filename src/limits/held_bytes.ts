import { ProxyFault } from "../faults.ts";

/** The wait that a refused client hears of. Most bodies are held for seconds, until their answer begins. */
const RETRY_AFTER_SECONDS = 2;

/** Up to this a body may take as long as its sender likes. */
const SMALL_BYTES = 1024 * 1024;
/** A longer one may take a minute, and a second for so many bytes: what is slower holds its memory for too long. */
const LEAST_BYTES_PER_SECOND = 16 * 1024;
const GRACE_MS = 60_000;

/**
 * How much of requests' bodies is held in memory, over all requests. Nobody may hold more than what is left free for
 * the others, so that there is always room for one who holds little: one alone gets a half, each of two a third, and
 * so on. Only while nobody else holds anything, one request alone may take all.
 */
export class HeldBytes {
  readonly #maxBytes: number;
  #held = 0;
  readonly #byHolder = new Map<string, { bytes: number; requests: number }>();

  readonly #now: () => number;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor(maxBytes: number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** The bytes that all shares hold now. */
  get held(): number {
    return this.#held;
  }

  /**
   * A share of somebody, which is empty at first: for one request, or with `mayBeSlow` for what has no end that could
   * be waited for.
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
          throw new ProxyFault("request_timeout", "The body has to be held in memory and comes too slowly.");
        }
        throw new ProxyFault(
          "overloaded",
          "The proxy holds as much of requests' bodies as it may; try again in a moment.",
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

/** What one request holds of the memory for bodies. */
export interface HeldShare {
  /** Sets how many bytes it holds; false: there is no room for so many, and nothing has changed. */
  readonly mayHold: (bytes: number) => boolean;
  /** The same; throws the fault `overloaded`, or `request_timeout` for a body that comes too slowly. */
  readonly hold: (bytes: number) => void;
  /** Is told how what is held is let go of: that happens when the share is released, and never without it. */
  readonly droppedBy: (drop: () => void) => void;
  /** It holds nothing any more, for good. */
  readonly release: () => void;
}
