import type { ByteSource } from "./byte_source.ts";
import { nextTurn, shortPause } from "./turn.ts";

const NOTHING = new Uint8Array();
/** Milliseconds of work on one piece before a short sleep. */
const LONGEST_WORK_MS = 5;

/**
 * A source that cuts long pieces into short ones, and gives other connections a turn between them. It is for
 * readers that do much work for each byte.
 */
export class SmallPieces implements ByteSource {
  readonly #source: ByteSource;
  readonly #maxBytes: number;
  /** The rest of a long piece. It stays valid, because the source is not read before the rest is empty. */
  #rest: Uint8Array = NOTHING;
  /** Whether other connections have had their turn since the last piece. */
  #hasYielded = false;
  #workingSince = 0;

  /** `maxBytes` is the length of the longest piece that the reader gets. */
  constructor(source: ByteSource, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  /** Also returns `undefined` if other connections must have their turn first. */
  tryRead(): Uint8Array | null | undefined {
    if (this.#rest.length === 0) return this.#begin(this.#source.tryRead());
    if (!this.#hasYielded) return undefined;
    return this.#begin(this.#rest);
  }

  readable(): Promise<void> {
    return this.#rest.length === 0 ? this.#source.readable() : this.#yield();
  }

  cancel(): void {
    this.#source.cancel();
  }

  async #yield(): Promise<void> {
    if (performance.now() - this.#workingSince < LONGEST_WORK_MS) await nextTurn();
    else {
      await shortPause();
      this.#workingSince = performance.now();
    }
    this.#hasYielded = true;
  }

  #begin(piece: Uint8Array | null | undefined): Uint8Array | null | undefined {
    if (!(piece instanceof Uint8Array)) return piece;
    this.#hasYielded = false;
    if (piece.length <= this.#maxBytes) {
      this.#rest = NOTHING;
      return piece;
    }
    if (this.#rest.length === 0) this.#workingSince = performance.now();
    this.#rest = piece.subarray(this.#maxBytes);
    return piece.subarray(0, this.#maxBytes);
  }
}
