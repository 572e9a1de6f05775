/** What a person sees at a terminal while a command takes its time: one line, which is gone at the end. */

import { isInteractive } from "./colours.ts";
import { writeErr } from "./output.ts";

/** Shorter work shows nothing. */
const BEFORE_MS = 500;
const STEP_MS = 120;
const DEFAULT_COLUMNS = 80;
const MARKS = ["|", "/", "-", "\\"] as const;
/** Back to the beginning of the line, which is emptied. */
const ERASE = "\r\x1b[2K";

/** What can be told of work that goes on. */
export interface ProgressOptions {
  /** How much is done, from 0 to 1; absent: it is not known. */
  readonly share?: () => number;
}

/** Names the next part of the work. It is shown at once: the part may keep the thread to itself. */
export type SayPart = (what: string) => void;

/**
 * Does the work, and says on standard error that it goes on: only at a terminal, after half a second, and erased at the
 * end however it ends.
 */
export async function withProgress<Result>(
  what: string,
  work: (say: SayPart) => Promise<Result>,
  { share }: ProgressOptions = {},
): Promise<Result> {
  if (!isInteractive("err")) return await work(() => {});
  const begun = performance.now();
  let part = what;
  let step = 0;
  let isShown = false;
  const draw = (): void => {
    isShown = true;
    const text = progressText(part, { step: step++, elapsedMs: performance.now() - begun, share: share?.() });
    writeErr(ERASE + text.slice(0, columns() - 1));
  };
  const timer = setInterval(() => {
    if (performance.now() - begun >= BEFORE_MS) draw();
  }, STEP_MS);
  try {
    return await work((next) => {
      part = next;
      draw();
    });
  } finally {
    clearInterval(timer);
    if (isShown) writeErr(ERASE);
  }
}

function columns(): number {
  try {
    // A terminal that does not know its size says 0.
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** `/ Copying the database … 42 %, 3s` */
export function progressText(
  what: string,
  { step, elapsedMs, share }: { step: number; elapsedMs: number; share: number | undefined },
): string {
  const percent = share === undefined || !Number.isFinite(share)
    ? ""
    : `${Math.min(99, Math.max(0, Math.floor(share * 100)))} %, `;
  return `${MARKS[step % MARKS.length]} ${what} … ${percent}${Math.floor(elapsedMs / 1000)}s`;
}
