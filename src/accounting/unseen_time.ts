/** Text comes more often than that while a model writes what can be seen. */
const PAUSE_MS = 1_000;

/** Sums up how long nothing was seen of what a model wrote: it may have written what nobody sees, and bills it. */
export class UnseenTime {
  #sum = 0;
  #textBytes = 0;
  #since: number;

  /** `now`: the start of the request, by a clock of milliseconds. */
  constructor(now: number) {
    this.#since = now;
  }

  /** So much text has come in all, at this moment. */
  seen(textBytes: number, now: number): void {
    if (textBytes === this.#textBytes) return;
    this.#sum = this.sum(now);
    this.#textBytes = textBytes;
    this.#since = now;
  }

  /** In milliseconds, until now. */
  sum(now: number): number {
    const pause = now - this.#since;
    return this.#sum + (pause > PAUSE_MS || this.#textBytes === 0 ? pause : 0);
  }
}
