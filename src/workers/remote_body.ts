import type { MessageBody } from "../streams/byte_source.ts";

/** The calls of a {@link RemoteBody} to the thread that has the body. */
export interface RemoteBodyParts {
  /** The length in bytes. `undefined` if it is not known. */
  readonly length: number | undefined;
  /** Gets the next piece of the body. Resolves to `null` at the end. */
  readonly pull: () => Promise<Uint8Array | null>;
  /** Stops the body, because the reader wants no more bytes. */
  readonly cancel: () => void;
}

/** The body of a message that is in another thread. Its reader pulls it piece by piece. */
export class RemoteBody implements MessageBody {
  readonly length: number | undefined;
  readonly #parts: RemoteBodyParts;
  #next: Uint8Array | null | undefined;
  #failure: Error | undefined;
  #pulling: Promise<void> | undefined;
  #hasEnded = false;

  constructor(parts: RemoteBodyParts) {
    this.length = parts.length;
    this.#parts = parts;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const piece = this.#next;
    if (piece === null) this.#hasEnded = true;
    else this.#next = undefined;
    return piece;
  }

  readable(): Promise<void> {
    if (this.#next !== undefined || this.#failure !== undefined) return Promise.resolve();
    return this.#pulling ??= this.#pull().finally(() => this.#pulling = undefined);
  }

  cancel(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.cancel();
  }

  async #pull(): Promise<void> {
    try {
      this.#next = await this.#parts.pull();
    } catch (error) {
      this.#hasEnded = true;
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}
