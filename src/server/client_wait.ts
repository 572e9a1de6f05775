import { durationText } from "../config/values/durations.ts";
import { ClientGone } from "../cancellation.ts";
import type { ConnectionLimits } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";

/** Waits for a client, one at a time; each knows since when, and can be given up from outside. */
export class ClientWait {
  readonly #now: () => number;
  #since: number | undefined;
  #stop: ((error: Error) => void) | undefined;

  /** `now` gives milliseconds of a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether one has lasted for longer. */
  isOver(limitMs: number): boolean {
    return this.#since !== undefined && this.#now() - this.#since > limitMs;
  }

  /** When the present wait for the client began; undefined: nothing is awaited of it. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Whether one is under way. */
  get isUnderWay(): boolean {
    return this.#since !== undefined;
  }

  /** One begins that nobody waits for here; it lasts until {@link end}. */
  begin(): void {
    this.#since = this.#now();
  }

  end(): void {
    this.#since = undefined;
  }

  /** Waits for what the client has to do. */
  for<Result>(work: Promise<Result>): Promise<Result> {
    this.begin();
    return new Promise((resolve, reject) => {
      this.#stop = reject;
      work.then((result) => {
        this.end();
        resolve(result);
      }, (error) => {
        this.end();
        reject(error);
      });
    });
  }

  /** Whoever waits gets the error. */
  giveUp(error: Error): void {
    this.end();
    this.#stop?.(error);
  }
}

/** What becomes of an exchange whose client keeps it waiting too long; undefined: nothing. */
export function overdueOf(
  { sending, uploading }: { sending: ClientWait; uploading: ClientWait | undefined },
  { sendMs, uploadMs }: ConnectionLimits,
): ClientGone | ProxyFault | undefined {
  if (sending.isOver(sendMs)) return new ClientGone(`the client took nothing for ${durationText(sendMs)}`);
  if (uploading?.isOver(uploadMs) !== true) return undefined;
  return new ProxyFault("request_timeout", `The body did not go on for ${durationText(uploadMs)}.`);
}
