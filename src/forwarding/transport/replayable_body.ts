import type { ByteSource } from "../../http1/body.ts";

/**
 * A small body that is remembered while it is sent, so that it can be sent once more. Each attempt reads it from
 * the first byte on; one that was given up may still be waiting for the client and takes nothing from the next.
 */
export class ReplayableBody {
  readonly #source: ByteSource;
  readonly #kept: Uint8Array[] = [];
  #ended = false;
  #pulling: Promise<void> | undefined;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The body for one attempt. */
  attempt(): ByteSource {
    let next = 0;
    const tryRead = (): Uint8Array | null | undefined => {
      if (next === this.#kept.length && !this.#ended && this.#pulling === undefined) {
        this.#keep(this.#source.tryRead());
      }
      const piece = this.#kept[next];
      if (piece === undefined) return this.#ended ? null : undefined;
      next++;
      return piece;
    };
    const read = async (): Promise<Uint8Array | null> => {
      while (true) {
        const piece = tryRead();
        if (piece !== undefined) return piece;
        await (this.#pulling ??= this.#pull());
      }
    };
    return { tryRead, read, cancel: () => this.#source.cancel() };
  }

  async #pull(): Promise<void> {
    try {
      this.#keep(await this.#source.read());
    } finally {
      this.#pulling = undefined;
    }
  }

  #keep(piece: Uint8Array | null | undefined): void {
    if (piece === null) this.#ended = true;
    else if (piece !== undefined) this.#kept.push(piece.slice());
  }
}
