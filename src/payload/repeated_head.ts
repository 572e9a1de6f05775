/**
 * What the texts of one stream begin with, so that a `JsonScanner` does not read the same bytes in each of
 * them.
 */

import type { SelectedArray, SelectedObject, SelectionNode } from "./json_selection.ts";
import type { TextSink } from "./text_sink.ts";

/** A longer beginning is not kept, in bytes. */
const MAX_BYTES = 1024;
/** A stream whose texts began differently so often is read without a kept beginning. */
const MAX_CHANGES = 4;

/** Where a scanner is after the beginning of a text: within its first string that is measured. */
export interface HeadPlace {
  readonly container: SelectedObject | SelectedArray | undefined;
  /** The containers around it, outermost first. */
  readonly outer: readonly (SelectedObject | SelectedArray)[];
  readonly selected: SelectionNode | undefined;
  readonly sink: TextSink;
}

/** A selected value and its path. */
export interface HeadValue {
  readonly path: string;
  readonly value: unknown;
}

/**
 * The beginning of the last text: its bytes up to the first byte of a measured string, the values that were
 * selected in them, and where the scanner was then. The same bytes always lead to the same values and the
 * same place.
 */
export class RepeatedHead {
  #bytes: Uint8Array | undefined;
  #length = 0;
  #place: HeadPlace | undefined;
  #values: HeadValue[] = [];
  #isRecording = false;
  #changes = 0;

  /** The values that were selected in the beginning. */
  get values(): readonly HeadValue[] {
    return this.#values;
  }

  /** The length of the beginning, in bytes. */
  get length(): number {
    return this.#length;
  }

  /** Whether the beginning of a text is read that may be kept. */
  get isRecording(): boolean {
    return this.#isRecording;
  }

  /**
   * The place after the beginning, if a text that begins at `from` has this beginning. `undefined` if it has
   * not.
   */
  placeIn(bytes: Uint8Array, from: number, to: number): HeadPlace | undefined {
    const kept = this.#bytes;
    const length = this.#length;
    if (kept === undefined || length === 0 || from + length > to) return undefined;
    let at = 0;
    while (at < length && kept[at] === bytes[from + at]) at++;
    if (at < length) return undefined;
    this.#changes = 0;
    return this.#place;
  }

  /** Another beginning is read from now on. */
  record(): void {
    this.#isRecording = true;
    this.#length = 0;
    if (this.#values.length > 0) this.#values = [];
  }

  /**
   * The beginning has a value that is measured as a whole, or ends with this piece, or the text has ended.
   */
  stop(): void {
    this.#isRecording = false;
  }

  /** A value was selected. */
  found(path: string, value: unknown): void {
    if (this.#isRecording) this.#values.push({ path, value });
  }

  /**
   * A measured string begins, and {@link isRecording}: keeps `bytes` from `from` up to `to`. Returns whether
   * it is worth keeping beginnings of this stream.
   */
  keep(
    bytes: Uint8Array,
    { from, to, place }: { from: number; to: number; place: () => HeadPlace },
  ): boolean {
    this.#isRecording = false;
    if (++this.#changes > MAX_CHANGES) return false;
    if (to - from > MAX_BYTES) return true;
    this.#bytes = bytes.slice(from, to);
    this.#length = to - from;
    this.#place = place();
    return true;
  }
}
