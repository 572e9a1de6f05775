/** The numbers of slots in use, in memory that all threads share. */

const FAST = 0;
const GRANTED = 1;
const WAITING = 2;
const MEMBERS = 3;

/**
 * Counts slots that threads took themselves (fast ones), slots that the main thread granted, and requests
 * that wait for the main thread.
 */
export class SlotCounts {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Int32Array;

  /** Without a buffer, the counts are new ones. */
  constructor(buffer = new SharedArrayBuffer(MEMBERS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counts = new Int32Array(buffer);
  }

  /** The slots that threads took themselves. */
  get fast(): number {
    return Atomics.load(this.#counts, FAST);
  }

  /** Whether requests wait for a slot. */
  get hasWaiting(): boolean {
    return Atomics.load(this.#counts, WAITING) > 0;
  }

  /** Takes a slot if all slots in use are then at most `most`. */
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

  /** Sets what the main thread counts. */
  set({ granted, waiting }: { readonly granted: number; readonly waiting: number }): void {
    Atomics.store(this.#counts, GRANTED, granted);
    Atomics.store(this.#counts, WAITING, waiting);
  }
}

/** The fast slots of one thread, which the main thread releases if the thread ends. */
export class OwnSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Int32Array;

  /** Without a buffer, the count is a new one. */
  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#count = new Int32Array(buffer);
  }

  /** Changes the count. */
  add(slots: number): void {
    Atomics.add(this.#count, 0, slots);
  }

  /** Sets the count to 0, and returns the count before. */
  clear(): number {
    return Atomics.exchange(this.#count, 0, 0);
  }
}
