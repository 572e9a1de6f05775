/** Milliseconds of work before a pause. A step after that is short, so that no client waits for 50 ms. */
const STRETCH_MS = 8;

/** The step of a reader in bytes, which takes some milliseconds at worst. */
export const STEP_BYTES = 16 * 1024;

/**
 * Awaited between short steps of work. It lets other work run first if the work has lasted too long since the
 * last pause. Returns `undefined` if no pause is needed.
 */
export type Pause = () => Promise<void> | undefined;

/** Makes a {@link Pause} for work that begins now. `now` gives milliseconds of a monotonic clock. */
export function createPause(now: () => number = () => performance.now()): Pause {
  let begun = now();
  return () => {
    if (now() - begun < STRETCH_MS) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        begun = now();
        resolve();
      })
    );
  };
}
