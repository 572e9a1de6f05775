import { decodeLatin1 } from "./latin1.ts";
import { TurnCount } from "../streams/turn.ts";

/** A source of bytes that is read into an array, such as a connection. */
export interface ByteInput {
  readonly read: (into: Uint8Array) => Promise<number | null>;
}

/** The owner of a {@link ConnectionReader}. The reader calls its functions. */
export interface ReaderOwner {
  /** Called before the buffer grows, with the next size of the buffer in bytes. */
  readonly onGrow?: (capacity: number) => void;
  /**
   * Called after each read, when bytes have arrived or the connection has ended or failed. The function may
   * call `readableBehind`.
   */
  readonly onRead?: () => void;
}

/** The first size of the buffer, in bytes. It is enough for a usual head. */
const SMALL_BYTES = 4 * 1024;
/** With less free space than this behind the buffered bytes, a read there is not worth its cost. */
const LEAST_ROOM = SMALL_BYTES / 2;
/**
 * The size of the buffer of a quiet connection, in bytes. It is enough for an event. Thousands of quiet
 * streams have such a buffer on both of their connections.
 */
const QUIET_BYTES = 512;
/** After this number of short reads in a row, the buffer of a connection shrinks to {@link QUIET_BYTES}. */
const QUIET_READS = 8;
const OVER = Promise.resolve();
/** The size of the buffer of a busy connection, in bytes. */
const LARGE_BYTES = 256 * 1024;
const NOTHING = new Uint8Array();

/**
 * The reading side of a connection: the bytes that have arrived and that no caller has taken. There is at
 * most one read at a time, and all waiting callers share it. So the read that watches an idle connection also
 * brings the next message.
 */
export class ConnectionReader {
  readonly #input: ByteInput;
  readonly #owner: ReaderOwner;
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #lastCount = 0;
  /** The number of short reads in a row. */
  #quietReads = 0;
  /** Whether a read of {@link readableQuietly} is running. */
  #isQuiet = false;
  #pending: Promise<void> | undefined;
  #received = 0;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #turn = new TurnCount();

  constructor(input: ByteInput, owner: ReaderOwner = {}) {
    this.#input = input;
    this.#owner = owner;
  }

