/**
 * Tells requests that follow a user's input from those that the page repeats: only the former extend the
 * session.
 */

const ACTIVE_MS = 60_000;
let lastInputAt = 0;

/** Starts to record keys, pointers, wheels and touches. */
export function watchUserActivity(): void {
  for (const event of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, () => lastInputAt = Date.now(), { passive: true, capture: true });
  }
}

/** Whether the user has touched the page within the last minute. */
export function isUserActive(): boolean {
  return Date.now() - lastInputAt < ACTIVE_MS;
}
