/** The numbers of slots in use, in memory that all threads share. */

const FAST = 0;
const GRANTED = 1;
const WAITING = 2;
const MEMBERS = 3;

/**
 * Counts the slots that threads took without a message (fast slots), the slots that the main thread granted,
 * and the requests that wait for the main thread.
 */
export class SlotCounts {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Int32Array;

  /** `buffer` is the memory of existing counts. Without it, new counts begin at 0. */
  constructor(buffer = new SharedArrayBuffer(MEMBERS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counts = new Int32Array(buffer);
  }

  /** The number of fast slots in use. */
  get fast(): number {
    return Atomics.load(this.#counts, FAST);
  }

  /** Whether requests wait for a slot. */
  get hasWaiting(): boolean {
    return Atomics.load(this.#counts, WAITING) > 0;
  }

  /** Takes a fast slot, unless more than `most` slots would then be in use. Returns whether it took one. */
  tryTake(most: number): boolean {
    const fast = Atomics.add(this.#counts, FAST, 1) + 1;
    if (fast + Atomics.load(this.#counts, GRANTED) <= most) return true;
    Atomics.sub(this.#counts, FAST, 1);
    return false;
  }

  /** Releases slots that {@link tryTake} took. */
  release(slots: number): void {
    Atomics.sub(this.#counts, FAST, slots);
  }

  /** Sets the numbers of granted slots and of waiting requests. Only the main thread calls it. */
  set({ granted, waiting }: { readonly granted: number; readonly waiting: number }): void {
    Atomics.store(this.#counts, GRANTED, granted);
    Atomics.store(this.#counts, WAITING, waiting);
  }
}

/** The number of fast slots of one thread. The main thread releases them if the thread ends. */
export class OwnSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Int32Array;

  /** `buffer` is the memory of an existing count. Without it, a new count begins at 0. */
  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#count = new Int32Array(buffer);
  }

  /** Adds to the count, or subtracts if `slots` is negative. */
  add(slots: number): void {
    Atomics.add(this.#count, 0, slots);
  }

  /** Sets the count to 0, and returns the count before. */
  clear(): number {
    return Atomics.exchange(this.#count, 0, 0);
  }
}
