import type { ByteSource } from "./byte_source.ts";
import { nextTurn, shortPause } from "./turn.ts";

/** Work on a piece that lasts so long is interrupted for a moment. */
const LONGEST_WORK_MS = 5;

/**
 * A source whose long pieces come in short ones, with a turn for other connections between them: for readers that do
 * much work for each byte.
 */
export class SmallPieces implements ByteSource {
  readonly #source: ByteSource;
  readonly #maxBytes: number;
  /** What is left of a long piece. It is valid, since the source is not read before it is empty. */
  #rest: Uint8Array = new Uint8Array();
  #workingSince = 0;

  /** `maxBytes` is the length of the longest piece that it gives. */
  constructor(source: ByteSource, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** Undefined also where others are to go first. */
  tryRead(): Uint8Array | null | undefined {
    return this.#rest.length > 0 ? undefined : this.#begin(this.#source.tryRead());
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#rest.length === 0) return this.#begin(await this.#source.read());
    if (performance.now() - this.#workingSince < LONGEST_WORK_MS) await nextTurn();
    else {
      await shortPause();
      this.#workingSince = performance.now();
    }
    return this.#begin(this.#rest);
  }

  cancel(): void {
    this.#source.cancel();
  }

  #begin<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece | Uint8Array {
    if (!(piece instanceof Uint8Array)) return piece;
    if (piece.length <= this.#maxBytes) {
      this.#rest = piece.subarray(piece.length);
      return piece;
    }
    if (this.#rest.length === 0) this.#workingSince = performance.now();
    this.#rest = piece.subarray(this.#maxBytes);
    return piece.subarray(0, this.#maxBytes);
  }
}
