/** Whether somebody is there: what the page does by itself must not keep a session alive. */

const ATTENDED_MS = 60_000;
let lastTouch = 0;

/** From now on keys, pointers and touches count. */
export function watchAttention(): void {
  for (const event of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, () => lastTouch = Date.now(), { passive: true, capture: true });
  }
}

/** Whether somebody has touched the page within the last minute. */
export function isAttended(): boolean {
  return Date.now() - lastTouch < ATTENDED_MS;
}
