import type { ByteSource } from "../../http1/body.ts";

/** A small body that is remembered while it is sent, so that it can be sent once more. */
export class ReplayableBody implements ByteSource {
  readonly #source: ByteSource;
  readonly #kept: Uint8Array[] = [];
  #next = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next reading begins at the first byte. */
  rewind(): void {
    this.#next = 0;
  }

  tryRead(): Uint8Array | null | undefined {
    const again = this.#kept[this.#next];
    if (again !== undefined) {
      this.#next++;
      return again;
    }
    return this.#keep(this.#source.tryRead());
  }

  async read(): Promise<Uint8Array | null> {
    return this.tryRead() ?? this.#keep(await this.#source.read());
  }

  cancel(): void {
    this.#source.cancel();
  }

  #keep<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece instanceof Uint8Array) {
      this.#kept.push(piece.slice());
      this.#next++;
    }
    return piece;
  }
}
