import { durationText } from "../config/values/durations.ts";
import { ClientGone } from "../cancellation.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";

/** Measures how long a client keeps the proxy waiting, one wait at a time. */
export class StallTimer {
  readonly #now: () => number;
  #since: number | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** `now` returns milliseconds of a clock that never jumps. */
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
   * Begins a wait that ends when `work` settles. The promise settles then, or when {@link reject} is called.
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
 * Returns the reason to end an exchange whose client keeps the proxy waiting for too long, or undefined if no
 * limit has passed.
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
