/** Measures the length of JSON strings while they pass, in pieces of any size, without storing them. */

import { byteClass, indexOfClass } from "./byte_class.ts";
import type { TextSink } from "./text_sink.ts";

const ENDS_TEXT = byteClass('"\\');

/** Measures the strings of one message after the other. */
export class LengthMeter implements TextSink {
  #bytes = 0;

  /** Returns the length of the strings since the latest call, in bytes of JSON. */
  take(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  /** Reads the next piece of a value: `bytes` from `from` up to `to`. */
  write(_bytes: Uint8Array, from: number, to: number): void {
    this.#bytes += to - from;
  }

  /** Reads the next piece of a string up to a quote, a backslash or `to`. Returns the index of it. */
  writeText(bytes: Uint8Array, from: number, to: number): number {
    const end = indexOfClass(ENDS_TEXT, bytes, from, to);
    this.#bytes += end - from;
    return end;
  }

  /** Called at the end of the value. */
  end(): void {}
}
