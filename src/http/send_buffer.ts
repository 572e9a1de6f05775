import { encodeLatin1, writeLatin1 } from "./latin1.ts";

/** The size of an array, in bytes. It has room for a head, or for a piece of a body with its framing. */
const CAPACITY = 17 * 1024;
/** The most arrays that are kept for the next messages: 1 MB. */
const MAX_SPARE = 64;

/**
 * Arrays that are used again. To make an array of this size costs more than to write a usual head into it.
 */
const spare: Uint8Array[] = [];

/**
 * Collects the beginning of a message, or one piece of its body, so that one write sends it. It holds memory
 * only while it holds bytes, so thousands of quiet streams need none.
 */
export class SendBuffer {
  #bytes: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** The number of bytes that are not sent yet. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes that are not sent yet, valid until the next call of any method. */
  get unsent(): Uint8Array {
    return this.#array().subarray(this.#start, this.#end);
  }

  /** Whether `count` more bytes fit. */
  hasRoom(count: number): boolean {
    return this.#end + count <= CAPACITY;
  }

  /** Appends text whose characters are below U+0100. A text that does not fit must be the first one. */
  appendText(text: string): void {
    if (!this.hasRoom(text.length) && this.#end === 0) this.#bytes = encodeLatin1(text);
    else writeLatin1(text, this.#array(), this.#end);
    this.#end += text.length;
  }

  /** Appends bytes. Check with {@link hasRoom} that they fit. */
  append(bytes: Uint8Array): void {
    this.#array().set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Removes bytes from the front, because they were sent. */
  removeSent(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.release();
  }

  /** Drops all bytes. No write of these bytes may be running. */
  release(): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    this.#start = this.#end = 0;
    if (bytes?.length === CAPACITY && spare.length < MAX_SPARE) spare.push(bytes);
  }

  #array(): Uint8Array {
    return this.#bytes ??= spare.pop() ?? new Uint8Array(CAPACITY);
  }
}
