const encoder = new TextEncoder();

/** Writes a whole text to standard output; a reader that has gone away is no reason to stop serving. */
export function writeOut(text: string): void {
  writeWhole(Deno.stdout, text);
}

/** Writes a whole text to standard error. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(stream: { writeSync: (bytes: Uint8Array) => number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
