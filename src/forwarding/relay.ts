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
  #hasEnded = false;

  constructor(source: MessageBody, cancellation: Cancellation, watch: BodyWatch) {
    this.length = source.length;
    this.#source = watch.stepBytes === undefined ? source : new SmallPieces(source, watch.stepBytes);
    this.#cancellation = cancellation;
    this.#watch = watch;
  }

  tryRead(): Uint8Array | null | undefined {
    try {
      return this.#seen(this.#source.tryRead());
    } catch (error) {
      throw this.#broken(error);
    }
  }

  async read(): Promise<Uint8Array | null> {
    this.#watch.awaited();
    try {
      return this.#seen(await this.#source.read());
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** The client takes no more. */
  cancel(): void {
    const { reason } = this.#cancellation;
    this.#end(reason === undefined || reason instanceof ClientGone ? "client_gone" : { brokenBy: reason });
    this.#source.cancel();
  }

  #seen<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece instanceof Uint8Array) this.#watch.chunk(piece);
    else if (piece === null) this.#end("complete");
    return piece;
  }

  #broken(error: unknown): unknown {
    const gone = this.#cancellation.reason instanceof ClientGone;
    this.#end(gone ? "client_gone" : { brokenBy: error });
    return error;
  }

  /** Whoever reads a body that breaks off cancels it as well: the first ending is the true one. */
  #end(how: Parameters<BodyWatch["ended"]>[0]): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#watch.ended(how);
  }
}
