import { ProxyFault } from "../faults.ts";
import type { BodyMemory } from "../streams/held_body.ts";

/** `retry-after` of rejected requests. Most bodies are held for seconds, until the response begins. */
const RETRY_AFTER_SECONDS = 2;

/** A body up to this size may arrive at any speed. */
const SMALL_BYTES = 1024 * 1024;
/**
 * The rate at which a longer body must arrive, after {@link GRACE_MS}. A slower body would hold its memory
 * for too long.
 */
const LEAST_BYTES_PER_SECOND = 16 * 1024;
const GRACE_MS = 60_000;

/**
 * Memory that requests or connections share by holder: request bodies in `app.ts`, read-ahead and unread
 * responses in `http_server.ts`. A holder gets at most as much as is then still free, so that a small body of
 * another holder always fits: one holder gets at most a half, each of two a third, and so on. Exception: a
 * single request, while no others hold anything, may take everything.
 */
export class HeldBytes {
  readonly #maxBytes: number;
  readonly #now: () => number;
  #held = 0;
  readonly #byHolder = new Map<string, Holding>();

  /** `now` returns the milliseconds of a monotonic clock. */
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
    return new HeldShare(this, holder, mayBeSlow ? undefined : this.#now());
  }

  /** Whether `bytes` arrive too slowly for a share that began at `begunAt`. */
  isTooSlow(bytes: number, begunAt: number): boolean {
    return this.#now() - begunAt > GRACE_MS + bytes / LEAST_BYTES_PER_SECOND * 1000;
  }

  /** Whether a share of a holder may grow from `own` bytes by `more` bytes. */
  hasRoom(holder: string, { own, more }: { own: number; more: number }): boolean {
    const free = this.#maxBytes - this.#held - more;
    if (free < 0) return false;
    const held = this.#byHolder.get(holder)?.bytes ?? 0;
    const isAlone = held === this.#held && held === own;
    return isAlone || held + more <= free;
  }

  /** Counts that a share of a holder changes from one number of bytes to another. */
  change(holder: string, { from, to }: { from: number; to: number }): void {
    if (from === to) return;
    this.#held += to - from;
    const holding = this.#byHolder.get(holder);
    if (holding === undefined) {
      this.#byHolder.set(holder, { bytes: to, requests: 1 });
      return;
    }
    holding.bytes += to - from;
    if (from === 0) holding.requests++;
    else if (to === 0 && --holding.requests === 0) this.#byHolder.delete(holder);
  }
}

/** The sum of the shares of one holder. */
interface Holding {
  bytes: number;
  requests: number;
}

/** The share of one request of the memory for bodies. */
export class HeldShare implements BodyMemory {
  readonly #all: HeldBytes;
  readonly #holder: string;
  /** When the share began. `undefined` if its bytes may come slowly. */
  readonly #begunAt: number | undefined;
  #own = 0;
  #isReleased = false;
  #drops: (() => void)[] | undefined;

  constructor(all: HeldBytes, holder: string, begunAt: number | undefined) {
    this.#all = all;
    this.#holder = holder;
    this.#begunAt = begunAt;
  }

  /**
   * Sets how many bytes the request holds. Returns false and changes nothing if there is not enough memory.
   */
  tryHold(bytes: number): boolean {
    if (this.#isReleased || this.#isTooSlow(bytes)) return false;
    const own = this.#own;
    if (bytes > own && !this.#all.hasRoom(this.#holder, { own, more: bytes - own })) return false;
    this.#set(bytes);
    return true;
  }

  /**
   * Sets how many bytes the request holds. Throws `overloaded` if there is not enough memory, or
   * `request_timeout` if the body arrives too slowly.
   */
  hold(bytes: number): void {
    if (this.tryHold(bytes)) return;
    if (this.#isTooSlow(bytes)) {
      throw new ProxyFault(
        "request_timeout",
        "The proxy must hold the request body in memory, and the body arrives too slowly.",
      );
    }
    throw new ProxyFault(
      "overloaded",
      "The memory for request bodies is full. Try again in a moment.",
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  /** Registers a function that drops the held bytes. The share calls it when it is released. */
  droppedBy(drop: () => void): void {
    if (this.#isReleased) drop();
    else (this.#drops ??= []).push(drop);
  }

  /** Releases the share. It cannot hold bytes afterwards. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const drop of this.#drops ?? []) drop();
    this.#drops = undefined;
    this.#set(0);
  }

  #set(bytes: number): void {
    this.#all.change(this.#holder, { from: this.#own, to: bytes });
    this.#own = bytes;
  }

  #isTooSlow(bytes: number): boolean {
    return this.#begunAt !== undefined && bytes > Math.max(this.#own, SMALL_BYTES) &&
      this.#all.isTooSlow(bytes, this.#begunAt);
  }
}
