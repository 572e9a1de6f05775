/**
 * The bytes with which the texts of a stream begin. With them, a `JsonScanner` need not read the same bytes
 * in each text.
 */

import type { SelectedArray, SelectedObject, SelectionNode } from "./json_selection.ts";
import type { TextSink } from "./text_sink.ts";

/** The longest beginning that is kept, in bytes. */
const MAX_BYTES = 1024;
/** The most texts in a row that begin differently. After that, no beginning of the stream is kept. */
const MAX_CHANGES = 4;

/** The state of a scanner after the beginning of a text. It is inside the first string that is measured. */
export interface HeadPlace {
  readonly container: SelectedObject | SelectedArray | undefined;
  /** The open containers around the string. The outermost is the first. */
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
 * selected in them, and the state of the scanner after them. The same bytes always lead to the same values
 * and the same state.
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

  /** Whether the scanner is reading a beginning that may be kept. */
  get isRecording(): boolean {
    return this.#isRecording;
  }

  /**
   * Returns the state after the beginning, if the text at `from` has the same beginning. `undefined` if it
   * has another one.
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

  /** Starts the recording of another beginning. */
  record(): void {
    this.#isRecording = true;
    this.#length = 0;
    if (this.#values.length > 0) this.#values = [];
  }

  /**
   * Stops the recording. The beginning has a value that is measured as a whole, or it ends with this piece,
   * or the text has ended.
   */
  stop(): void {
    this.#isRecording = false;
  }

  /** Records a value that was selected. */
  found(path: string, value: unknown): void {
    if (this.#isRecording) this.#values.push({ path, value });
  }

  /**
   * Keeps `bytes` from `from` up to `to` as the beginning. Call it at the start of a measured string, if
   * {@link isRecording}. Returns whether it is useful to keep beginnings of this stream.
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
