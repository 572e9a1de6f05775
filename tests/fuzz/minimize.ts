/** The smallest input that still fails in the same way, as far as cutting and plainer bytes lead there. */

const MAX_TRIES = 2_000;
const PLAIN = 0x61;

/** Tries smaller inputs as long as they fail. */
export async function minimized(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  const isSmaller = async (candidate: Uint8Array) => {
    if (++tries > MAX_TRIES || !await fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = input.length >> 1; size > 0; size = size === 1 ? 0 : (size + 1) >> 1) {
    for (let at = 0; at < best.length;) {
      const without = Uint8Array.of(...best.subarray(0, at), ...best.subarray(at + size));
      if (!await isSmaller(without)) at += size;
    }
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] === PLAIN) continue;
    const plainer = best.slice();
    plainer[at] = PLAIN;
    await isSmaller(plainer);
  }
  return best;
}
