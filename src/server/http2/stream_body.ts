import { ClientGone } from "../../cancellation.ts";
import { ProxyFault } from "../../faults.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import { StallTimer } from "../stall_timer.ts";

/** How long an abort may take to follow the end of its body, on however busy a machine. */
const ABORT_MS = 1_000;

/** What a request's body is read with. */
export interface StreamBodyParts {
  /** The `content-length` of the request; undefined: it stated none. */
  readonly length: number | undefined;
  /** Aborted when the stream was reset. */
  readonly signal: AbortSignal;
  /** Whether an end may be a reset whose abort has not come yet. */
  readonly mayBeReset: () => boolean;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** Called when the client leaves within the body, or sends another length than it stated. */
  readonly onBroken: (error: ClientGone | ProxyFault) => void;
}

/** A request's body as it comes off its HTTP/2 stream. */
export class StreamBody implements MessageBody {
  readonly length: number | undefined;
  /** The wait for the client to send more. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #mayBeReset: () => boolean;
  readonly #onBroken: StreamBodyParts["onBroken"];
  #left: number;
  /** The piece that has arrived and was not taken yet. Null: the end. */
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

  /** Waits for the first byte or the end. False: there is no body. Throws like {@link tryRead}. */
  async comes(): Promise<boolean> {
    while (this.#arrived === undefined && this.#failure === undefined) await this.readable();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#arrived !== null;
  }

  /** Throws {@link ClientGone}, or a {@link ProxyFault} for a length that is not the stated one. */
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
      // A DATA frame may be empty; it says nothing.
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
      // The runtime ends a body in the same way where the client has reset its stream; the signal follows.
      // A body of the stated length is whole, whatever became of the stream afterwards.
      if (this.#left > 0 && this.#mayBeReset()) await this.#abort();
      if (this.#left > 0 && this.#signal.aborted) throw new ClientGone("the client reset its stream");
      return null;
    } catch (error) {
      throw this.#broken(
        error instanceof ProxyFault ? error : new ClientGone("the client left within its upload"),
      );
    }
  }

  #broken(error: ClientGone | ProxyFault): ClientGone | ProxyFault {
    this.#onBroken(error);
    return error;
  }

  /** Resolves when the signal is aborted, when it would have been by now, or when nobody wants to know any more. */
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

  /** Nothing more of it is wanted. */
  cancel(): void {
    this.#isCancelled = true;
    this.#stopWaiting();
    // A stream that has failed cannot be cancelled.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The request's body does not have the length that its head states.");
}
