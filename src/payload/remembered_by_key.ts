/**
 * The most keys whose results are remembered, because clients choose the keys of bodies. Most bodies have a
 * few dozen keys.
 */
const MAX_KEYS = 1_000;
/** The longest key that is remembered, in characters, so that the memory for keys is bounded. */
const MAX_KEY = 40;

/**
 * Returns a function that remembers the results of `resultOf` for short keys. The results must depend only on
 * the key.
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
