/** Far beyond what anything here takes, on however busy a machine. */
const DEADLINE_MS = 20_000;

/** What a promise brings; fails where it takes so long that it hangs. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} did not come within ${DEADLINE_MS} ms`)),
    DEADLINE_MS,
  );
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
