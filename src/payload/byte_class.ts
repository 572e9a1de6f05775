/** Finds the next byte of a certain kind. */

/** Marks some bytes, by the byte: 1 for each character of a text, and 0 for all other bytes. */
export function byteClass(characters: string): Uint8Array {
  return Uint8Array.from(
    { length: 256 },
    (_, byte) => characters.includes(String.fromCharCode(byte)) ? 1 : 0,
  );
}

/**
 * The index of the first marked byte from `from` up to `to`, or `to` without one. Four bytes at a time take a
 * third of a nanosecond each, and half a nanosecond one by one. The runtime's `indexOf` takes 0.25 ns a byte
 * and 20 ns a call, finds one byte only, and does not stop before the end of `bytes`.
 */
export function indexOfClass(marks: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (
    at + 4 <= to &&
    ((marks[bytes[at] ?? 0] ?? 0) | (marks[bytes[at + 1] ?? 0] ?? 0) | (marks[bytes[at + 2] ?? 0] ?? 0) |
        (marks[bytes[at + 3] ?? 0] ?? 0)) === 0
  ) at += 4;
  while (at < to && marks[bytes[at] ?? 0] === 0) at++;
  return at;
}
