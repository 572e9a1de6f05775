import type { MessageBody } from "./byte_source.ts";

/** A body whose pieces arrive one by one from an asynchronous reader. A subclass pulls them. */
export abstract class PulledBody implements MessageBody {
  readonly length: number | undefined;
  /** The next piece for the reader: `null` at the end, and `undefined` if no piece has arrived. */
  #arrived: Uint8Array | null | undefined;
  #failure: { readonly error: unknown } | undefined;
  #pulling: Promise<void> | undefined;

  constructor(length: number | undefined) {
    this.length = length;
  }

  /**
   * Pulls the next piece. Resolves to `null` at the end. It is called again after the reader has taken the
   * piece.
   */
  protected abstract pull(): Promise<Uint8Array | null>;

  abstract cancel(): void;

  /** Whether the end of the body has arrived. */
  protected get hasEnded(): boolean {
    return this.#arrived === null;
  }

  /**
   * Waits for the first piece or the end. Returns `false` if there is no piece. Throws like {@link tryRead}.
   */
  async hasContent(): Promise<boolean> {
    while (this.#arrived === undefined && this.#failure === undefined) await this.readable();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#arrived !== null;
  }

  /** Also throws the error of {@link pull}. */
  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const piece = this.#arrived;
    if (piece !== null) this.#arrived = undefined;
    return piece;
  }

  readable(): Promise<void> {
    if (this.#arrived !== undefined || this.#failure !== undefined) return Promise.resolve();
    return this.#pulling ??= this.#next();
  }

  async #next(): Promise<void> {
    try {
      this.#arrived = await this.pull();
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#pulling = undefined;
    }
  }
}

/** A body whose pieces a function returns one by one, such as the reader of a `ReadableStream`. */
export class PulledSource extends PulledBody {
  readonly #pull: () => Promise<Uint8Array | null>;
  readonly #onCancel: () => void;

  /**
   * `pull` returns the next piece, or `null` at the end. It is called again after the reader has taken the
   * piece.
   */
  constructor(
    pull: () => Promise<Uint8Array | null>,
    { length, onCancel = () => {} }: { length?: number | undefined; onCancel?: () => void } = {},
  ) {
    super(length);
    this.#pull = pull;
    this.#onCancel = onCancel;
  }

  protected override pull(): Promise<Uint8Array | null> {
    return this.#pull();
  }

  override cancel(): void {
    this.#onCancel();
  }
}
