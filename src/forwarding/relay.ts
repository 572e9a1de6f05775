import type { Cancellation } from "../cancellation.ts";
import { ClientGone } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { SmallPieces } from "../streams/small_pieces.ts";

/** How a response ended: the client got all of it, the client left, or the response broke off. */
export type Ending = "complete" | "client_gone" | { readonly brokenBy: unknown };

/** Follows a body while it passes to the client. */
export interface BodyObserver {
  /** The most bytes that `passed` gets in one turn of the event loop. Undefined: there is no limit. */
  readonly stepBytes?: number | undefined;
  /** The client wants more than is at hand. From now on the proxy waits for the upstream. */
  readonly awaited: () => void;
  /** The next piece, which is valid during this call. */
  readonly passed: (piece: Uint8Array) => void;
  /** The body has ended. Called once. */
  readonly ended: (how: Ending) => void;
}

/** The body of a response, which an observer follows. It is read only as fast as the client takes it. */
export class RelayedBody implements MessageBody {
  readonly length: number | undefined;
  readonly #source: ByteSource;
  readonly #cancellation: Cancellation;
  readonly #observer: BodyObserver;
  #isWaiting = false;
  #hasEnded = false;

  constructor(source: MessageBody, cancellation: Cancellation, observer: BodyObserver) {
    this.length = source.length;
    const { stepBytes } = observer;
    this.#source = stepBytes === undefined ? source : new SmallPieces(source, stepBytes);
    this.#cancellation = cancellation;
    this.#observer = observer;
  }

  tryRead(): Uint8Array | null | undefined {
    try {
      const piece = this.#source.tryRead();
      if (piece === undefined) return undefined;
      this.#isWaiting = false;
      if (piece === null) this.#end("complete");
      else this.#observer.passed(piece);
      return piece;
    } catch (error) {
      const gone = this.#cancellation.reason instanceof ClientGone;
      this.#end(gone ? "client_gone" : { brokenBy: error });
      throw error;
    }
  }

  readable(): Promise<void> {
    // Bytes of framing that arrive between two pieces do not end the wait.
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#observer.awaited();
    }
    return this.#source.readable();
  }

  /** The client takes no more. */
  cancel(): void {
    const { reason } = this.#cancellation;
    this.#end(reason === undefined || reason instanceof ClientGone ? "client_gone" : { brokenBy: reason });
    this.#source.cancel();
  }

  /** A failed read ends the body, and its reader then also cancels. The first ending counts. */
  #end(how: Ending): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#observer.ended(how);
  }
}
