/** Twelve random bytes make the ids of exchanges unique. */
const ID_BYTES = 12;
/** So many ids are made of one block, because most of the cost of random bytes is the call. */
const IDS_IN_BLOCK = 128;

/** Makes a function that gives ids of exchanges, such as `req_5f0c…`, each of 24 random hexadecimal digits. */
export function randomIds(): () => string {
  const block = new Uint8Array(ID_BYTES * IDS_IN_BLOCK);
  let at = block.length;
  return () => {
    if (at === block.length) {
      crypto.getRandomValues(block);
      at = 0;
    }
    const id = block.subarray(at, at += ID_BYTES);
    return `req_${id.toHex()}`;
  };
}
