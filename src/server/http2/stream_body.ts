import { ClientGone } from "../../cancellation.ts";
import { ProxyFault } from "../../faults.ts";
import { PulledBody } from "../../streams/pulled_source.ts";
import { StallTimer } from "../stall_timer.ts";

/**
 * How long the proxy waits for the abort signal after a body that ended by a reset. Busy machines need a
 * while.
 */
const ABORT_MS = 1_000;

/** What a {@link StreamBody} works with. */
export interface StreamBodyParts {
  /** The `content-length` of the request. Undefined: the request has none. */
  readonly length: number | undefined;
  /** Aborts after the client has reset the stream. */
  readonly signal: AbortSignal;
  /** Whether the end of the body may be a reset whose abort signal has not arrived yet. */
  readonly mayBeReset: () => boolean;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** Called when the client leaves during the upload, or when the body does not have the stated length. */
  readonly onBroken: (error: ClientGone | ProxyFault) => void;
}

/** The body of a request over HTTP/2. */
export class StreamBody extends PulledBody {
  /** Runs while the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #mayBeReset: () => boolean;
  readonly #onBroken: StreamBodyParts["onBroken"];
  #left: number;
  #isCancelled = false;
  #stopWaiting = (): void => {};

  constructor(
    stream: ReadableStream<Uint8Array>,
    { length, signal, mayBeReset, now, onBroken }: StreamBodyParts,
  ) {
    super(length);
    this.#left = length ?? Infinity;
    this.stall = new StallTimer(now);
    this.#reader = stream.getReader();
    this.#signal = signal;
    this.#mayBeReset = mayBeReset;
    this.#onBroken = onBroken;
  }

  /** Throws {@link ClientGone}, or a {@link ProxyFault} if the body does not have the stated length. */
  protected override async pull(): Promise<Uint8Array | null> {
    try {
      let piece: Uint8Array | undefined;
      // Empty DATA frames have no meaning.
      do piece = (await this.stall.for(this.#reader.read())).value; while (piece?.length === 0);
      if (piece === undefined) await this.#checkReset();
      this.#left -= piece?.length ?? 0;
      const isTooShort = piece === undefined && this.length !== undefined && this.#left > 0;
      if (this.#left < 0 || isTooShort) throw lengthFault();
      return piece ?? null;
    } catch (error) {
      const isKnown = error instanceof ProxyFault || error instanceof ClientGone;
      const cause = isKnown ? error : new ClientGone("the client left during its upload");
      this.#onBroken(cause);
      throw cause;
    }
  }

  /** Throws {@link ClientGone} if the body has ended because the client reset the stream. */
  async #checkReset(): Promise<void> {
    // A body that has the stated length is complete, also if the client reset the stream afterwards.
    if (this.#left === 0) return;
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

  /** Discards the rest of the body. */
  override cancel(): void {
    this.#isCancelled = true;
    this.#stopWaiting();
    // A stream that has failed rejects the cancellation.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The length of the request body is not the stated content-length.");
}
