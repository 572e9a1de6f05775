/**
 * Clients choose the keys of bodies, so only so many are remembered. Most bodies have a few dozen of them.
 */
const MAX_KEYS = 1_000;
/** Longer keys are not remembered, so that the memory for them is bounded. In characters. */
const MAX_KEY = 40;

/**
 * The same function of a key, with its results for short keys remembered. They must depend on the key alone.
 */
export function rememberedByKey<Result>(resultOf: (key: string) => Result): (key: string) => Result {
  const known = new Map<string, Result>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined || key.length > MAX_KEY) return found ?? resultOf(key);
    const result = resultOf(key);
    if (known.size >= MAX_KEYS) known.clear();
    known.set(key, result);
    return result;
  };
}
