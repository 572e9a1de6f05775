import { ClientGone } from "../../cancellation.ts";
import { UploadBody, type UploadParts } from "../upload_body.ts";

/**
 * How long the proxy waits for the abort signal after a body that ended by a reset. Busy machines need a
 * while.
 */
const ABORT_MS = 1_000;

/** What a {@link StreamBody} works with. */
export interface StreamBodyParts extends UploadParts {
  /** Aborts after the client has reset the stream. */
  readonly signal: AbortSignal;
  /** Whether the end of the body may be a reset whose abort signal has not arrived yet. */
  readonly mayBeReset: () => boolean;
}

/** The body of a request over HTTP/2. */
export class StreamBody extends UploadBody {
  readonly #signal: AbortSignal;
  readonly #mayBeReset: () => boolean;
  #isCancelled = false;
  #stopWaiting = (): void => {};

  constructor(stream: ReadableStream<Uint8Array>, parts: StreamBodyParts) {
    super(stream, parts);
    this.#signal = parts.signal;
    this.#mayBeReset = parts.mayBeReset;
  }

  /** Throws {@link ClientGone} if the body has ended because the client reset the stream. */
  protected override async checkEnd(left: number): Promise<void> {
    // A body that has the stated length is complete, also if the client reset the stream afterwards.
    if (left === 0) return;
    // After a reset, the runtime ends the body before it aborts the signal.
    if (this.#mayBeReset()) await this.#abort();
    if (this.#signal.aborted) throw new ClientGone("the client reset its stream");
  }

  /** Waits for the abort signal, at most {@link ABORT_MS} or until the body is cancelled. */
  #abort(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#signal.aborted || this.#isCancelled) return Promise.resolve();
    const timer = setTimeout(resolve, ABORT_MS);
    this.#stopWaiting = () => {
      clearTimeout(timer);
      resolve();
    };
    this.#signal.addEventListener("abort", this.#stopWaiting, { once: true });
    return promise;
  }

  override cancel(): void {
    this.#isCancelled = true;
    this.#stopWaiting();
    super.cancel();
  }
}
