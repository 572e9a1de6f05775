import { sha256 } from "@noble/hashes/sha2.js";

/** Tells whether a presented value is the proxy's one shared token. */
export type TokenCheck = (candidate: string) => boolean;

/**
 * A check against the shared `PROXY_TOKEN`. Hashes are compared, in constant time, so that neither the
 * token's length nor how much of it was right shows in the time an answer takes.
 */
export function sharedTokenCheck(token: string): TokenCheck {
  const encoder = new TextEncoder();
  const hash = (text: string) => sha256(encoder.encode(text));
  const expected = hash(token);
  return (candidate) => isEqual(hash(candidate), expected);
}

/** Looks at every byte, whatever it finds. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
