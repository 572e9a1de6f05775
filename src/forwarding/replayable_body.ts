import type { ByteSource } from "../http1/body.ts";

/**
 * A body that is remembered while it is sent, up to a bound, so that it can be sent once more. Each attempt reads it
 * from the first byte on; one that was given up may still be waiting for the client and takes nothing from the next.
 */
export class ReplayableBody {
  readonly #source: ByteSource;
  readonly #maxBytes: number;
  #kept: (Uint8Array | undefined)[] = [];
  #keptBytes = 0;
  #forgets = false;
  #ended = false;
  #pulling: Promise<void> | undefined;

  constructor(source: ByteSource, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** Whether a further attempt would find the body whole. */
  get replayable(): boolean {
    return !this.#forgets;
  }

  /** There will be no further attempt: what has been sent is forgotten. */
  release(): void {
    this.#forgets = true;
    this.#kept = this.#kept.map((piece, index) => index < this.#taken ? undefined : piece);
  }

  /** How many pieces the latest attempt has taken. */
  #taken = 0;

  /** The body for one attempt. */
  attempt(): ByteSource {
    let next = 0;
    this.#taken = 0;
    const tryRead = (): Uint8Array | null | undefined => {
      if (next === this.#kept.length && !this.#ended && this.#pulling === undefined) {
        this.#keep(this.#source.tryRead());
      }
      if (next === this.#kept.length) return this.#ended ? null : undefined;
      const piece = this.#kept[next];
      if (this.#forgets) this.#kept[next] = undefined;
      this.#taken = ++next;
      // Only an attempt that was given up asks for what is forgotten.
      return piece ?? null;
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
    else if (piece !== undefined) {
      this.#kept.push(piece.slice());
      this.#keptBytes += piece.length;
      if (this.#keptBytes > this.#maxBytes && !this.#forgets) this.release();
    }
  }
}
