import { ClientGone } from "../../cancellation.ts";
import { ProxyFault } from "../../faults.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import { ClientWait } from "../client_wait.ts";

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
  readonly wait: ClientWait;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #mayBeReset: () => boolean;
  readonly #onBroken: StreamBodyParts["onBroken"];
  #left: number;
  /** The first piece, read to find out whether there is a body at all. */
  #first: Uint8Array | undefined;
  #hasEnded = false;
  #isCancelled = false;
  #stopWaiting = (): void => {};

  constructor(
    stream: ReadableStream<Uint8Array>,
    { length, signal, mayBeReset, now, onBroken }: StreamBodyParts,
  ) {
    this.length = length;
    this.#left = length ?? Infinity;
    this.wait = new ClientWait(now);
    this.#reader = stream.getReader();
    this.#signal = signal;
    this.#mayBeReset = mayBeReset;
    this.#onBroken = onBroken;
  }

  /** Waits for the first byte or the end; false: there is no body. Throws like {@link read}. */
  async comes(): Promise<boolean> {
    this.#first ??= await this.read() ?? undefined;
    return this.#first !== undefined;
  }

  tryRead(): Uint8Array | null | undefined {
    const first = this.#first;
    this.#first = undefined;
    return first ?? (this.#hasEnded ? null : undefined);
  }

  /** Throws {@link ClientGone}, or a {@link ProxyFault} for a length that is not the stated one. */
  async read(): Promise<Uint8Array | null> {
    const atHand = this.tryRead();
    if (atHand !== undefined) return atHand;
    while (true) {
      const piece = await this.#next();
      if (piece === null) {
        this.#hasEnded = true;
        if (this.length !== undefined && this.#left > 0) throw this.#broken(lengthFault());
        return null;
      }
      this.#left -= piece.length;
      if (this.#left < 0) throw this.#broken(lengthFault());
      // A DATA frame may be empty; it says nothing.
      if (piece.length > 0) return piece;
    }
  }

  async #next(): Promise<Uint8Array | null> {
    try {
      const { value } = await this.wait.for(this.#reader.read());
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
