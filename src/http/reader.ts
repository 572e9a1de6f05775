import { TurnCount } from "../streams/turn.ts";

/** What can be read from; a connection. */
export interface ByteInput {
  readonly read: (into: Uint8Array) => Promise<number | null>;
}

/** Enough for a head or an event; thousands of quiet streams hold one each. */
const SMALL_BYTES = 4 * 1024;
/** What a busy connection reads into. */
const LARGE_BYTES = 256 * 1024;

/**
 * The reading side of a connection: bytes that have come and were not taken yet. One read is under way at most;
 * whoever asks meanwhile shares it, so that an idle connection can be watched by a read that the next message uses.
 */
export class ConnectionReader {
  readonly #input: ByteInput;
  readonly #onGrown: (capacity: number) => void;
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #lastCount = 0;
  #pending: Promise<boolean> | undefined;
  #received = 0;
  readonly #turn = new TurnCount();

  /** `onGrown` is called when what is held has become too much for the buffer, with the size of the next one. */
  constructor(input: ByteInput, onGrown: (capacity: number) => void = () => {}) {
    this.#input = input;
    this.#onGrown = onGrown;
  }

  /** How much the buffer can hold. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** The bytes at hand. Valid until the next {@link fill}, but not changed by {@link fillBehind}. */
  get buffered(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** How many bytes have come since the connection was made. */
  get received(): number {
    return this.#received;
  }

  /** Takes bytes off the front. */
  consume(count: number): void {
    this.#start += count;
  }

  /** Takes bytes off the front and gives them; valid until the next {@link fill}, but not changed by {@link fillBehind}. */
  take(count: number): Uint8Array {
    const taken = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /** Waits for more bytes; false once the peer has ended. Throws when the connection fails. */
  fill(): Promise<boolean> {
    return this.#pending ??= this.#fill(() => this.#makeRoom());
  }

  /**
   * Like {@link fill}, for one who watches the connection while another still uses what was taken: no byte that came
   * before is written over.
   */
  fillBehind(): Promise<boolean> {
    return this.#pending ??= this.#fill(() => this.#makeRoomBehind());
  }

  async #fill(makeRoom: () => void): Promise<boolean> {
    try {
      makeRoom();
      const count = await this.#input.read(this.#buffer.subarray(this.#end));
      if (count === null) return false;
      this.#lastCount = count;
      this.#end += count;
      this.#received += count;
      const others = this.#turn.count(count);
      if (others !== undefined) await others;
      return true;
    } finally {
      this.#pending = undefined;
    }
  }

  /** Room without touching what was taken: in another buffer, where this one is full. */
  #makeRoomBehind(): void {
    if (this.#end < this.#buffer.length) return;
    const held = this.#buffer.subarray(this.#start, this.#end);
    const size = Math.max(SMALL_BYTES, held.length * 2);
    if (size > this.#buffer.length) this.#onGrown(size);
    const roomier = new Uint8Array(size);
    roomier.set(held);
    this.#buffer = roomier;
    this.#start = 0;
    this.#end = held.length;
  }

  /** Room for at least one byte: grown while the connection is busy, small again when it is not. */
  #makeRoom(): void {
    const held = this.#end - this.#start;
    if (held === 0) {
      const size = this.#buffer.length;
      const wanted = this.#lastCount === size
        ? LARGE_BYTES
        : this.#lastCount <= SMALL_BYTES / 2
        ? SMALL_BYTES
        : size;
      if (wanted > size) this.#onGrown(wanted);
      if (wanted !== size) this.#buffer = new Uint8Array(wanted);
      this.#start = this.#end = 0;
      return;
    }
    if (this.#end < this.#buffer.length) return;
    // What is held may be in use by nobody here: heads are copied out as text, bodies are taken before the next fill.
    const grows = held > this.#buffer.length / 2;
    if (grows) this.#onGrown(this.#buffer.length * 2);
    const roomier = grows ? new Uint8Array(this.#buffer.length * 2) : this.#buffer;
    roomier.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = roomier;
    this.#start = 0;
    this.#end = held;
  }
}
