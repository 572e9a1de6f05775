/**
 * `one problem` or `3 problems`: a number with its noun. The plural is the noun with an `s` unless it is
 * given.
 */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return number === 1 ? `one ${noun}` : `${number} ${plural}`;
}
