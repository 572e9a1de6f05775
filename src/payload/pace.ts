/** So long is worked at a stretch. A step behind it is short, so that nobody waits for 50 ms. */
const STRETCH_MS = 8;

/** The step of a reader, in bytes: some milliseconds of work at worst. */
export const STEP_BYTES = 16 * 1024;

/** Lets everything else that waits go first, where work has lasted for long. It is awaited between short steps. */
export type Pause = () => Promise<void> | undefined;

/** A pause for one piece of work, which begins now. */
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
