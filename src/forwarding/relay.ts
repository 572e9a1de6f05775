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
  /**
   * Called when the client wants more bytes than have arrived. From now on, the proxy waits for the upstream.
   */
  readonly onWait: () => void;
  /** Called with each piece, which is valid only during the call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** Called when the client has got the whole body, or has left. */
  readonly onEnd: (how: "complete" | "client_gone") => void;
  /**
   * Called when the body broke off. The upstream failed, or the exchange was cancelled although its client
   * had not left.
   */
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
    // Bytes of framing may arrive between two pieces. They do not end the wait.
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#owner.onWait();
    }
    return this.#source.readable();
  }

  /** Ends the body, because the client wants no more of it. */
  cancel(): void {
    const { reason } = this.#cancellation;
    this.#end(reason, reason === undefined || reason instanceof ClientGone ? "client_gone" : "broken");
    this.#source.cancel();
  }

  /**
   * Ends the body once. After a failed read, the reader also calls `cancel`; the first of the two ends
   * counts.
   */
  #end(error: unknown, how: "complete" | "client_gone" | "broken"): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (how === "broken") this.#owner.onBroken(error);
    else this.#owner.onEnd(how);
  }
}
