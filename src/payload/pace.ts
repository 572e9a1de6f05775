/**
 * The milliseconds of work before a pause. The step after that is short, so that no client waits for 50 ms.
 */
const STRETCH_MS = 8;

/** The length of a step of a reader, in bytes. It takes a few milliseconds at most. */
export const STEP_BYTES = 16 * 1024;

/**
 * A function that is called between short steps of work. If the work has lasted too long since the last
 * pause, it returns a promise that lets other work run first. Otherwise it returns `undefined`.
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
