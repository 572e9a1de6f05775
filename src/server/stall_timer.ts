import { durationText } from "../config/values/durations.ts";
import { ClientGone } from "../cancellation.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";

/** Measures how long a client makes the proxy wait, one wait at a time. */
export class StallTimer {
  readonly #now: () => number;
  #since: number | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the present wait has lasted for longer than a limit. */
  isOver(limitMs: number): boolean {
    return this.#since !== undefined && this.#now() - this.#since > limitMs;
  }

  /** When the present wait began. `undefined` if the proxy does not wait for the client. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Whether the proxy waits for the client. */
  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /** Begins a wait, which lasts until {@link end}. */
  begin(since: number = this.#now()): void {
    this.#since = since;
  }

  /** Ends the present wait, if there is one. */
  end(): void {
    this.#since = undefined;
  }

  /**
   * Begins a wait that ends when `work` settles. The returned promise settles like `work`, unless
   * {@link reject} is called first.
   */
  for<Result>(work: Promise<Result>): Promise<Result> {
    this.begin();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work.then((result) => {
        this.end();
        resolve(result);
      }, (error) => {
        this.end();
        reject(error);
      });
    });
  }

  /** Ends the present wait. The promise of {@link for} rejects with the error. */
  reject(error: Error): void {
    this.end();
    this.#reject?.(error);
  }
}

/**
 * Returns the reason to end an exchange whose client makes the proxy wait for too long. `undefined` if no
 * limit has been exceeded.
 */
export function stallFault(
  { sending, uploading }: { sending: StallTimer; uploading: StallTimer | undefined },
  { sendMs, uploadMs }: ConnectionLimits,
): ClientGone | ProxyFault | undefined {
  if (sending.isOver(sendMs)) return new ClientGone(`the client took nothing for ${durationText(sendMs)}`);
  if (uploading?.isOver(uploadMs) !== true) return undefined;
  return new ProxyFault(
    "request_timeout",
    `No part of the request body arrived for ${durationText(uploadMs)} (upload_timeout).`,
  );
}
