/** Far beyond what anything here takes, on however busy a machine. */
const DEADLINE_MS = 30_000;

/** Something hangs. */
export class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed";
}

/** What a promise brings; fails where it takes so long that it hangs. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const late = () => reject(new DeadlinePassed(`${what} did not come within ${DEADLINE_MS} ms`));
  const timer = setTimeout(late, DEADLINE_MS);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
