/**
 * Waits until a number of requests are decided: each has arrived at the upstream, or was rejected. `decide`
 * counts one of them, and `all` resolves with the last one. So requests are decided while none has ended.
 */
export function decisions(count: number): { readonly decide: () => void; readonly all: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let decided = 0;
  return {
    decide() {
      if (++decided === count) resolve();
    },
    all: promise,
  };
}
