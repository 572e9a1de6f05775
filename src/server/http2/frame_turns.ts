/** The part of a second's allowance that may be used at once. */
const BURST_SECONDS = 1;

interface Waiting {
  readonly holder: object;
  readonly cost: number;
  readonly resolve: () => void;
}

/**
 * Bounds how fast the frames of connections are read, all of them together. While there is more than that, the
 * connection goes first that has used the least: a new one does not wait behind those that flood.
 */
export class FrameTurns {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #used = new WeakMap<object, number>();
  #waiting: Waiting[] = [];
  #left: number;
  #countedAt: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor({ perSecond, now }: { perSecond: number; now: () => number }) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = perSecond * BURST_SECONDS;
    this.#countedAt = now();
  }

  /** Counts the cost of frames. Gives a promise when they have to wait; otherwise they go on at once. */
  take(holder: object, cost: number): Promise<void> | undefined {
    this.#refill();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#count(holder, cost);
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ holder, cost, resolve });
    this.#wake();
    return promise;
  }

  /** A connection has ended: it waits for nothing. */
  leave(holder: object): void {
    const [own, others] = [[], []] as [Waiting[], Waiting[]];
    for (const one of this.#waiting) (one.holder === holder ? own : others).push(one);
    this.#waiting = others;
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
      const usedBy = ({ holder }: Waiting): number => this.#used.get(holder) ?? 0;
      this.#waiting.sort((one, other) => usedBy(one) - usedBy(other));
      let served = 0;
      for (const { holder, cost, resolve } of this.#waiting) {
        if (this.#left <= 0) break;
        this.#count(holder, cost);
        resolve();
        served++;
      }
      this.#waiting.splice(0, served);
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return;
    const waitMs = Math.max(1, Math.ceil(-this.#left / this.#perSecond * 1000) + 1);
    this.#timer = setTimeout(() => this.#serve(), waitMs);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
