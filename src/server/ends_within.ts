/** Whether a promise resolves within `limitMs`. Rejects if the promise rejects within that time. */
export async function endsWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, limitMs, false);
  try {
    return await Promise.race([promise.then(() => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}
