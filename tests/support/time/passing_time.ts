/** Waits that are part of what a test says. A test that waits for an event uses `deadline.ts`. */

/**
 * Waits for one turn of the event loop, in which everything happens that waits for no clock and no socket.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/**
 * Waits until all promises have settled that wait for no clock, socket or thread. A turn of {@link nextTurn}
 * takes up to 4 ms of real time, so tests that need thousands of turns use this function.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets real time pass. `why` says why no event can be awaited: a peer is slow on purpose, or nothing may
 * happen in this time.
 */
export function passing(ms: number, { why: _why }: { readonly why: string }): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
