/** A pause of this length in the visible output means that the model generates invisible output. */
const PAUSE_MS = 1_000;

/** Adds up the time without visible output, in which a model may generate invisible output that is billed. */
export class UnseenTime {
  #sum = 0;
  #textBytes = 0;
  #since: number;

  /** `now` is the start of the request, in milliseconds of a monotonic clock. */
  constructor(now: number) {
    this.#since = now;
  }

  /** Starts from zero, at the start of another attempt. `now` is in milliseconds of the monotonic clock. */
  restart(now: number): void {
    this.#sum = 0;
    this.#textBytes = 0;
    this.#since = now;
  }

  /** Records that `textBytes` of text have arrived in total at this time. */
  seen(textBytes: number, now: number): void {
    if (textBytes === this.#textBytes) return;
    this.#sum = this.sum(now);
    this.#textBytes = textBytes;
    this.#since = now;
  }

  /** The time without visible output until now, in milliseconds. */
  sum(now: number): number {
    const pause = now - this.#since;
    return this.#sum + (pause > PAUSE_MS || this.#textBytes === 0 ? pause : 0);
  }
}
