/** Deadlines: a test that waits for an event fails with the name of that event, and does not hang. */

/** Far longer than any event of a test takes, on a busy machine too. */
const DEADLINE_MS = 30_000;
/** How often {@link until} looks. The first looks follow each other at once: most conditions hold soon. */
const LOOK_MS = 5;
const FIRST_LOOKS = 20;

/** An awaited event did not come in time. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed";
}

/**
 * Resolves as the promise does. Throws {@link DeadlinePassed}, with the event's name, after `ms`
 * milliseconds.
 */
export async function within<T>(promise: Promise<T>, what: string, ms = DEADLINE_MS): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const late = () => reject(new DeadlinePassed(`${what} did not come within ${ms} ms`));
  const timer = setTimeout(late, ms);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a condition that no event reports. Looks at it every few milliseconds, the first time at once.
 * Throws {@link DeadlinePassed}, with the condition's name, after `ms` milliseconds.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + ms;
  for (let looks = 0; !await within(Promise.resolve(condition()), what, ms); looks++) {
    if (performance.now() > end) throw new DeadlinePassed(`${what} did not come within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, looks < FIRST_LOOKS ? 0 : LOOK_MS));
  }
}
