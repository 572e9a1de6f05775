import { decodeLatin1 } from "./latin1.ts";
import { TurnCount } from "../streams/turn.ts";

/** Something that bytes can be read from, such as a connection. */
export interface ByteInput {
  readonly read: (into: Uint8Array) => Promise<number | null>;
}

/** The owner of a {@link ConnectionReader}, which the reader calls. */
export interface ReaderOwner {
  /** Called before the buffer grows, with its next size in bytes. */
  readonly onGrow?: (capacity: number) => void;
  /**
   * Called after each read, when bytes have arrived or the connection is over. It may call `readableBehind`.
   */
  readonly onRead?: () => void;
}

/** The first size of the buffer. It is enough for a usual head. */
const SMALL_BYTES = 4 * 1024;
/** Less room than this is not worth a read behind the bytes that were taken. */
const LEAST_ROOM = SMALL_BYTES / 2;
/** Enough for an event. Each of thousands of quiet streams holds such a buffer on both of its connections. */
const QUIET_BYTES = 512;
/**
 * The number of short reads in a row after which the buffer of a connection shrinks to {@link QUIET_BYTES}.
 */
const QUIET_READS = 8;
const OVER = Promise.resolve();
/** The buffer of a busy connection. */
const LARGE_BYTES = 256 * 1024;
const NOTHING = new Uint8Array();

/**
 * The reading side of a connection: bytes that have arrived and were not taken yet. At most one read is under
 * way, and all waiting callers share it, so that the read which watches an idle connection also brings the
 * next message.
 */
export class ConnectionReader {
  readonly #input: ByteInput;
  readonly #owner: ReaderOwner;
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #lastCount = 0;
  /** How many reads in a row were short. */
  #quietReads = 0;
  /** Whether a read of {@link readableQuietly} is under way. */
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

  /** The buffered bytes. {@link readable} may overwrite them, {@link readableBehind} does not. */
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

  /** Whether no more bytes will arrive: the peer has ended the connection, or the connection has failed. */
  get isOver(): boolean {
    return this.#hasEnded || this.#failure !== undefined;
  }

  /**
   * Whether the peer has ended the connection. The buffer may still have bytes. Throws the error of a
   * connection that has failed.
   */
  hasEnded(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#hasEnded;
  }

  /** Removes bytes from the front, and returns them as Latin-1 text without the last `without` bytes. */
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
   * Removes bytes from the front, and returns them. {@link readable} may overwrite them,
   * {@link readableBehind} does not.
   */
  take(count: number): Uint8Array {
    const taken = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  /** Resolves when more bytes have arrived, or the connection is over. Never rejects. */
  readable(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.isOver) return OVER;
    this.#makeRoom();
    return this.#pending = this.#read(this.#buffer.subarray(this.#end));
  }

  /**
   * Like {@link readable}, for code that watches the connection while other code still uses the bytes that
   * were taken: it overwrites no byte that arrived before.
   */
  readableBehind(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.isOver) return OVER;
    this.#makeRoomBehind();
    return this.#pending = this.#read(this.#buffer.subarray(this.#end));
  }

  /**
   * Like {@link readableBehind}, for a peer that will probably send nothing for a long time. Until it sends,
   * the connection holds {@link QUIET_BYTES} and the buffered bytes. Call it again when no byte is buffered.
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

  /** States that the peer sends short events. From now on the connection holds as little as they need. */
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

  /** Adds the bytes of another buffer, without touching the bytes that were taken. */
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
   * Provides free space without touching the bytes that were taken: in another buffer, if this one has
   * little. Otherwise the next message would arrive in two parts, and each part is one more read, and one
   * more write to the other side.
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
   * Provides space for at least one byte. The buffer grows while the connection is busy, and shrinks
   * afterwards.
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

  /** The size for the next read into an empty buffer. */
  #wantedSize(size: number): number {
    if (this.#lastCount === size) return size < SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES;
    if (this.#quietReads >= QUIET_READS) return QUIET_BYTES;
    return size < SMALL_BYTES || this.#lastCount <= SMALL_BYTES / 2 ? SMALL_BYTES : size;
  }
}
