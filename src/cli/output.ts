const encoder = new TextEncoder();

/** Writes a whole text to standard output. */
export function writeOut(text: string): void {
  writeWhole(Deno.stdout, text);
}

/** How long a line of the log may wait for others to be written with it. */
const GATHER_MS = 20;

/**
 * Writes lines to standard output, those of one moment together: a write of its own for each would cost a busy
 * proxy more than making the line. What waits is written at the latest when the process ends.
 */
export function gatheringOut(): (text: string) => void {
  let waiting = "";
  const flush = (): void => {
    const text = waiting;
    waiting = "";
    if (text !== "") writeOut(text);
  };
  globalThis.addEventListener("unload", flush);
  return (text) => {
    if (waiting === "") setTimeout(flush, GATHER_MS);
    waiting += text;
  };
}

/** Writes a whole text to standard error. */
export function writeErr(text: string): void {
  writeWhole(Deno.stderr, text);
}

function writeWhole(stream: { writeSync: (bytes: Uint8Array) => number }, text: string): void {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch {
    // A reader that has gone, a full disk: what cannot be written is lost, and serving goes on.
  }
}
