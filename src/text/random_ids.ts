/**
 * Ids of exchanges, in the order of time: a database keeps an index of them, and adds ids in order to its
 * last page. Ids in random order would make it write a page for nearly each row (measured: half of the time
 * of a batch).
 */

/** The time in milliseconds has this many bytes, which last until the year 10,889. */
const TIME_BYTES = 6;
const RANDOM_BYTES = 6;
const ID_BYTES = TIME_BYTES + RANDOM_BYTES;
/** The number of ids whose random bytes are made at once, because most of the cost is the call. */
const IDS_IN_BLOCK = 128;
/** The random part of the first id of a millisecond is below this, which leaves room for the next ones. */
const FIRST_BELOW = 2 ** 47;
/** Ids of the same millisecond follow each other in random steps below this: one random number of 32 bits. */
const STEP_BELOW = 2 ** 32;
const MOST = 2 ** 48;

/**
 * Makes a function that returns ids of exchanges, such as `req_0199f2c4a1b7035f0c…`, each of 24 hexadecimal
 * digits: the time and random digits. They do not tell how many other ids were made. `now` is the time in
 * milliseconds since 1970.
 */
export function randomIds(now: () => number = Date.now): () => string {
  const block = new Uint32Array(2 * IDS_IN_BLOCK);
  const id = new Uint8Array(ID_BYTES);
  const view = new DataView(id.buffer);
  let next = block.length;
  let time = -Infinity;
  let random = 0;
  return () => {
    if (next === block.length) {
      crypto.getRandomValues(block);
      next = 0;
    }
    const high = block[next++] ?? 0;
    const low = block[next++] ?? 0;
    const present = now();
    // A clock that is set back does not change the order.
    if (present <= time) random += 1 + high;
    if (present > time || random >= MOST) {
      time = Math.max(present, time + 1);
      random = high % (FIRST_BELOW / STEP_BELOW) * STEP_BELOW + low;
    }
    view.setUint16(0, Math.floor(time / 2 ** 32));
    view.setUint32(2, time % 2 ** 32);
    view.setUint16(TIME_BYTES, Math.floor(random / 2 ** 32));
    view.setUint32(TIME_BYTES + 2, random % 2 ** 32);
    return `req_${id.toHex()}`;
  };
}
