import type { MessageBody } from "./byte_source.ts";

/** A body whose pieces a function gives one by one, such as the reader of a `ReadableStream`. */
export class PulledSource implements MessageBody {
  readonly length: number | undefined;
  readonly #pull: () => Promise<Uint8Array | null>;
  readonly #onCancel: () => void;
  #piece: Uint8Array | null | undefined;
  #failure: { readonly error: unknown } | undefined;
  #pulling: Promise<void> | undefined;

  /**
   * `pull` gives the next piece, or null at the end. It is called again after the reader has taken the piece.
   */
  constructor(
    pull: () => Promise<Uint8Array | null>,
    { length, onCancel = () => {} }: { length?: number | undefined; onCancel?: () => void } = {},
  ) {
    this.length = length;
    this.#pull = pull;
    this.#onCancel = onCancel;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const piece = this.#piece;
    if (piece !== null) this.#piece = undefined;
    return piece;
  }

  readable(): Promise<void> {
    if (this.#piece !== undefined || this.#failure !== undefined) return Promise.resolve();
    return this.#pulling ??= this.#next();
  }

  cancel(): void {
    this.#onCancel();
  }

  async #next(): Promise<void> {
    try {
      this.#piece = await this.#pull();
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#pulling = undefined;
    }
  }
}