  /** The size of the buffer in bytes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** The buffered bytes. {@link readable} may overwrite them, and {@link readableBehind} does not. */
  get buffered(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** The number of buffered bytes. */
  get available(): number {
    return this.#end - this.#start;
  }

  /** The number of bytes that have arrived since the connection was opened. */
  get received(): number {
    return this.#received;
  }

  /**
   * Whether no more bytes will arrive, because the peer has ended the connection or the connection has
   * failed.
   */
  get isOver(): boolean {
    return this.#hasEnded || this.#failure !== undefined;
  }

  /**
   * Whether the peer has ended the connection. The buffer may still have bytes. Throws the error of a failed
   * connection.
   */
  hasEnded(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#hasEnded;
  }

  /**
   * Removes bytes from the front, and returns them as Latin-1 text. The text lacks the last `without` bytes.
   */
  takeText(count: number, without: number): string {
    const text = decodeLatin1(this.#buffer, this.#start, this.#start + count - without);
    this.#start += count;
    return text;
  }

  /** Removes bytes from the front. */
  consume(count: number): void {
    this.#start += count;
  }

  /**
   * Removes bytes from the front, and returns them. {@link readable} may overwrite them, and
   * {@link readableBehind} does not.
   */
  take(count: number): Uint8Array {
    const taken = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /** Resolves when more bytes have arrived, or when the connection has ended or failed. Never rejects. */
  readable(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.isOver) return OVER;
    this.#makeRoom();
    return this.#pending = this.#read(this.#buffer.subarray(this.#end));
  }

  /**
   * Does what {@link readable} does, but overwrites no byte that arrived earlier. It is for code that watches
   * the connection while other code still uses bytes that it has taken.
   */
  readableBehind(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.isOver) return OVER;
    this.#makeRoomBehind();
    return this.#pending = this.#read(this.#buffer.subarray(this.#end));
  }

  /**
   * Does what {@link readableBehind} does, for a peer that will probably send nothing for a long time. Until
   * it sends, the connection holds only {@link QUIET_BYTES} and the buffered bytes. A further call, when no
   * byte is buffered any more, also frees the buffer.
   */
  readableQuietly(): Promise<void> {
    if (this.#pending === undefined) {
      if (this.isOver) return OVER;
      this.#isQuiet = true;
      this.#pending = this.#read(new Uint8Array(QUIET_BYTES));
    }
    if (this.#isQuiet && this.#start === this.#end) {
      this.#buffer = NOTHING;
      this.#start = this.#end = 0;
    }
    return this.#pending;
  }

  /**
   * Tells the reader that the peer sends short events. From now on, the connection holds only the memory that
   * they need.
   */
  expectEvents(): void {
    this.#quietReads = QUIET_READS;
  }

  async #read(into: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const count = await this.#input.read(into);
      if (count === null) this.#hasEnded = true;
      else {
        this.#lastCount = count;
        this.#quietReads = count < QUIET_BYTES ? this.#quietReads + 1 : 0;
        if (this.#isQuiet) this.#append(into, count);
        else this.#end += count;
        this.#received += count;
        const others = this.#turn.count(count);
        if (others !== undefined) await others;
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#isQuiet = false;
    this.#pending = undefined;
    this.#owner.onRead?.();
  }

  /** Appends the bytes of another buffer. It does not change the bytes that were taken. */
  #append(bytes: Uint8Array<ArrayBuffer>, count: number): void {
    if (this.#start === this.#end) {
      this.#buffer = bytes;
      this.#start = 0;
      this.#end = count;
      return;
    }
    if (this.#end + count > this.#buffer.length) this.#moveToRoomier(count);
    this.#buffer.set(bytes.subarray(0, count), this.#end);
    this.#end += count;
  }

  /**
   * Makes free space without changing the bytes that were taken. If this buffer has little space, it uses
   * another one. Otherwise the next message would arrive in two parts, and each part would need one more read
   * and one more write to the other side.
   */
  #makeRoomBehind(): void {
    const size = this.#buffer.length;
    if (size - this.#end < Math.min(LEAST_ROOM, size / 2)) this.#moveToRoomier(0);
  }

  #moveToRoomier(more: number): void {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const size = Math.max(SMALL_BYTES, held.length * 2, held.length + more);
    if (size > this.#buffer.length) this.#owner.onGrow?.(size);
    const roomier = new Uint8Array(size);
    roomier.set(held);
    this.#buffer = roomier;
    this.#start = 0;
    this.#end = held.length;
  }

  /**
   * Makes space for one byte or more. The buffer grows while the connection is busy, and shrinks afterwards.
   */
  #makeRoom(): void {
    const held = this.#end - this.#start;
    if (held === 0) {
      const size = this.#buffer.length;
      const wanted = this.#wantedSize(size);
      if (wanted > size) this.#owner.onGrow?.(wanted);
      if (wanted !== size) this.#buffer = new Uint8Array(wanted);
      this.#start = this.#end = 0;
      return;
    }
    if (this.#end < this.#buffer.length) return;
    // No caller uses these bytes now: heads are decoded to text, and bodies are sent before the next read.
    const grows = held > this.#buffer.length / 2;
    const size = Math.max(SMALL_BYTES, this.#buffer.length * 2);
    if (grows) this.#owner.onGrow?.(size);
    const roomier = grows ? new Uint8Array(size) : this.#buffer;
    roomier.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = roomier;
    this.#start = 0;
    this.#end = held;
  }

  /** Returns the size of the buffer for the next read, if the buffer is empty. */
  #wantedSize(size: number): number {
    if (this.#lastCount === size) return size < SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES;
    if (this.#quietReads >= QUIET_READS) return QUIET_BYTES;
    return size < SMALL_BYTES || this.#lastCount <= SMALL_BYTES / 2 ? SMALL_BYTES : size;
  }
}
