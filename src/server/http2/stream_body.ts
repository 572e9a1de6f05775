import { ClientGone } from "../../cancellation.ts";
import { ProxyFault } from "../../faults.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
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
export class StreamBody implements MessageBody {
  readonly length: number | undefined;
  /** Runs while the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #mayBeReset: () => boolean;
  readonly #onBroken: StreamBodyParts["onBroken"];
  #left: number;
  /** The next piece for the reader. Null: the end. Undefined: no piece has arrived. */
  #arrived: Uint8Array | null | undefined;
  #failure: { readonly error: unknown } | undefined;
  #reading: Promise<void> | undefined;
  #isCancelled = false;
  #stopWaiting = (): void => {};

  constructor(
    stream: ReadableStream<Uint8Array>,
    { length, signal, mayBeReset, now, onBroken }: StreamBodyParts,
  ) {
    this.length = length;
    this.#left = length ?? Infinity;
    this.stall = new StallTimer(now);
    this.#reader = stream.getReader();
    this.#signal = signal;
    this.#mayBeReset = mayBeReset;
    this.#onBroken = onBroken;
  }

  /** Waits for the first byte or the end. Returns false if there is no body. Throws like {@link tryRead}. */
  async hasContent(): Promise<boolean> {
    while (this.#arrived === undefined && this.#failure === undefined) await this.readable();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#arrived !== null;
  }

  /** Throws {@link ClientGone}, or a {@link ProxyFault} if the body does not have the stated length. */
  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const piece = this.#arrived;
    if (piece !== null) this.#arrived = undefined;
    return piece;
  }

  readable(): Promise<void> {
    if (this.#arrived !== undefined || this.#failure !== undefined) return Promise.resolve();
    return this.#reading ??= this.#read();
  }

  async #read(): Promise<void> {
    try {
      let piece = await this.#next();
      // Empty DATA frames have no meaning.
      while (piece?.length === 0) piece = await this.#next();
      this.#left -= piece?.length ?? 0;
      const isWrong = this.#left < 0 || piece === null && this.length !== undefined && this.#left > 0;
      if (isWrong) throw this.#broken(lengthFault());
      this.#arrived = piece;
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#reading = undefined;
    }
  }

  async #next(): Promise<Uint8Array | null> {
    try {
      const { value } = await this.stall.for(this.#reader.read());
      if (value !== undefined) return value;
      // The runtime also ends the body after a reset of the stream, before it aborts the signal.
      // A body that has the stated length is complete, also if the client reset the stream afterwards.
      if (this.#left > 0 && this.#mayBeReset()) await this.#abort();
      if (this.#left > 0 && this.#signal.aborted) throw new ClientGone("the client reset its stream");
      return null;
    } catch (error) {
      throw this.#broken(
        error instanceof ProxyFault ? error : new ClientGone("the client left during its upload"),
      );
    }
  }

  #broken(error: ClientGone | ProxyFault): ClientGone | ProxyFault {
    this.#onBroken(error);
    return error;
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
  cancel(): void {
    this.#isCancelled = true;
    this.#stopWaiting();
    // A stream that has failed rejects the cancellation.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The length of the request body is not the stated content-length.");
}
