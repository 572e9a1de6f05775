/**
 * Ids of exchanges, in the order of time: a database keeps an index of them, and adds ids in order to its last page.
 * Ids in random order would make it write a page for nearly each row (measured: half of the time of a batch).
 */

/** The time of a block in milliseconds has this many bytes, which last until the year 10,889. */
const TIME_BYTES = 6;
/** The random bytes of an id. With its number they tell it from an id of another process or of a clock set back. */
const RANDOM_BYTES = 5;
/** So many ids are made of one block, because most of the cost of random bytes is the call. */
const IDS_IN_BLOCK = 128;
const ID_BYTES = TIME_BYTES + 1 + RANDOM_BYTES;

/**
 * Makes a function that gives ids of exchanges, such as `req_0199f2c4a1b7035f0c…`, each of 24 hexadecimal digits: the
 * time, the number within its block, and random digits. `now` is the time in milliseconds since 1970.
 */
export function randomIds(now: () => number = Date.now): () => string {
  const block = new Uint8Array(ID_BYTES * IDS_IN_BLOCK);
  const view = new DataView(block.buffer);
  let next = IDS_IN_BLOCK;
  return () => {
    if (next === IDS_IN_BLOCK) {
      crypto.getRandomValues(block);
      const time = now();
      for (let index = 0; index < IDS_IN_BLOCK; index++) {
        const at = index * ID_BYTES;
        view.setUint16(at, Math.floor(time / 2 ** 32));
        view.setUint32(at + 2, time % 2 ** 32);
        view.setUint8(at + TIME_BYTES, index);
      }
      next = 0;
    }
    const at = next++ * ID_BYTES;
    return `req_${block.subarray(at, at + ID_BYTES).toHex()}`;
  };
}
