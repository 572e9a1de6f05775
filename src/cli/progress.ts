/** A line at the terminal that shows the progress of a slow command, and disappears at the end. */

import { isInteractive } from "./colours.ts";
import { writeErr } from "./output.ts";

/** Work that takes less time than this shows no progress. In milliseconds. */
const BEFORE_MS = 500;
const STEP_MS = 120;
const DEFAULT_COLUMNS = 80;
const MARKS = ["|", "/", "-", "\\"] as const;
/** Moves the cursor to the start of the line, and clears the line. */
const ERASE = "\r\x1b[2K";

/** How {@link withProgress} measures the progress of the work. */
export interface ProgressOptions {
  /**
   * Returns the finished part of the work, from 0 to 1. Without this function, the line shows no percentage.
   */
  readonly share?: () => number;
}

/**
 * Shows the name of the next part of the work. It shows the name immediately, because the part may block the
 * thread.
 */
export type ShowPart = (what: string) => void;

/**
 * Runs work, and shows its progress on standard error. It shows progress only at a terminal, and only after
 * half a second.
 */
export async function withProgress<Result>(
  what: string,
  work: (show: ShowPart) => Promise<Result>,
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
    // A terminal of unknown size reports 0.
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** Returns a line such as `/ Copying the database … 42 %, 3s`. */
export function progressText(
  what: string,
  { step, elapsedMs, share }: { step: number; elapsedMs: number; share: number | undefined },
): string {
  const percent = share === undefined || !Number.isFinite(share)
    ? ""
    : `${Math.min(99, Math.max(0, Math.floor(share * 100)))} %, `;
  return `${MARKS[step % MARKS.length]} ${what} … ${percent}${Math.floor(elapsedMs / 1000)}s`;
}
