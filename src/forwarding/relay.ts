import type { Cancellation } from "../cancellation.ts";
import { ClientGone } from "../cancellation.ts";
import type { ByteSource, MessageBody } from "../streams/byte_source.ts";
import { SmallPieces } from "../streams/small_pieces.ts";

/**
 * The call whose response a {@link RelayedBody} carries. The body calls either `onEnd` or `onBroken`, once.
 */
export interface RelayOwner {
  /** The most bytes that `onPiece` gets in one turn of the event loop. `undefined` if there is no limit. */
  readonly stepBytes?: number | undefined;
  /** The client wants more than has arrived. From now on the proxy waits for the upstream. */
  readonly onWait: () => void;
  /** The next piece, which is valid during this call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** The client got the whole body, or left. */
  readonly onEnd: (how: "complete" | "client_gone") => void;
  /** The body broke off: the upstream failed, or the exchange was cancelled although its client is there. */
  readonly onBroken: (error: unknown) => void;
}

/**
 * The body of a response on its way to the client. It is read only as fast as the client takes it. Only this
 * class decides how the body ended.
 */
export class RelayedBody implements MessageBody {
  readonly length: number | undefined;
  readonly #source: ByteSource;
  readonly #cancellation: Cancellation;
  readonly #owner: RelayOwner;
  #isWaiting = false;
  #hasEnded = false;

  constructor(source: MessageBody, cancellation: Cancellation, owner: RelayOwner) {
    this.length = source.length;
    const { stepBytes } = owner;
    this.#source = stepBytes === undefined ? source : new SmallPieces(source, stepBytes);
    this.#cancellation = cancellation;
    this.#owner = owner;
  }

  tryRead(): Uint8Array | null | undefined {
    try {
      const piece = this.#source.tryRead();
      if (piece === undefined) return undefined;
      this.#isWaiting = false;
      if (piece === null) this.#end(undefined, "complete");
      else this.#owner.onPiece(piece);
      return piece;
    } catch (error) {
      const isGone = this.#cancellation.reason instanceof ClientGone;
      this.#end(error, isGone ? "client_gone" : "broken");
      throw error;
    }
  }

  readable(): Promise<void> {
    // Bytes of framing that arrive between two pieces do not end the wait.
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#owner.onWait();
    }
    return this.#source.readable();
  }

  /** The client takes no more. */
  cancel(): void {
    const { reason } = this.#cancellation;
    this.#end(reason, reason === undefined || reason instanceof ClientGone ? "client_gone" : "broken");
    this.#source.cancel();
  }

  /** A failed read ends the body, and its reader then also cancels. The first end counts. */
  #end(error: unknown, how: "complete" | "client_gone" | "broken"): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (how === "broken") this.#owner.onBroken(error);
    else this.#owner.onEnd(how);
  }
}
