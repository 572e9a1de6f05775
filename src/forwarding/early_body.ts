import type { MessageBody } from "../streams/byte_source.ts";
import type { Clock } from "../time/clock.ts";
import { COMMENT } from "./keepalive.ts";

/** What an {@link EarlyBody} needs. */
export interface EarlyBodyOptions {
  /** The time between two comments, in milliseconds. */
  readonly silenceMs: number;
  readonly clock: Clock;
  /** Called once if the reader cancels the body before its source is there. */
  readonly onCancel: () => void;
}

/**
 * An event stream that begins before its source is there: a comment at once, a comment after each silence,
 * and then the bytes of the source.
 */
export class EarlyBody implements MessageBody {
  readonly length: undefined;
  readonly #options: EarlyBodyOptions;
  #source: MessageBody | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isCommentDue = true;
  #isCancelled = false;
  #waiting: Promise<void> | undefined;
  #wake = noop;

  /** If `source` rejects, the body breaks off. */
  constructor(source: Promise<MessageBody>, options: EarlyBodyOptions) {
    this.#options = options;
    source.then((body) => {
      if (this.#isCancelled) body.cancel();
      this.#source = body;
    }, (error) => {
      this.#failure = { error };
    }).then(() => this.#wake());
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#isCommentDue) {
      this.#isCommentDue = false;
      return COMMENT;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#source !== undefined) return this.#source.tryRead();
    return this.#isCancelled ? null : undefined;
  }

  readable(): Promise<void> {
    if (this.#source !== undefined) return this.#source.readable();
    if (this.#failure !== undefined || this.#isCancelled) return Promise.resolve();
    return this.#waiting ??= new Promise((resolve) => {
      const { clock, silenceMs } = this.#options;
      const stop = clock.after(silenceMs, () => {
        this.#isCommentDue = true;
        this.#wake();
      });
      this.#wake = () => {
        this.#waiting = undefined;
        this.#wake = noop;
        stop();
        resolve();
      };
    });
  }

  cancel(): void {
    if (this.#source !== undefined) return this.#source.cancel();
    if (this.#isCancelled || this.#failure !== undefined) return;
    this.#isCancelled = true;
    this.#isCommentDue = false;
    this.#wake();
    this.#options.onCancel();
  }
}

function noop(): void {}
