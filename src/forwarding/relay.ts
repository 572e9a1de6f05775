import type { Cancellation } from "../cancellation.ts";
import { ClientGone } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { SmallPieces } from "../streams/small_pieces.ts";

/** What is told of a body while it passes. */
export interface BodyWatch {
  /** So much of it is looked at within one turn of the event loop; undefined: looking at it costs next to nothing. */
  readonly stepBytes?: number | undefined;
  /** The client wants more than is at hand: from now on the upstream is waited for. */
  readonly awaited: () => void;
  /** The next piece, which is valid only now. */
  readonly chunk: (piece: Uint8Array) => void;
  /** Once: the last byte has been handed on, the client left, or the body broke off. */
  readonly ended: (how: "complete" | "client_gone" | { readonly brokenBy: unknown }) => void;
}

/** A body that is handed on as it comes, and observed. It is read only when the client takes. */
export class RelayedBody implements MessageBody {
  readonly length: number | undefined;
  readonly #source: ByteSource;
  readonly #cancellation: Cancellation;
  readonly #watch: BodyWatch;
  #isWaiting = false;
  #hasEnded = false;

  constructor(source: MessageBody, cancellation: Cancellation, watch: BodyWatch) {
    this.length = source.length;
    this.#source = watch.stepBytes === undefined ? source : new SmallPieces(source, watch.stepBytes);
    this.#cancellation = cancellation;
    this.#watch = watch;
  }

  tryRead(): Uint8Array | null | undefined {
    try {
      const piece = this.#source.tryRead();
      if (piece === undefined) return undefined;
      this.#isWaiting = false;
      if (piece === null) this.#end("complete");
      else this.#watch.chunk(piece);
      return piece;
    } catch (error) {
      const gone = this.#cancellation.reason instanceof ClientGone;
      this.#end(gone ? "client_gone" : { brokenBy: error });
      throw error;
    }
  }

  readable(): Promise<void> {
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#watch.awaited();
    }
    return this.#source.readable();
  }

  /** The client takes no more. */
  cancel(): void {
    const { reason } = this.#cancellation;
    this.#end(reason === undefined || reason instanceof ClientGone ? "client_gone" : { brokenBy: reason });
    this.#source.cancel();
  }

  /** Whoever reads a body that breaks off cancels it as well: the first ending is the true one. */
  #end(how: Parameters<BodyWatch["ended"]>[0]): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#watch.ended(how);
  }
}
