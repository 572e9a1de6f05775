/**
 * The frames and fields that all unauthenticated clients together may send in a second. They are enough for a
 * few hundred requests.
 */
const UNAUTHENTICATED_COST_PER_SECOND = 20_000;
/** The number of seconds whose frames may be sent at once. */
const BURST_SECONDS = 1;

interface QueuedFrames {
  readonly holder: object;
  readonly cost: number;
  readonly resolve: () => void;
}

/**
 * Limits the rate at which the proxy reads frames of several connections together. If frames have to queue,
 * the connection with the lowest total cost is first. So a new connection does not wait for connections that
 * flood the proxy.
 */
export class FrameRateLimit {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** The total cost of each connection. */
  readonly #used = new WeakMap<object, number>();
  #queue: QueuedFrames[] = [];
  /** The cost that is allowed now. Negative after a large piece. */
  #left: number;
  #countedAt: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `perSecond` is the allowed cost in a second. `now` returns milliseconds of a monotonic clock. */
  constructor({ perSecond, now }: { perSecond: number; now: () => number }) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = perSecond * BURST_SECONDS;
    this.#countedAt = now();
  }

  /**
   * Counts the cost of frames. Returns `undefined` if the frames are allowed now. Otherwise returns a promise
   * to wait for.
   */
  acquire(holder: object, cost: number): Promise<void> | undefined {
    this.#refill();
    if (this.#left > 0 && this.#queue.length === 0) {
      this.#count(holder, cost);
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue.push({ holder, cost, resolve });
    this.#wake();
    return promise;
  }

  /** Ends the waits of a connection, because it has ended or now has a separate limit. */
  release(holder: object): void {
    const own: QueuedFrames[] = [];
    const others: QueuedFrames[] = [];
    for (const one of this.#queue) (one.holder === holder ? own : others).push(one);
    this.#queue = others;
    for (const { resolve } of own) resolve();
    if (others.length === 0) this.#stop();
  }

  #count(holder: object, cost: number): void {
    this.#left -= cost;
    this.#used.set(holder, (this.#used.get(holder) ?? 0) + cost);
  }

  #refill(): void {
    const now = this.#now();
    const more = (now - this.#countedAt) / 1000 * this.#perSecond;
    this.#left = Math.min(this.#perSecond * BURST_SECONDS, this.#left + more);
    this.#countedAt = now;
  }

  #serve(): void {
    this.#timer = undefined;
    this.#refill();
    if (this.#left > 0) {
      // The cost of the queued frames counts too. So a request does not wait for other new connections that
      // flood the proxy.
      const usedBy = ({ holder, cost }: QueuedFrames): number => (this.#used.get(holder) ?? 0) + cost;
      this.#queue.sort((one, other) => usedBy(one) - usedBy(other));
      let served = 0;
      for (const { holder, cost, resolve } of this.#queue) {
        if (this.#left <= 0) break;
        this.#count(holder, cost);
        resolve();
        served++;
      }
      this.#queue.splice(0, served);
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#queue.length === 0) return;
    const waitMs = Math.max(1, Math.ceil(-this.#left / this.#perSecond * 1000) + 1);
    this.#timer = setTimeout(() => this.#serve(), waitMs);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Makes the limit for all unauthenticated clients. `now` returns milliseconds of a monotonic clock. */
export function unauthenticatedRate(now: () => number): FrameRateLimit {
  return new FrameRateLimit({ perSecond: UNAUTHENTICATED_COST_PER_SECOND, now });
}
